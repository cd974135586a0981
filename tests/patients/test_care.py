"""Who cares for a patient sees the record, and nobody else: rows, keys, log. A grant opens one patient for a time."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinics.models import Membership, User
from clinics.roles import JOB as JOB_ROLE
from clinics.roles import Role
from compliance.models import ResourcePermission
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, Refused, Status, keyring, master_keys
from patients import care, records
from patients.care import CareError
from patients.models import Appointment, CareTeam, MedicalRecord, Patient, PatientAlert
from patients.records import RecordError
from tests.factories import JOB, World, make_colleague, make_world, write_entry
from tests.grants import grant

CLINICAL: list[Any] = [MedicalRecord, PatientAlert]
NEVER = [Role.MANAGER, Role.RECEPTION, Role.DPO, Role.AUDITOR]


def entering(world: World, who: Any) -> Any:
    """The context of a role, of a user, or of a job."""
    actor = JOB if who == JOB_ROLE else who if isinstance(who, User) else world.user(who)
    return context.enter(actor, world.clinic.pk)


def statuses(patients: list[Any], category: str) -> dict[Any, str]:
    """What `open_keys` answers, past the ORM."""
    rows = execute(
        "SELECT patient, status, wrapped IS NOT NULL FROM neonpro.open_keys(%s::uuid[], %s::text[], 'READ', 'test')",
        [[patient.pk for patient in patients], [category]],
    )
    assert all(has_key == (status == "open") for _patient, status, has_key in rows)
    return {patient: status for patient, status, _key in rows}


def log(world: World, *actions: str) -> list[tuple[Any, ...]]:
    """Rows of the audit log, oldest first."""
    with world.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, patients, changes FROM audit_logs WHERE action = ANY (%s) ORDER BY created_at, id",
            [list(actions)],
        )
        return [(action, patients, json.loads(changes)) for action, patients, changes in cursor.fetchall()]


# --- Who sees nothing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [*NEVER, JOB_ROLE])
def test_no_other_role_has_rows_or_keys(who: str, clinic_a: World) -> None:
    patient = clinic_a.patients[-1]
    if who != JOB_ROLE:
        grant(clinic_a, patient, to=who)
    with entering(clinic_a, who):
        for model in CLINICAL:
            assert not model.objects.exists()
        assert execute("SELECT neonpro.open_patients(NULL, false)", []) == []
        for category in ("clinical", "images"):
            assert set(statuses([patient], category).values()) <= {"withheld"}
            with pytest.raises(DatabaseError), transaction.atomic():
                execute(
                    "SELECT neonpro.create_keys(%s::uuid[], %s::text[], %s::int, %s::bytea[])",
                    [[patient.pk], [category], master_keys()[0].kid, [bytes(80)]],
                )
        with pytest.raises((DatabaseError, RecordError, Refused)), transaction.atomic():
            records.new_draft(patient=patient.pk, kind="evolution")
        with pytest.raises((DatabaseError, RecordError, Refused)), transaction.atomic():
            PatientAlert(patient=patient, kind="allergy", severity="low", text="x").save()


def test_somebody_who_is_a_manager_sees_nothing_by_being_a_professional_too(clinic_a: World) -> None:
    """The role of the membership decides: one that is changed closes what it opened."""
    with clinic_a.enter(Role.MANAGER):
        Membership.objects.filter(user=clinic_a.user(Role.PROFESSIONAL)).update(role=Role.MANAGER)
    with clinic_a.enter(Role.PROFESSIONAL):
        assert records.current_professional() == clinic_a.professional.pk
        assert not MedicalRecord.objects.exists()
        assert statuses(clinic_a.patients, "clinical") == {clinic_a.patients[-1].pk: "withheld"}


def test_a_professional_outside_the_care_team_has_nothing(clinic_a: World) -> None:
    user, _professional = make_colleague(clinic_a)
    patient = clinic_a.patients[-1]
    with entering(clinic_a, user):
        for model in CLINICAL:
            assert not model.objects.exists()
            assert not model.objects.filter(patient=patient).exists()
        assert statuses([patient], "clinical") == {patient.pk: "withheld"}
        ring = keyring()
        ring.open([patient.pk], ["clinical"])
        assert ring.cipher(patient.pk, "clinical") is Status.WITHHELD
        assert execute("SELECT * FROM neonpro.hold_keys(%s::uuid[], ARRAY['clinical'])", [[patient.pk]]) == []
        # Nor can a key be made of a patient who has none yet.
        other = clinic_a.patients[0]
        for category in ("clinical", "images"):
            wrapped = master_keys()[0].wrap(bytes(64), other.pk, category)
            assert execute(
                "SELECT neonpro.create_keys(%s::uuid[], %s::text[], %s::int, %s::bytea[])",
                [[other.pk], [category], master_keys()[0].kid, [wrapped]],
            ) == [(0,)]
        for attempt in (
            lambda: records.new_draft(patient=patient.pk, kind="evolution"),
            lambda: records.new_addendum(clinic_a.record.pk, reason="x"),
            lambda: records.add_alert(patient=patient.pk, kind="allergy", severity="low", text="x"),
            lambda: records.end_alert(clinic_a.alert.pk),
        ):
            with pytest.raises(RecordError):
                attempt()
        # What everybody may see of a patient stays open.
        assert Patient.objects.get(pk=patient.pk).name == "Paciente ALFAZEMA 2"
    denied = [row for row in log(clinic_a, "DENIED") if row[1] == [patient.pk]]
    assert denied
    assert denied[0][2]["withheld"] == ["clinical"]


def test_a_page_of_mixed_patients_tells_who_was_opened_and_who_was_refused(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    inside, outside, neither = clinic_a.patients
    with clinic_a.enter(Role.PROFESSIONAL):
        for patient in clinic_a.patients[:2]:
            write_entry(patient, "x")
        care.add(patient=inside.pk, professional=colleague.pk, reason="retorno")
    before = len(log(clinic_a, "LIST", "DENIED"))
    with entering(clinic_a, user):
        keyring().open([one.pk for one in clinic_a.patients], ["clinical"], Act.LIST)
        assert statuses(clinic_a.patients, "clinical") == {
            inside.pk: "open", outside.pk: "withheld", neither.pk: "withheld",
        }  # fmt: skip
    listed, denied = log(clinic_a, "LIST", "DENIED")[before:][:2]
    assert (listed[0], listed[1], listed[2]["categories"]) == ("LIST", [inside.pk], ["clinical"])
    assert (denied[0], set(denied[1]), denied[2]["withheld"]) == ("DENIED", {outside.pk, neither.pk}, ["clinical"])
    # With something that opens besides: nobody was refused all, and the log says of whom what was opened.
    before = len(log(clinic_a, "LIST", "DENIED"))
    with entering(clinic_a, user):
        keyring().open([one.pk for one in clinic_a.patients], ["identification", "clinical"], Act.LIST)
    rows = log(clinic_a, "LIST", "DENIED")[before:]
    assert {(row[0], frozenset(row[1]), tuple(row[2]["categories"])) for row in rows} == {
        ("LIST", frozenset({inside.pk}), ("identification", "clinical")),
        ("LIST", frozenset({outside.pk, neither.pk}), ("identification",)),
    }


def test_the_log_holds_no_clinical_word(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(clinic_a.patients[0], "segredo clínico", final=False)
        records.save_draft(draft.pk, revision=draft.revision, texts={"evolution": "segredo mudado"})
        records.discard(draft.pk)
        records.add_alert(patient=clinic_a.patients[0].pk, kind="allergy", severity="high", text="segredo alérgico")
    with clinic_a.enter(Role.AUDITOR), connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(l::text, ' ') FROM audit_logs AS l"
            " WHERE table_name IN ('medical_records', 'patient_alerts')"
        )
        (text,) = cursor.fetchone()
    assert "medical_records" in text
    for word in ("segredo", "queixa", "dipirona", "allergy", "high"):
        assert word not in text


# --- How care begins and ends -----------------------------------------------------------------------------------------


def book(world: World, patient: Patient, professional: Any, role: str = Role.RECEPTION, **more: Any) -> Appointment:
    with world.enter(role):
        return Appointment.objects.create(
            patient=patient, professional=professional, day=timezone.localdate() + timedelta(days=3), **more
        )


def test_a_booking_opens_the_record_and_the_log_says_whose(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    patient = clinic_a.patients[-1]
    visit = book(clinic_a, patient, colleague)
    with entering(clinic_a, user):
        assert MedicalRecord.objects.get(patient=patient).sections[0]["text"] == "queixa ALFAZEMA"
        stay = CareTeam.objects.get(patient=patient, professional=colleague)
    assert (stay.began, stay.appointment_id, stay.added_by_id) == (
        "appointment", visit.pk, clinic_a.user(Role.RECEPTION).pk,
    )  # fmt: skip
    with clinic_a.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor, role, patient_id FROM audit_logs WHERE table_name = 'care_team' AND record_id = %s",
            [stay.pk],
        )
        assert cursor.fetchall() == [(str(clinic_a.user(Role.RECEPTION).pk), "reception", patient.pk)]


@pytest.mark.parametrize("how", ["cancelled", "no_show", "moved"])
def test_an_appointment_that_falls_through_closes_what_it_opened(how: str, clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    patient = clinic_a.patients[-1]
    visit = book(clinic_a, patient, colleague)
    change = {"professional": clinic_a.professional} if how == "moved" else {"status": how}
    with clinic_a.enter(Role.RECEPTION):
        Appointment.objects.filter(pk=visit.pk).update(**change)
    with entering(clinic_a, user):
        assert not MedicalRecord.objects.exists()
        assert CareTeam.objects.get(professional=colleague).ended == "appointment"
    with clinic_a.enter(Role.RECEPTION):
        Appointment.objects.filter(pk=visit.pk).update(professional=colleague, status="scheduled")
    with entering(clinic_a, user):
        assert MedicalRecord.objects.count() == 1, "put right, it opens again"


def test_another_appointment_or_another_reason_keeps_it_open(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    first, second = clinic_a.patients[0], clinic_a.patients[-1]
    visits = [book(clinic_a, second, colleague) for _number in range(2)]
    with clinic_a.enter(Role.MANAGER):
        care.add(patient=first.pk, professional=colleague.pk, reason="plantão")
    visits.append(book(clinic_a, first, colleague))
    with clinic_a.enter(Role.RECEPTION):
        Appointment.objects.filter(pk__in=[visits[0].pk, visits[2].pk]).update(status="cancelled")
    with entering(clinic_a, user):
        assert set(execute("SELECT neonpro.open_patients(NULL, true)", [])) == {(first.pk,), (second.pk,)}


def test_an_appointment_of_nobody_or_cancelled_opens_nothing(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    book(clinic_a, clinic_a.patients[0], None)
    book(clinic_a, clinic_a.patients[0], colleague, status="cancelled")
    with entering(clinic_a, user):
        assert execute("SELECT neonpro.open_patients(NULL, false)", []) == []


def test_a_colleague_in_the_team_adds_another_and_nobody_else_does(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    third_user, third = make_colleague(clinic_a, "terceira")
    patient = clinic_a.patients[-1]
    with entering(clinic_a, user), pytest.raises(CareError):
        care.add(patient=patient.pk, professional=colleague.pk, reason="quero ver")
    with entering(clinic_a, Role.RECEPTION), pytest.raises(CareError):
        care.add(patient=patient.pk, professional=colleague.pk, reason="quero ver")
    # A grant lets one read; it does not make one of the team.
    grant(clinic_a, patient)
    with clinic_a.enter(Role.PROFESSIONAL):
        for reason in ("", "   "):
            with pytest.raises(CareError):
                care.add(patient=patient.pk, professional=colleague.pk, reason=reason)
        stay = care.add(patient=patient.pk, professional=colleague.pk, reason="parecer")
        assert stay.began == "colleague"
        with pytest.raises(CareError):
            care.add(patient=patient.pk, professional=colleague.pk, reason="de novo")
        with pytest.raises(CareError):
            care.end(stay.pk, reason="não é meu")
    with entering(clinic_a, user):
        care.add(patient=patient.pk, professional=third.pk, reason="junta")
        assert care.end(stay.pk, reason="alta").ended == "left"
        assert not MedicalRecord.objects.exists()
    with entering(clinic_a, third_user):
        assert MedicalRecord.objects.count() == 1
        assert CareTeam.objects.get(professional=third).reason == "junta"


def test_a_manager_adds_and_ends_and_sees_nothing_clinical(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    patient = clinic_a.patients[-1]
    with clinic_a.enter(Role.MANAGER):
        stay = care.add(patient=patient.pk, professional=colleague.pk, reason="substituição")
        assert stay.began == "manager"
        assert not MedicalRecord.objects.exists()
    with entering(clinic_a, user):
        assert MedicalRecord.objects.exists()
    with clinic_a.enter(Role.MANAGER):
        ended = care.end(stay.pk, reason="voltou")
        assert (ended.ended, ended.ended_by_id) == ("manager", clinic_a.user(Role.MANAGER).pk)
        with pytest.raises(CareError):
            care.end(stay.pk, reason="outra vez")
    with entering(clinic_a, user):
        assert not MedicalRecord.objects.exists()


def test_a_stay_is_never_rewritten_or_forged(clinic_a: World) -> None:
    _user, colleague = make_colleague(clinic_a)
    patient = clinic_a.patients[0]
    forged = [
        ("reception", "appointment", clinic_a.appointments[0].pk),  # not that professional's
        ("professional", "manager", None),
        ("manager", "colleague", None),
        ("manager", "appointment", clinic_a.appointments[0].pk),
    ]
    for role, began, visit in forged:
        with clinic_a.enter(role), pytest.raises(DatabaseError), transaction.atomic():
            CareTeam.objects.create(patient=patient, professional=colleague, began=began, appointment_id=visit)
    changes = ("SET since = since - interval '1 year'", f"SET professional_id = '{colleague.pk}'",
               "SET until = NULL, ended = ''", "SET until = now(), ended = 'manager', began = 'manager'")  # fmt: skip
    for change in changes:
        with clinic_a.enter(Role.MANAGER), pytest.raises(DatabaseError), transaction.atomic():
            execute(f"UPDATE care_team {change} WHERE patient_id = %s RETURNING id", [patient.pk])
    with clinic_a.enter(Role.MANAGER):
        with pytest.raises(DatabaseError), transaction.atomic():
            CareTeam.objects.filter(patient=patient).delete()
        # Whenever somebody says it was: it is now.
        CareTeam.objects.filter(patient=patient).update(until="2001-01-01T00:00Z", ended="appointment")
        ended = CareTeam.objects.get(patient=patient)
        assert ended.until is not None
        assert ended.until.year > 2001
        assert ended.ended == "manager"


def test_a_professional_who_leaves_the_clinic_is_nobodys(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        clinic_a.professional.is_active = False
        clinic_a.professional.save()
    with clinic_a.enter(Role.PROFESSIONAL):
        assert records.current_professional() is None
        assert not MedicalRecord.objects.exists()


# --- Grants -----------------------------------------------------------------------------------------------------------


def granted(
    world: World, patient: Patient, user: User, codename: str = "view_patient", **more: Any
) -> ResourcePermission:
    """A grant of a manager's to somebody in particular."""
    made = grant(world, patient, codename=codename)
    with world.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).update(user=user, **more)
    return made


