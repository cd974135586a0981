# ruff: noqa: PT012 - what a block does before it fails is what these tests are about.
"""A reading leaves its trace whatever becomes of the request (neonpro/db/backend/base.py, context.leave_trace)."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction

from neonpro.db import context
from neonpro.vault.keys import Erased, keyring, purpose
from patients.models import Patient
from tests.conftest import superuser
from tests.erasing import destroy_keys
from tests.factories import JOB, World, make_world
from tests.settings import DATABASE


@pytest.fixture
def world(committed: None) -> World:
    return make_world("CAMOMILA")


def readings(world: World) -> list[tuple[Any, ...]]:
    """Every reading of the world's clinic in the log, oldest first."""
    with superuser(DATABASE) as behind:
        return behind.execute(
            "SELECT action, patients, actor, request_id, changes FROM audit_logs WHERE clinic_id = %s"
            " AND action IN ('READ', 'LIST', 'WRITE', 'DENIED') AND actor_kind = 'user' ORDER BY created_at",
            [world.clinic.pk],
        ).fetchall()


class Failure(Exception):
    """What goes wrong in a request."""


def fail_after_reading(world: World, request: Any = None) -> None:
    with context.enter(world.user("reception"), world.clinic.pk, request_id=request), purpose("test:page"):
        assert Patient.objects.get(pk=world.patients[0].pk).name
        raise Failure


def test_a_failed_request_has_read(world: World) -> None:
    request = uuid4()
    with pytest.raises(Failure):
        fail_after_reading(world, request)
    (row,) = readings(world)
    assert row[:4] == ("READ", [world.patients[0].pk], str(world.user("reception").pk), request)
    assert row[4]["purpose"] == "test:page"
    assert row[4]["undone"] is True


def test_a_request_that_succeeds_has_read_once(world: World) -> None:
    with world.enter():
        assert Patient.objects.get(pk=world.patients[0].pk).name
    (row,) = readings(world)
    assert "undone" not in row[4]


def test_what_a_savepoint_takes_back_was_read(world: World) -> None:
    with world.enter():
        assert Patient.objects.get(pk=world.patients[0].pk).name
        with pytest.raises(Failure), transaction.atomic():
            assert Patient.objects.get(pk=world.patients[1].pk).name
            raise Failure
        # The keys went with the savepoint: to read again is to ask again.
        assert Patient.objects.get(pk=world.patients[1].pk).name
    assert [row[1] for row in readings(world)].count([world.patients[1].pk]) == 2
    assert [row[1] for row in readings(world)].count([world.patients[0].pk]) == 1


def test_many_readings_of_one_failed_request_are_all_written(world: World) -> None:
    with world.enter():
        people = Patient.objects.bulk_create(Patient(name=f"Pessoa {number}") for number in range(300))
    with pytest.raises(Failure), world.enter():
        for patient in people:
            assert Patient.objects.get(pk=patient.pk).name
        raise Failure
    assert len(readings(world)) == 300


def test_a_nested_context_answers_for_itself(world: World) -> None:
    other = make_world("DAMASCO")
    with pytest.raises(Failure), world.enter():
        with other.enter("manager"):
            assert Patient.objects.get(pk=other.patients[0].pk).name
        assert Patient.objects.get(pk=world.patients[0].pk).name
        raise Failure
    assert [row[1:3] for row in readings(world)] == [([world.patients[0].pk], str(world.user("reception").pk))]
    assert [row[1:3] for row in readings(other)] == [([other.patients[0].pk], str(other.user("manager").pk))]


def test_keys_made_in_what_was_rolled_back_are_forgotten(world: World) -> None:
    with world.enter():
        patient = Patient(name="Ana")
        with pytest.raises(Failure), transaction.atomic():
            patient.save()
            raise Failure
        patient._state.adding = True
        patient.save()
        assert Patient.objects.get(pk=patient.pk).name == "Ana"


