"""Consents: what follows from what, who writes which, minors, and that nobody types a state; in SQL too."""

import hashlib
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from clinics.models import Service
from clinics.roles import JOB, Role
from compliance import consents
from compliance.consents import ConsentError, Guardian
from compliance.models import (
    NOT_SENSITIVE,
    Channel,
    Consent,
    ConsentEvent,
    ConsentRecord,
    ConsentText,
    DataCategory,
    LegalBasis,
)
from compliance.purposes import TERMS, Family, Purpose
from neonpro.db import context
from neonpro.rules import rule
from patients.models import Patient
from tests.factories import JOB as TESTS
from tests.factories import World, make_world

MOTHER = Guardian(name="Maria da Silva", relation="mother", proof="certidão de nascimento")


@pytest.fixture
def world(db: None) -> World:
    """A clinic with a published text for everything, and adult patients, of whom one has consented to something."""
    return with_texts(make_world("ALFAZEMA", signed=True))


def with_texts(world: World) -> World:
    with world.enter(Role.DPO):
        for text in consents.add_starters():
            consents.publish(text)
        Patient.objects.update(birth_year=1980)
    return world


def state_of(world: World, purpose: str, patient: Patient | None = None) -> str:
    with world.enter(Role.DPO):
        found = Consent.objects.filter(patient=patient or world.patients[1], purpose=purpose).first()
        return found.state if found else ""


def patient_of(world: World, number: int = 1) -> Patient:
    return Patient.objects.get(pk=world.patients[number].pk)


def insert(patient: Any, **changes: Any) -> None:
    """An event by SQL, as an attacker or another program would."""
    row: dict[str, Any] = {
        "patient_id": patient.pk, "purpose": "telemedicine", "event": "granted", "family": "TELEMEDICINE",
        "legal_basis": "11.II.f", "data_category": "HEALTH", "channel": "paper", "highlighted": False,
        "guardian_relation": "", "guardian_name": b"", "guardian_proof": b"", "evidence_kind": "",
        "evidence": b"", "clinical_evidence": b"", "happened_at": timezone.now(),
        "text_id": getattr(consents.text_in_force(changes.get("purpose", "telemedicine")), "pk", None),
        "text_sha256": "", "recorded_role": "",
    } | changes  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO consent_records ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
            list(row.values()),
        )


def refused(constraint: str, patient: Any, **changes: Any) -> None:
    with pytest.raises(DatabaseError) as caught:
        insert(patient, **changes)
    assert caught.value.__cause__.diag.constraint_name == constraint, caught.value  # type: ignore[union-attr]


# --- The lists of law -------------------------------------------------------------------------------------------------


def test_the_lists_are_those_of_the_rules() -> None:
    today = timezone.localdate()
    assert set(Family.values) == set(rule("lgpd.consent.families", on=today).choices)
    assert set(DataCategory.values) - {str(c) for c in NOT_SENSITIVE} == set(
        rule("lgpd.sensitive_data", on=today).choices
    )
    listed = [
        row["basis"]
        for code in ("lgpd.legal_bases", "lgpd.sensitive_legal_bases")
        for row in rule(code, on=today).table
    ]
    assert list(LegalBasis.values) == listed
    assert {terms.family for terms in TERMS.values()} == set(Family)
    assert set(TERMS) == set(Purpose)


def test_care_rests_on_no_consent(world: World) -> None:
    care = rule("lgpd.care_bases", on=timezone.localdate()).choices
    with world.enter(Role.DPO):
        for call in (consents.allows, consents.require):
            with pytest.raises(ConsentError, match=r"art\. 11"):
                call(world.patients[0].pk, "care")
        with pytest.raises(ConsentError, match=r"art\. 11"):
            consents.ask(patient_of(world), "care", channel=Channel.PAPER)
        for basis in care:
            refused(
                "consent_records_care_asks_none",
                world.patients[0],
                purpose="marketing",
                family="LGPD",
                legal_basis=basis,
            )
        # No family has it, and no list.
        refused("consent_records_one_family", world.patients[0], purpose="care", event="refused", text_id=None)