def test_a_grant_opens_exactly_one_patient_until_it_ends(clinic_a: World) -> None:
    user, _colleague = make_colleague(clinic_a)
    patient, other = clinic_a.patients[-1], clinic_a.patients[0]
    with clinic_a.enter(Role.PROFESSIONAL):
        write_entry(other, "de outro")
    made = granted(clinic_a, patient, user, expires_at=timezone.now() + timedelta(hours=1))
    with entering(clinic_a, user):
        assert [one.sections[0]["text"] for one in MedicalRecord.objects.all()] == ["queixa ALFAZEMA"]
        assert [alert.text for alert in PatientAlert.objects.all()] == ["dipirona ALFAZEMA"]
        assert statuses([patient, other], "clinical") == {patient.pk: "open", other.pk: "withheld"}
        with pytest.raises(RecordError):
            records.new_draft(patient=patient.pk, kind="evolution")
    with clinic_a.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with entering(clinic_a, user):
        assert not MedicalRecord.objects.exists()
        assert statuses([patient], "clinical") == {patient.pk: "withheld"}
    with clinic_a.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).update(expires_at=None)
    with entering(clinic_a, user):
        assert MedicalRecord.objects.count() == 1
    with clinic_a.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).delete()
    with entering(clinic_a, user):
        assert not MedicalRecord.objects.exists()


