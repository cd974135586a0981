"""Telemedicine: what a session needs to start, who does what in it, and what a withdrawal stops; in SQL too."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from clinics.models import Professional
from clinics.roles import JOB, Role
from compliance import consents
from compliance.models import Channel
from neonpro.db import context
from neonpro.rules import rule
from patients import telemedicine
from patients.models import (
    Appointment,
    AppointmentStatus,
    MedicalRecord,
    Modality,
    Patient,
    RefusedBy,
    SessionStatus,
    TelemedicineSession,
)
from patients.telemedicine import TelemedicineError
from tests.compliance.test_consents import with_texts
from tests.factories import JOB as TESTS
from tests.factories import World, make_colleague, make_world, write_entry
from tests.licences import verified

START: dict[str, Any] = {
    "patient_identity": "document", "professional_identified": True, "patient_location": "em casa, Campinas (SP)",
    "professional_location": "São Paulo (SP)",
}  # fmt: skip


def ready(world: World) -> World:
    """Texts, adult patients, and a licence that was verified."""
    with_texts(world)
    with context.enter(TESTS, world.clinic.pk):
        verified(Professional.objects.get(pk=world.professional.pk))
    return world


@pytest.fixture
def world(clinic_a: World) -> World:
    return ready(clinic_a)


def agree(world: World, purpose: str = telemedicine.TERM, number: int = 1) -> None:
    with world.enter(Role.RECEPTION):
        consents.grant(Patient.objects.get(pk=world.patients[number].pk), purpose, channel=Channel.PAPER)


def withdraw(world: World, purpose: str = telemedicine.TERM, number: int = 1) -> None:
    with world.enter(Role.RECEPTION):
        consents.withdraw(Patient.objects.get(pk=world.patients[number].pk), purpose, channel=Channel.PHONE)


def planned(world: World, number: int = 1, **options: Any) -> TelemedicineSession:
    with world.enter(Role.RECEPTION):
        return telemedicine.plan(
            patient=Patient.objects.get(pk=world.patients[number].pk), professional=world.professional.pk, **options
        )


def running(world: World) -> TelemedicineSession:
    agree(world)
    session = planned(world)
    with world.enter(Role.PROFESSIONAL):
        return telemedicine.start(session.pk, **START)


def again(world: World, session: TelemedicineSession) -> TelemedicineSession:
    with world.enter(Role.MANAGER):
        return TelemedicineSession.objects.get(pk=session.pk)


def test_the_lists_are_those_of_the_rules() -> None:
    today = timezone.localdate()
    assert set(Modality.values) == set(rule("telemedicine.modalities", on=today).choices)
    assert set(RefusedBy.values) == set(rule("telemedicine.may_be_refused_by", on=today).choices)
    assert rule("telemedicine.consent_required", on=today).flag
    assert rule("telemedicine.recorded_by_default", on=today).flag is False


def test_from_the_term_to_the_record(world: World) -> None:
    session = running(world)
    assert (session.status, session.is_recording) == (SessionStatus.RUNNING, False)
    assert session.consent is not None
    with world.enter(Role.PROFESSIONAL):
        entry = telemedicine.write_record(session.pk)
        assert telemedicine.write_record(session.pk) == entry
        assert MedicalRecord.objects.get(pk=entry.pk).patient_id == session.patient_id
        over = telemedicine.end(session.pk)
        assert over.ended_at is not None
        assert over.started_at is not None
        assert over.ended_at >= over.started_at
        assert TelemedicineSession.objects.get(pk=session.pk).patient_location == START["patient_location"]
        assert len(telemedicine.missing(over)) == 1


# --- The gate ---------------------------------------------------------------------------------------------------------


def test_no_term_no_session(world: World) -> None:
    session = planned(world)
    with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError, match=r"(?i)term"):
        telemedicine.start(session.pk, **START)
    assert again(world, session).status == SessionStatus.PLANNED


def test_an_emergency_says_why_and_goes_on_without_the_term(world: World) -> None:
    session = planned(world)
    with world.enter(Role.PROFESSIONAL):
        begun = telemedicine.start(session.pk, **START, emergency_reason="dor torácica, ambulância a caminho")
        assert (begun.emergency, begun.consent) == (True, None)
        assert any(words for words in telemedicine.missing(begun))


@pytest.mark.parametrize("step", ["refuse", "withdraw"])
def test_after_a_no_nothing_starts_not_even_an_emergency(world: World, step: str) -> None:
    agree(world)
    session = planned(world)
    with world.enter(Role.RECEPTION):
        getattr(consents, step)(Patient.objects.get(pk=session.patient_id), telemedicine.TERM, channel=Channel.PHONE)
    # What was planned is refused in the same breath.
    stopped = again(world, session)
    assert (stopped.status, stopped.refused_by) == (SessionStatus.REFUSED, RefusedBy.PATIENT)
    another = planned(world)
    for reason in ("", "urgente"):
        with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError):
            telemedicine.start(another.pk, **START, emergency_reason=reason)
    # A new yes opens it again.
    agree(world)
    with world.enter(Role.PROFESSIONAL):
        telemedicine.start(another.pk, **START)


def test_a_withdrawal_stops_a_use_within_its_own_transaction(world: World) -> None:
    session = running(world)
    other = planned(world)
    with world.enter(Role.PROFESSIONAL):
        patient = Patient.objects.get(pk=session.patient_id)
        consents.withdraw(patient, telemedicine.TERM, channel=Channel.VIDEO)
        stopped = TelemedicineSession.objects.get(pk=session.pk)
        assert (stopped.status, stopped.refused_by) == (SessionStatus.REFUSED, RefusedBy.PATIENT)
        assert stopped.ended_at is not None
        with pytest.raises(TelemedicineError):
            telemedicine.start(other.pk, **START)
        with pytest.raises(TelemedicineError):
            telemedicine.end(session.pk)


@pytest.mark.parametrize("missing", ["patient_identity", "professional_identified", "patient_location",
                                     "professional_location"])  # fmt: skip
def test_identities_and_places_come_first(world: World, missing: str) -> None:
    agree(world)
    session = planned(world)
    empty = {**START, missing: False if missing == "professional_identified" else " "}
    with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError):
        telemedicine.start(session.pk, **empty)


def test_without_a_verified_licence_nobody_starts(world: World) -> None:
    agree(world)
    session = planned(world)
    with context.enter(TESTS, world.clinic.pk):
        Professional.objects.update(recheck_on=timezone.localdate() - timedelta(days=1))
    with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError, match=r"(?i)licen|registro"):
        telemedicine.start(session.pk, **START)


SQL_START = (
    "UPDATE telemedicine_sessions SET status = 'running', patient_identity = 'document',"
    " professional_identified = true, patient_location = '\\x01', professional_location = 'São Paulo'"
)


def sql(statement: str, refused: str = "") -> None:
    """Run SQL as the application's role, or see it refused by a rule."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not refused:
            cursor.execute(statement)
            assert cursor.rowcount == 1
            return
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            cursor.execute(statement)
    assert caught.value.__cause__.diag.constraint_name == f"telemedicine_sessions_{refused}"  # type: ignore[union-attr]