@pytest.mark.parametrize("basis", [str(basis) for basis in LegalBasis if str(basis).startswith("7.")])
def test_sensitive_data_have_a_basis_of_article_11_alone(world: World, basis: str) -> None:
    with world.enter(Role.DPO):
        refused("consent_records_sensitive_basis", world.patients[1], legal_basis=basis)


def test_a_consent_names_its_text_and_a_sensitive_one_is_highlighted(world: World) -> None:
    with world.enter(Role.DPO):
        refused("consent_records_text_named", world.patients[1], text_id=None)
        refused("consent_records_highlighted", world.patients[1], legal_basis="11.I")
        refused("consent_records_one_family", world.patients[1], family="IMAGE_USE")


# --- Steps ------------------------------------------------------------------------------------------------------------


def test_a_consent_from_the_question_to_the_withdrawal(world: World) -> None:
    with world.enter(Role.RECEPTION):
        patient = patient_of(world)
        assert not consents.allows(patient.pk, Purpose.TELEMEDICINE)
        consents.ask(patient, Purpose.TELEMEDICINE, channel=Channel.EMAIL)
        assert not consents.allows(patient.pk, Purpose.TELEMEDICINE)
        granted = consents.grant(patient, Purpose.TELEMEDICINE, channel=Channel.PAPER)
        assert consents.allows(patient.pk, Purpose.TELEMEDICINE)
        text = ConsentText.objects.get(pk=str(granted.text_id))
        assert (granted.text_version, granted.number, granted.recorded_role) == (1, 2, Role.RECEPTION)
        assert granted.text_sha256 == hashlib.sha256(f"{text.title}\n\n{text.body}".encode()).hexdigest()
        assert granted.recorded_by == world.user(Role.RECEPTION).pk
        # Asking again, for a new version, takes nothing away.
        consents.ask(patient, Purpose.TELEMEDICINE, channel=Channel.EMAIL)
        assert consents.allows(patient.pk, Purpose.TELEMEDICINE)
        consents.withdraw(patient, Purpose.TELEMEDICINE, channel=Channel.PHONE)
        assert not consents.allows(patient.pk, Purpose.TELEMEDICINE)
        with pytest.raises(ConsentError, match=r"nothing to withdraw|nada"):
            consents.withdraw(patient, Purpose.TELEMEDICINE, channel=Channel.PHONE)
        with pytest.raises(ConsentError):
            consents.require(patient.pk, Purpose.TELEMEDICINE)


def test_a_procedure_is_consented_service_by_service(world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        patient, service = patient_of(world), Service.objects.get()
        with pytest.raises(ConsentError):
            consents.grant(patient, Purpose.PROCEDURE, channel=Channel.PAPER)
        consents.grant(patient, Purpose.PROCEDURE, channel=Channel.PAPER, service=service.pk)
        assert consents.allows(patient.pk, Purpose.PROCEDURE, service=service.pk)
        assert not consents.allows(patient.pk, Purpose.PROCEDURE)


def test_those_who_consent_are_a_list(world: World) -> None:
    with world.enter(Role.RECEPTION):
        consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER)
        consents.grant(patient_of(world, 0), Purpose.MARKETING, channel=Channel.PAPER)
        assert {p.pk for p in consents.consenting(Purpose.MARKETING)} == {p.pk for p in world.patients[:2]}
        consents.withdraw(patient_of(world), Purpose.MARKETING, channel=Channel.PHONE)
        assert {p.pk for p in consents.consenting(Purpose.MARKETING)} == {world.patients[0].pk}


def test_no_text_no_question(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION), pytest.raises(ConsentError, match=r"text"):
        consents.ask(patient_of(clinic_a), Purpose.TELEMEDICINE, channel=Channel.PAPER)