def test_a_grant_ends_at_its_second_in_a_running_session(committed: None) -> None:
    """No job closes it, and no new transaction is needed: the clock is asked."""
    world = make_world("ESTRAGAO")
    user, _colleague = make_colleague(world)
    end = timezone.now() + timedelta(seconds=2)
    granted(world, world.patients[-1], user, expires_at=end)
    with entering(world, user):
        assert MedicalRecord.objects.count() == 1
        while timezone.now() < end:
            time.sleep(0.05)
        assert not MedicalRecord.objects.exists()
        assert not PatientAlert.objects.exists()
        assert statuses([world.patients[-1]], "clinical") == {world.patients[-1].pk: "withheld"}


def test_break_glass_lets_one_write_and_so_does_a_grant_to_change(clinic_a: World) -> None:
    user, _colleague = make_colleague(clinic_a)
    patient, other = clinic_a.patients[-1], clinic_a.patients[0]
    granted(clinic_a, patient, user, kind="break_glass", expires_at=timezone.now() + timedelta(hours=1))
    with entering(clinic_a, user):
        assert write_entry(patient, "atendi na emergência").status == "finalised"
        # Whoever has it open is not in the team.
        with pytest.raises(CareError):
            care.add(patient=patient.pk, professional=clinic_a.professional.pk, reason="x")
    granted(clinic_a, other, user)
    granted(clinic_a, other, user, "change_patient")
    with entering(clinic_a, user):
        assert write_entry(other, "a convite").status == "finalised"