def test_sql_itself_refuses_what_the_law_refuses(world: World) -> None:
    session = planned(world)
    with world.enter(Role.PROFESSIONAL):
        sql(SQL_START, "consent")
        sql(SQL_START + ", consent = gen_random_uuid()", "consent")
        sql(SQL_START + ", emergency = true", "consent")
        sql(SQL_START.replace("'document'", "''"), "identities")
        sql(SQL_START.replace("'\\x01'", "''"), "identities")
        sql(SQL_START + ", in_person_overdue = true", "overdue")
        sql("UPDATE telemedicine_sessions SET status = 'ended'", "steps")
        sql("UPDATE telemedicine_sessions SET recording_started_at = now()", "recording")
        sql("UPDATE telemedicine_sessions SET shared_with = '\\x01'", "sharing_consent")
        with pytest.raises(DatabaseError), transaction.atomic():
            sql("DELETE FROM telemedicine_sessions")
    with world.enter(Role.RECEPTION):
        consents.refuse(Patient.objects.get(pk=session.patient_id), telemedicine.TERM, channel=Channel.PHONE)
    another = planned(world)
    with world.enter(Role.PROFESSIONAL):
        sql(f"{SQL_START}, emergency = true, emergency_reason = '\\x01' WHERE id = '{another.pk}'", "patient_refused")
        for change in ("status = 'running'", "status = 'planned'", "modality = 'TELETRIAGEM'", "refused_by = ''"):
            sql(f"UPDATE telemedicine_sessions SET {change} WHERE id = '{session.pk}'", "over")
    agree(world)
    with world.enter(Role.PROFESSIONAL):
        sql(f"{SQL_START} WHERE id = '{another.pk}'")
        for change in ("patient_identity = 'known'", "professional_location = 'x'", "emergency = true"):
            sql(f"UPDATE telemedicine_sessions SET {change} WHERE id = '{another.pk}'", "beginning_stays")
        # What the database writes nobody else does.
        before = TelemedicineSession.objects.get(pk=another.pk)
        sql(
            "UPDATE telemedicine_sessions SET started_at = 'epoch', consent = NULL, ended_at = 'epoch'"
            f" WHERE id = '{another.pk}'"
        )
        after = TelemedicineSession.objects.get(pk=another.pk)
        assert (after.started_at, after.consent, after.ended_at) == (before.started_at, before.consent, None)