@pytest.mark.parametrize("role", [*Role.values, JOB])
def test_who_records_what(world: World, role: str) -> None:
    desk = {Family.LGPD, Family.IMAGE_USE, Family.TELEMEDICINE}
    care = set(Family) - {Family.LGPD}
    expected: dict[str, set[Any]] = {
        Role.RECEPTION: desk, Role.MANAGER: desk, Role.PROFESSIONAL: care, Role.DPO: set(Family), JOB: set(Family),
        Role.AUDITOR: set(),
    }  # fmt: skip
    actor = TESTS if role == JOB else world.user(role)
    with context.enter(actor, world.clinic.pk):
        assert {TERMS[p].family for _e, p in consents.recordable(["granted"], Purpose)} == expected[role]
    for purpose, terms in TERMS.items():
        with context.enter(actor, world.clinic.pk):
            try:
                service = Service.objects.get().pk if terms.by_service else None
                consents.grant(patient_of(world), purpose, channel=Channel.PAPER, service=service)
                done = True
            except (ConsentError, DatabaseError, Patient.DoesNotExist):
                done = False
        assert done == (terms.family in expected[role]), purpose


@pytest.mark.parametrize("role", [Role.RECEPTION, Role.PROFESSIONAL, Role.MANAGER])
def test_whoever_is_told_writes_a_withdrawal_down(world: World, role: str) -> None:
    with world.enter(Role.DPO):
        consents.grant(patient_of(world), Purpose.AI, channel=Channel.PAPER)
        consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER)
    with world.enter(role):
        for purpose in (Purpose.AI, Purpose.MARKETING):
            consents.withdraw(patient_of(world), purpose, channel=Channel.IN_PERSON)
            assert not consents.allows(world.patients[1].pk, purpose)


def test_a_policy_expires_a_consent_and_reception_does_not(world: World) -> None:
    with world.enter(Role.RECEPTION):
        consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER)
        with pytest.raises(ConsentError):
            consents.expire(patient_of(world), Purpose.MARKETING)
    with context.enter(TESTS, world.clinic.pk):
        consents.expire(patient_of(world), Purpose.MARKETING)
    assert state_of(world, Purpose.MARKETING) == ConsentEvent.EXPIRED


# --- Evidence -----------------------------------------------------------------------------------------------------

SCAN = b"%PDF-1.7 assinado por Ana"


def test_a_scan_is_kept_encrypted_under_the_key_of_its_family(world: World) -> None:
    with world.enter(Role.RECEPTION):
        made = consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER, evidence=SCAN)
        assert ConsentRecord.objects.get(pk=made.pk).evidence == SCAN
        with connection.cursor() as cursor:
            cursor.execute("SELECT position(%s in evidence) FROM consent_records WHERE id = %s", [SCAN, made.pk])
            assert cursor.fetchone() == (0,)
        for content in (b"MZ...", b"%PDF-" + b"x" * consents.LARGEST):
            with pytest.raises(ConsentError):
                consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER, evidence=content)
        # What names a treatment is clinical: the front desk keeps no scan of it.
        with pytest.raises(ConsentError):
            consents.refuse(patient_of(world), Purpose.DRUG_RISK, channel=Channel.PAPER, evidence=SCAN)
        refused("consent_records_evidence", world.patients[1], evidence_kind="pdf")
        refused("consent_records_evidence", world.patients[1], evidence=b"x")


# --- Minors -----------------------------------------------------------------------------------------------------------


def test_the_age_in_sql_is_the_rules() -> None:
    age = rule("lgpd.minors.assisted_below", on=timezone.localdate()).quantity.number
    text = Path("compliance/sql/adult_age.sql").read_text(encoding="utf-8")
    assert f"SELECT {age}\n" in text