def test_a_grant_of_something_else_opens_nothing(clinic_a: World) -> None:
    user, _colleague = make_colleague(clinic_a)
    granted(clinic_a, clinic_a.patients[-1], user, "change_patient")
    made = granted(clinic_a, clinic_a.patients[0], user)
    with clinic_a.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).update(object_pk="não é um id")
    with entering(clinic_a, user):
        assert execute("SELECT neonpro.open_patients(NULL, false)", []) == []
        assert not MedicalRecord.objects.exists()


def test_another_clinics_care_opens_nothing_here(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        assert statuses(clinic_b.patients, "clinical") == {}
        assert not MedicalRecord.objects.filter(patient__in=clinic_b.patients).exists()
        with pytest.raises((RecordError, DatabaseError)):
            records.new_draft(patient=clinic_b.patients[0].pk, kind="evolution")
        with pytest.raises(CareError):
            care.add(patient=clinic_b.patients[0].pk, professional=clinic_a.professional.pk, reason="x")


def test_a_restricted_patient_is_closed_to_the_team_too(clinic_a: World) -> None:
    patient = clinic_a.patients[-1]
    with clinic_a.enter(Role.DPO):
        Patient.objects.filter(pk=patient.pk).update(restricted_at=timezone.now())
    with clinic_a.enter(Role.PROFESSIONAL):
        entry = MedicalRecord.objects.get(patient=patient)
        assert isinstance(entry.content, Withheld)
        assert entry.sections == []
        assert statuses([patient], "clinical") == {patient.pk: "restricted"}
        with pytest.raises(RecordError):
            write_entry(patient, "não")