def test_a_membership_that_ended_in_between_hides_nothing(world: World) -> None:
    with pytest.raises(Failure), world.enter():
        assert Patient.objects.get(pk=world.patients[0].pk).name
        with superuser(DATABASE) as behind:
            behind.execute(
                "UPDATE clinic_memberships SET is_active = false WHERE user_id = %s", [world.user("reception").pk]
            )
        raise Failure
    with superuser(DATABASE) as behind:
        rows: list[Any] = behind.execute(
            "SELECT actor, patients, changes FROM audit_logs WHERE action = 'READ' AND clinic_id = %s",
            [world.clinic.pk],
        ).fetchall()
    (row,) = rows
    assert row[0] == "late_trace"
    assert row[1] == [world.patients[0].pk]
    assert row[2]["reader"] == str(world.user("reception").pk)


def test_a_connection_that_was_cut_pays_as_soon_as_there_is_another(world: World) -> None:
    with pytest.raises(OperationalError), world.enter():
        assert Patient.objects.get(pk=world.patients[0].pk).name
        with superuser(DATABASE) as behind:
            behind.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        Patient.objects.count()
    connection.close()
    with world.enter("manager"):
        # The context that asked for the new connection is there as ever.
        assert Patient.objects.count() == 3
    assert [row[:3] for row in readings(world)] == [("READ", [world.patients[0].pk], str(world.user("reception").pk))]


def test_a_refusal_leaves_its_trace_too(world: World) -> None:
    with pytest.raises(Failure), world.enter("reception"):
        keyring().open([world.patients[0].pk], ["identification", "clinical"])
        keyring().for_writing([(world.patients[0].pk, "contact")])
        raise Failure
    actions = [row[0] for row in readings(world)]
    assert actions == ["READ", "WRITE"]


def destroy(world: World, patient: Patient, *categories: str) -> None:
    with context.enter(JOB, world.clinic.pk):
        destroy_keys(patient.pk, categories)


def test_a_save_that_meets_an_erasure_is_refused(world: World) -> None:
    """The keys were opened, then destroyed elsewhere: the text is not lost in silence."""
    with world.enter():
        patient = Patient.objects.get(pk=world.patients[0].pk)
        assert patient.name
        eraser = threading.Thread(target=_in_thread, args=(destroy, world, patient, "identification", "contact"))
        eraser.start()
        eraser.join(10)
        assert not eraser.is_alive(), "reading must not stop an erasure"
        patient.name = "Outro nome"
        with pytest.raises(Erased):
            patient.save()
    with world.enter():
        assert getattr(Patient.objects.get(pk=patient.pk).name, "status", "") == "erased"


def test_an_erasure_waits_for_a_save(world: World) -> None:
    done = threading.Event()
    with world.enter():
        patient = Patient.objects.get(pk=world.patients[0].pk)
        patient.name = "Outro nome"
        patient.save()

        def erase() -> None:
            destroy(world, patient, "identification", "contact")
            done.set()

        eraser = threading.Thread(target=_in_thread, args=(erase,))
        eraser.start()
        assert not done.wait(0.7), "the keys are held"
    eraser.join(10)
    assert done.is_set()


def test_no_key_is_ever_born_again(world: World) -> None:
    destroy(world, world.patients[0], "identification", "contact", "clinical")
    with world.enter():
        patient = Patient.objects.get(pk=world.patients[0].pk)
        patient.mother_name = "Maria"
        with pytest.raises(Erased):
            patient.save()
        with pytest.raises(Erased):
            Patient(id=patient.pk, name="De volta").save(force_insert=True)
    with world.enter("professional"):
        ciphers = keyring().for_writing([(world.patients[0].pk, "clinical")])
        assert list(ciphers.values()) == ["erased"]


def _in_thread(function: Any, *arguments: Any) -> None:
    try:
        function(*arguments)
    finally:
        connection.close()


def test_only_jobs_and_the_dpo_destroy(world: World) -> None:
    for role in ("manager", "reception", "professional", "auditor"):
        with pytest.raises(Exception, match="only the DPO"), world.enter(role), connection.cursor() as cursor:
            cursor.execute("SELECT neonpro.destroy_keys(%s, ARRAY['contact'])", [world.patients[0].pk])
    with context.enter(JOB, world.clinic.pk):
        assert Patient.objects.get(pk=world.patients[0].pk).phone