def test_a_minor_grants_by_a_guardian_whom_the_record_names(world: World) -> None:
    today = timezone.localdate()
    with world.enter(Role.DPO):
        Patient.objects.filter(pk=world.patients[1].pk).update(birth_year=today.year - 17)
        refused("consent_records_minor", world.patients[1])
        with pytest.raises(ConsentError):
            consents.grant(patient_of(world), Purpose.TELEMEDICINE, channel=Channel.PAPER, adult=True)
        refused(
            "consent_records_guardian_relation",
            world.patients[1],
            actor="guardian",
            guardian_name=b"x",
            guardian_proof=b"x",
        )
        refused("consent_records_guardian_named", world.patients[1], actor="guardian", guardian_relation="mother")
        with pytest.raises(ConsentError):
            consents.grant(
                patient_of(world), Purpose.TELEMEDICINE, channel=Channel.PAPER,
                guardian=Guardian(name="Maria", relation="mother", proof=" "),
            )  # fmt: skip
        made = consents.grant(patient_of(world), Purpose.TELEMEDICINE, channel=Channel.PAPER, guardian=MOTHER)
        assert (made.guardian_name, made.guardian_proof) == (MOTHER.name, MOTHER.proof)
        assert consents.allows(world.patients[1].pk, Purpose.TELEMEDICINE)


@pytest.mark.parametrize(("days", "minor"), [(-1, True), (0, False), (1, False)])
def test_in_the_year_of_coming_of_age_the_day_decides(world: World, days: int, minor: bool) -> None:
    today = date(2026, 6, 15)
    patient = Patient(birth_date=date(2008, 6, 15), birth_year=2008)
    assert consents.is_minor(patient, on=today + timedelta(days=days)) is minor
    assert consents.is_minor(Patient(birth_year=2008), on=today) is None
    assert consents.is_minor(Patient(birth_year=2009), on=today) is True
    assert consents.is_minor(Patient(birth_year=2007), on=today) is False


def test_an_unknown_age_must_be_seen(world: World) -> None:
    with world.enter(Role.RECEPTION):
        Patient.objects.filter(pk=world.patients[1].pk).update(birth_year=None)
        with pytest.raises(ConsentError):
            consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER)
        consents.grant(patient_of(world), Purpose.MARKETING, channel=Channel.PAPER, adult=True)


# --- Nobody types a state, and nothing is ever rewritten --------------------------------------------------------------

TAMPERING = [
    "UPDATE consent_records SET event = 'granted'",
    "DELETE FROM consent_records",
    "TRUNCATE consent_records",
    "UPDATE lgpd_consents SET state = 'granted'",
    "DELETE FROM lgpd_consents",
    "INSERT INTO lgpd_consents (patient_id, purpose, state) SELECT id, 'ai', 'granted' FROM patients",
    "SELECT neonpro.consent_in_force((SELECT id FROM patients LIMIT 1), 'marketing', NULL)",
]


@pytest.mark.parametrize("statement", TAMPERING)
@pytest.mark.parametrize("role", [Role.DPO, Role.MANAGER])
def test_the_application_neither_rewrites_an_event_nor_types_a_state(world: World, role: str, statement: str) -> None:
    with world.enter(role), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", TAMPERING[:6])
def test_nor_does_the_owner(committed: None, statement: str) -> None:
    world = make_world("ALFAZEMA", signed=True)
    before = state_of(world, Purpose.MARKETING, world.patients[0])
    with context.enter(world.user(Role.DPO), world.clinic.pk, using="owner"), connections["owner"].cursor() as cursor:
        try:
            with transaction.atomic(using="owner"):
                cursor.execute("SET LOCAL session_replication_role = replica")
        except DatabaseError:
            pass
        try:
            with transaction.atomic(using="owner"):
                cursor.execute("SELECT set_config('pgtrigger.ignore', '{consent_records:refuse_change}', true)")
                cursor.execute(statement)
                # Row security: nothing was there to change.
                assert cursor.rowcount == 0
        except DatabaseError:
            pass
    with world.enter(Role.DPO):
        assert ConsentRecord.objects.count() == 1
        assert Consent.objects.count() == 1
    assert state_of(world, Purpose.MARKETING, world.patients[0]) == before == ConsentEvent.GRANTED