def test_a_session_is_born_planned(world: World) -> None:
    with world.enter(Role.PROFESSIONAL), transaction.atomic():
        for changes in ({"status": "running"}, {"status": "ended"}):
            with pytest.raises((DatabaseError, TelemedicineError)), transaction.atomic():
                TelemedicineSession.objects.create(
                    patient=world.patients[1], professional=world.professional, **changes
                )
        made = TelemedicineSession.objects.create(
            patient=world.patients[1],
            professional=world.professional,
            started_at=timezone.now(),
            consent=world.clinic.pk,
        )
        made.refresh_from_db()
        assert (made.started_at, made.consent) == (None, None)
        with pytest.raises(DatabaseError), transaction.atomic():
            TelemedicineSession.objects.create(
                patient=world.patients[1], professional=world.professional, appointment=world.appointments[0]
            )


# --- Refusing and changing --------------------------------------------------------------------------------------------


def test_the_patient_refuses_at_the_front_desk_and_is_seen_in_person(world: World) -> None:
    session = planned(world, appointment=world.appointments[1].pk)
    with world.enter(Role.RECEPTION):
        with pytest.raises(TelemedicineError):
            telemedicine.refuse(session.pk, by=RefusedBy.PROFESSIONAL)
        refused = telemedicine.refuse(session.pk, by=RefusedBy.PATIENT)
        assert refused.refused_at is not None
        visit = telemedicine.book_in_person(
            session.pk, starts_at=datetime(2030, 2, 4, 12, tzinfo=UTC), minutes=30, service=world.service
        )
        assert visit.patient_id == session.patient_id
        with pytest.raises(TelemedicineError):
            telemedicine.book_in_person(session.pk, starts_at=datetime(2030, 2, 5, 12, tzinfo=UTC), minutes=30)


def test_the_professional_refuses_or_changes_and_says_why(world: World) -> None:
    first, second = planned(world), planned(world)
    with world.enter(Role.PROFESSIONAL):
        refused = telemedicine.refuse(first.pk, by=RefusedBy.PROFESSIONAL, reason="precisa de exame físico")
        assert refused.refused_by == RefusedBy.PROFESSIONAL
        changed = telemedicine.convert(second.pk, reason="precisa de exame físico")
        assert changed.converted_to_in_person_at is not None
        assert TelemedicineSession.objects.get(pk=second.pk).reason == "precisa de exame físico"
    with world.enter(Role.RECEPTION):
        # What is clinical in it stays shut to the front desk.
        assert TelemedicineSession.objects.get(pk=second.pk).reason == "«acesso restrito»"
        with pytest.raises(TelemedicineError):
            telemedicine.refuse(planned_here(world).pk, by=RefusedBy.PATIENT, reason="x")


def planned_here(world: World) -> TelemedicineSession:
    return telemedicine.plan(patient=Patient.objects.get(pk=world.patients[1].pk), professional=world.professional.pk)


def test_a_running_session_is_its_professionals(world: World) -> None:
    session = running(world)
    user, _colleague = make_colleague(world)
    with world.enter(Role.RECEPTION):
        for act in (telemedicine.end, telemedicine.convert, telemedicine.cancel, telemedicine.start_recording):
            with pytest.raises(TelemedicineError):
                act(session.pk)
    # Another professional does not even see it: the patient is not in their care.
    with context.enter(user, world.clinic.pk):
        assert not TelemedicineSession.objects.exists()
        with pytest.raises(TelemedicineError):
            telemedicine.end(session.pk)


@pytest.mark.parametrize("role", [*Role.values, JOB])
def test_who_sees_sessions(world: World, role: str) -> None:
    planned(world)
    with context.enter(TESTS if role == JOB else world.user(role), world.clinic.pk):
        seen = TelemedicineSession.objects.exists()
    assert seen == (role in (Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, JOB))


# --- Recording and sharing --------------------------------------------------------------------------------------------


def test_a_recording_wants_its_own_consent_and_ends_with_it(world: World) -> None:
    session = running(world)
    with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError, match=r"(?i)record|grava"):
        telemedicine.start_recording(session.pk)
    agree(world, telemedicine.RECORDING)
    with world.enter(Role.PROFESSIONAL):
        assert telemedicine.start_recording(session.pk).is_recording
    withdraw(world, telemedicine.RECORDING)
    stopped = again(world, session)
    assert (stopped.status, stopped.is_recording) == (SessionStatus.RUNNING, False)
    assert stopped.recording_stopped_at is not None
    with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError):
        telemedicine.start_recording(session.pk)


def test_the_end_of_a_session_is_the_end_of_its_recording(world: World) -> None:
    session = running(world)
    agree(world, telemedicine.RECORDING)
    with world.enter(Role.PROFESSIONAL):
        telemedicine.start_recording(session.pk)
        over = telemedicine.end(session.pk)
        assert not over.is_recording
        assert over.recording_stopped_at is not None