def test_an_event_that_is_not_written_changes_no_state(world: World) -> None:
    """ON CONFLICT DO NOTHING runs the triggers before the row is given up."""
    with world.enter(Role.DPO):
        consents.grant(patient_of(world, 0), Purpose.MARKETING, channel=Channel.PAPER)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO consent_records (id, patient_id, purpose, event, family, legal_basis, data_category,"
                " channel, guardian_name, guardian_proof, guardian_relation, text_sha256, recorded_role, evidence_kind,"
                " evidence, clinical_evidence, text_id)"
                " SELECT id, %s, 'telemedicine', 'granted', 'TELEMEDICINE', '11.II.f', 'HEALTH', 'paper', '', '', '',"
                " '', '', '', '', '', %s FROM consent_records LIMIT 1 ON CONFLICT DO NOTHING",
                [world.patients[1].pk, consents.text_in_force("telemedicine").pk],  # type: ignore[union-attr]
            )
            assert cursor.rowcount == 0
        assert not consents.allows(world.patients[1].pk, "telemedicine")


def test_what_the_database_writes_nobody_else_does(world: World) -> None:
    with world.enter(Role.RECEPTION):
        insert(
            world.patients[1], number=99, text_sha256="0" * 64, recorded_role="dpo",
            recorded_by=world.user(Role.DPO).pk, text_version=9,
        )  # fmt: skip
        made = ConsentRecord.objects.get(purpose="telemedicine")
        assert (made.number, made.text_version, made.recorded_role) == (1, 1, "reception")
        assert made.recorded_by == world.user(Role.RECEPTION).pk


# --- Texts ------------------------------------------------------------------------------------------------------------


def test_a_published_text_never_changes_and_a_new_one_takes_its_place(world: World) -> None:
    with world.enter(Role.DPO):
        old = consents.text_in_force("telemedicine")
        assert old is not None
        for change in ({"body": "x"}, {"title": "x"}, {"published_at": None}):
            with pytest.raises(DatabaseError), transaction.atomic():
                ConsentText.objects.filter(pk=old.pk).update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            old.delete()
        with pytest.raises(ConsentError):
            consents.publish(old)
        new = ConsentText.objects.create(purpose="telemedicine", title="Novo", body="Outro")
        assert new.version == 0 or new.version == 2
        new.refresh_from_db()
        assert new.version == 2
        refused("consent_records_text_published", world.patients[1], text_id=new.pk)
        consents.publish(new)
        assert consents.text_in_force("telemedicine") == new
        # Signed on paper before: the version that was signed is the one that is named.
        made = consents.grant(patient_of(world), "telemedicine", channel=Channel.PAPER, text=old)
        assert made.text_version == 1


def test_the_starter_set_has_a_text_for_each_purpose(clinic_a: World) -> None:
    with clinic_a.enter(Role.DPO):
        made = consents.add_starters()
        assert {text.purpose for text in made} | {"marketing"} == set(Purpose.values)
        assert consents.add_starters() == []


# --- At the same moment -----------------------------------------------------------------------------------------------


def test_grants_and_withdrawals_at_the_same_moment_follow_each_other(committed: None) -> None:
    world = with_texts(make_world("ALFAZEMA"))
    start = threading.Barrier(8)
    wrong: list[Exception] = []

    def step(number: int) -> None:
        start.wait()
        try:
            with world.enter(Role.RECEPTION):
                act = consents.withdraw if number % 2 else consents.grant
                act(patient_of(world), Purpose.TELEMEDICINE, channel=Channel.PAPER)
        except ConsentError:
            pass
        except Exception as error:  # told to the main thread
            wrong.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=step, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with world.enter(Role.DPO):
        events = list(
            ConsentRecord.objects.filter(purpose="telemedicine").order_by("number").values_list("number", "event")
        )
        assert [number for number, _event in events] == list(range(1, len(events) + 1))
        assert events[-1][1] == state_of(world, "telemedicine")