def test_sharing_wants_its_own_consent(world: World) -> None:
    session = running(world)
    with world.enter(Role.PROFESSIONAL), pytest.raises(TelemedicineError):
        telemedicine.share(session.pk, shared_with="Dr. Paulo, cardiologia")
    agree(world, telemedicine.SHARING)
    with world.enter(Role.PROFESSIONAL):
        assert telemedicine.share(session.pk, shared_with="Dr. Paulo, cardiologia").sharing_consent is not None


# --- 180 days ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "overdue"), [(179, False), (180, False), (181, True)])
def test_the_last_visit_in_person_is_at_most_180_days_ago(world: World, days: int, overdue: bool) -> None:
    agree(world)
    session = planned(world)
    today = timezone.localdate()
    # By somebody who may write a day that is past.
    with context.enter(TESTS, world.clinic.pk):
        Appointment.objects.create(
            patient_id=session.patient_id, professional=world.professional, day=today - timedelta(days=days),
            status=AppointmentStatus.COMPLETED, source="test", external_id="1",
        )  # fmt: skip
    with world.enter(Role.PROFESSIONAL):
        assert telemedicine.follow_up(session.patient_id, world.professional.pk).overdue is overdue
        if not overdue:
            assert not telemedicine.start(session.pk, **START).in_person_overdue
            return
        with pytest.raises(TelemedicineError, match="180"):
            telemedicine.start(session.pk, **START)
        begun = telemedicine.start(session.pk, **START, overdue_reason="paciente acamado, familiar presente")
        assert begun.in_person_overdue


def test_a_first_contact_is_never_overdue(world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        standing = telemedicine.follow_up(world.patients[1].pk, world.professional.pk)
    assert (standing.overdue, standing.due_on, standing.warning) == (False, None, "")


# --- The room, and the record -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [
    "http://sala.example/1", "sala.example", "javascript:alert(1)", "https://sala.example/Paciente",
    "https://sala.example/?quem=alfazema", "https://sala.example/p%61ciente", "https://sala.example/11987654321",
    "https://u:p@sala.example/1", "https://sala.example/a b",
])  # fmt: skip
def test_a_link_is_https_and_names_nobody(world: World, link: str) -> None:
    with pytest.raises(TelemedicineError):
        planned(world, room_url=link)


def test_a_room_without_a_name_is_kept(world: World) -> None:
    session = planned(world, room_url=" https://sala.example/consultorio-2 ")
    with world.enter(Role.RECEPTION):
        assert TelemedicineSession.objects.get(pk=session.pk).room_url == "https://sala.example/consultorio-2"


def test_a_session_has_one_entry_of_its_own_patient(world: World) -> None:
    session = running(world)
    with world.enter(Role.PROFESSIONAL):
        other = write_entry(Patient.objects.get(pk=world.patients[2].pk), "de outra pessoa")
        with pytest.raises(DatabaseError), transaction.atomic():
            TelemedicineSession.objects.filter(pk=session.pk).update(record=other.pk)
        own = write_entry(Patient.objects.get(pk=session.patient_id), "evolução")
        TelemedicineSession.objects.filter(pk=session.pk).update(record=own.pk)
        telemedicine.end(session.pk)
        assert telemedicine.missing(TelemedicineSession.objects.get(pk=session.pk)) == []
        second = write_entry(Patient.objects.get(pk=session.patient_id), "outra")
        with pytest.raises(DatabaseError), transaction.atomic():
            TelemedicineSession.objects.filter(pk=session.pk).update(record=second.pk)


# --- At the same moment -----------------------------------------------------------------------------------------------


def test_a_start_and_a_withdrawal_at_the_same_moment(committed: None) -> None:
    """Whoever is first: in the end nothing runs without a consent, and nobody waits for ever."""
    world = ready(make_world("ALFAZEMA"))
    outcomes = set()
    for round_ in range(6):
        agree(world)
        session = planned(world)
        start = threading.Barrier(2)
        wrong: list[Exception] = []

        def begin(session: Any = session, start: Any = start, wrong: Any = wrong) -> None:
            start.wait()
            try:
                with world.enter(Role.PROFESSIONAL):
                    telemedicine.start(session.pk, **START)
            except TelemedicineError:
                pass
            except Exception as error:  # told to the main thread
                wrong.append(error)
            finally:
                connections.close_all()

        def end_consent(start: Any = start, wrong: Any = wrong) -> None:
            start.wait()
            try:
                withdraw(world)
            except Exception as error:
                wrong.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=begin), threading.Thread(target=end_consent)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == [], round_
        found = again(world, session)
        assert (found.status, found.refused_by) == (SessionStatus.REFUSED, RefusedBy.PATIENT)
        outcomes.add(found.started_at is None)
    assert outcomes
