"""Encrypted fields as a Django developer meets them (neonpro/vault/fields.py, models.py)."""

import copy
import pickle
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Prefetch

from neonpro.db import context
from neonpro.vault.fields import Sealed, SealedError, Withheld
from patients.models import Appointment, Patient
from patients.search import known_cpf
from tests.factories import JOB, World

NAME = "Ana Beatriz Lourenço"


def rows(action: str | None = None) -> list[tuple[Any, ...]]:
    """The log's readings of this transaction's context, oldest first, as somebody who may read them sees them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, patients, changes FROM audit_logs WHERE xid = pg_current_xact_id()"
            " AND action IN ('READ', 'LIST', 'WRITE', 'EXPORT', 'SEARCH', 'DENIED', 'UNREADABLE') ORDER BY created_at"
        )
        found = [row for row in cursor.fetchall() if action is None or row[0] == action]
    return found


def stored(record: Any, column: str) -> bytes | None:
    """What the database holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {record._meta.db_table} WHERE id = %s", [record.pk])
        (value,) = cursor.fetchone()
        return None if value is None else bytes(value)


def overwrite(record: Any, column: str, value: bytes) -> None:
    """What somebody with SQL could do."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {record._meta.db_table} SET {column} = %s WHERE id = %s", [value, record.pk])


@pytest.fixture
def ana(clinic_a: World) -> Patient:
    with clinic_a.enter():
        return Patient.objects.create(
            name=NAME, birth_date=date(1990, 2, 3), sex="female", phone="(11) 98765-4321", email="ana@example.org"
        )


def test_plain_outside_sealed_inside(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        found = Patient.objects.get(pk=ana.pk)
        assert repr(found.__dict__["name"]) == "<sealed>"
        assert (found.name, found.birth_date, found.sex, found.phone) == (
            NAME,
            date(1990, 2, 3),
            "female",
            "+5511987654321",
        )
        assert found.cpf == ""
        assert stored(ana, "cpf") == b""
        for column in ("name", "birth_date", "sex", "phone", "email"):
            kept = stored(ana, column)
            assert kept
            assert kept[0] == 1
            assert len(kept) % 16 == 1
            for plain in (NAME, "Ana", "1990", "female", "98765", "ana@"):
                assert plain.encode() not in kept


def test_one_record_is_one_reading(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter("manager"):
        found = Patient.objects.get(pk=ana.pk)
        assert rows() == []
        assert found.name
        assert found.phone
        assert found.email
        (row,) = rows()
        assert row[:2] == ("READ", [ana.pk])
        assert '"purpose": "shell"' in row[2]
        assert '"identification", "contact"' in row[2]


def test_a_page_opens_once(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter("manager"):
        names = [patient.name for patient in Patient.objects.all()]
        assert NAME in names
        (row,) = rows()
        assert row[0] == "LIST"
        assert set(row[1]) == {ana.pk, *(patient.pk for patient in clinic_a.patients)}
    with clinic_a.enter("manager"):
        before = len(rows())
        people: Any = Prefetch("patient", Patient.objects.opening("identification"))  # the stubs know QuerySet only
        visits = list(Appointment.objects.prefetch_related(people))
        assert all(visit.patient.name for visit in visits)
        assert len(rows()) == before + 1
        assert "contact" not in rows()[-1][2]
    with clinic_a.enter("manager"):
        before = len(rows())
        assert all(visit.patient.name and visit.note for visit in Appointment.objects.select_related("patient"))
        # The note's category came along with the patient's page, or the other way round; never one by one.
        assert len(rows()) <= before + 2
    with clinic_a.enter("manager"):
        before = len(rows())
        assert len([patient.name for patient in Patient.objects.iterator(chunk_size=2)]) == 4
        assert len(rows()) == before + 2


def test_an_unchanged_save_writes_the_same_bytes(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        before = {column: stored(ana, column) for column in ("name", "birth_date", "phone")}
        found = Patient.objects.get(pk=ana.pk)
        found.save()
        assert found.name == NAME
        found.save()
        assert {column: stored(ana, column) for column in before} == before
        found.name = "Ana B. Lourenço"
        found.save(update_fields=["name"])
        assert stored(ana, "name") != before["name"]
        assert stored(ana, "phone") == before["phone"]
        assert Patient.objects.get(pk=ana.pk).name == "Ana B. Lourenço"


def test_the_same_value_looks_different_in_every_record(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        visits = Appointment.objects.filter(patient=clinic_a.patients[0])
        first = visits[0]
        second = Appointment.objects.create(patient=clinic_a.patients[0], day=date(2031, 1, 1), note=first.note)
        assert stored(first, "note") != stored(second, "note")
        twin = Patient.objects.create(name=NAME)
        assert stored(ana, "name") != stored(twin, "name")


def test_moved_or_altered_values_do_not_open(clinic_a: World, ana: Patient) -> None:
    other = clinic_a.patients[0]
    value = stored_in(clinic_a, ana, "name")
    attempts = {
        "another patient's": stored_in(clinic_a, other, "name"),
        "another field's": stored_in(clinic_a, ana, "sex"),
        "cut": value[:-1],
        "cut to nothing much": value[:9],
        "altered": value[:-1] + bytes([value[-1] ^ 1]),
        "another version": b"\x02" + value[1:],
        "plain": NAME.encode(),
    }
    for attempt, forged in attempts.items():
        with clinic_a.enter("manager"):
            overwrite(ana, "name", forged)
        with clinic_a.enter("manager"):
            found = Patient.objects.get(pk=ana.pk)
            before = len(rows("UNREADABLE"))
            assert isinstance(found.name, Withheld), attempt
            assert found.name.status == "unreadable"
            # Everything else opens, and the page still shows it.
            assert found.phone == "+5511987654321"
            assert len(rows("UNREADABLE")) == before + 1
            # Saving something else leaves it as it was.
            found.mother_name = "Maria"
            found.save()
            assert stored(ana, "name") == forged


def stored_in(world: World, record: Any, column: str) -> bytes:
    with world.enter():
        value = stored(record, column)
    assert value
    return value


def test_queries_that_cannot_work_say_so(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        for attempt in (
            lambda: Patient.objects.filter(name=NAME).exists(),
            lambda: Patient.objects.exclude(phone__startswith="+55").count(),
            lambda: Appointment.objects.filter(patient__name__icontains="ana").exists(),
            lambda: list(Patient.objects.order_by("name")),
            lambda: list(Appointment.objects.order_by("-patient__name")),
            lambda: Patient.objects.get_or_create(name=NAME),
        ):
            with pytest.raises(FieldError):
                attempt()
        refused: list[Callable[[], Any]] = [
            lambda: list(Patient.objects.values("name")),
            lambda: list(Patient.objects.values()),
            lambda: list(Patient.objects.values_list("phone", flat=True)),
            lambda: list(Appointment.objects.values_list("patient__name")),
            lambda: Patient.objects.update(name="x"),
            lambda: Patient.objects.update(name=F("mother_name")),
            lambda: Patient.objects.bulk_create([Patient(name="x")], ignore_conflicts=True),
        ]
        for ask in refused:
            with pytest.raises(SealedError):
                ask()
        assert Patient.objects.filter(birth_date__isnull=False).count() == 1
        assert list(Patient.objects.filter(pk=ana.pk).values_list("record_number", flat=True)) == [ana.record_number]
        broken = Patient.objects.get(pk=ana.pk)
        broken.name = F("mother_name")
        with pytest.raises(FieldError):
            broken.save()


def test_aggregates_and_annotations_show_no_value(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        found = Patient.objects.filter(pk=ana.pk).annotate(copied=F("name"))[0]
        assert str(found.copied) == f"{found.copied}" == repr(found.copied) == "<sealed>"


def test_bulk_writes(clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        people = Patient.objects.bulk_create(
            [Patient(name=f"Pessoa {number}", phone="11987654321" if number % 2 else "") for number in range(20)]
        )
        again = {patient.pk: patient for patient in Patient.objects.filter(pk__in=[one.pk for one in people])}
        assert [again[one.pk].name for one in people] == [f"Pessoa {number}" for number in range(20)]
        for patient in people:
            patient.name = patient.name.replace("Pessoa", "Gente")
        Patient.objects.bulk_update(people, ["name"])
        assert people[3].name == "Gente 3"
        again = {patient.pk: patient for patient in Patient.objects.filter(pk__in=[one.pk for one in people])}
        assert {patient.name for patient in again.values()} == {f"Gente {number}" for number in range(20)}


def test_emptying_a_field(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        Patient.objects.filter(pk=ana.pk).update(phone="", birth_date=None)
        found = Patient.objects.get(pk=ana.pk)
        assert (found.phone, found.birth_date, found.email) == ("", None, "ana@example.org")


def test_copies_and_pickles(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        found = Patient.objects.get(pk=ana.pk)
        assert found.name == NAME
        for twin in (copy.copy(found), copy.deepcopy(found)):
            assert twin == found
            assert twin.name == NAME
            twin.name = "outra"
            assert found.name == NAME
        pickled = pickle.dumps(found)
        assert NAME.encode() not in pickled
        assert pickle.loads(pickled).name == NAME  # noqa: S301
        found.name = "mudado"
        with pytest.raises(SealedError):
            pickle.dumps(found)
        found.refresh_from_db()
        assert isinstance(found.__dict__["name"], Sealed)
        assert found.name == NAME


def test_a_copy_for_another_record_is_sealed_anew(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        opened = Patient.objects.get(pk=ana.pk)
        assert opened.name == NAME
        unopened = Patient.objects.get(pk=ana.pk)
        for twin in (opened, unopened):
            twin.pk, twin.record_number, twin.cpf = uuid4(), f"9000000{twin is opened:d}", ""
            twin._state.adding = True
            twin.save(force_insert=True)
            assert Patient.objects.get(pk=twin.pk).name == NAME
            assert stored(twin, "name") != stored(ana, "name")
        assert Patient.objects.get(pk=ana.pk).name == NAME


def test_deferred_fields(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        found = Patient.objects.only("name").get(pk=ana.pk)
        assert found.name == NAME
        assert found.phone == "+5511987654321"
        assert Patient.objects.defer("name").get(pk=ana.pk).name == NAME
        visit = Appointment.objects.only("note")[0]
        assert visit.note


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_fixture_holds_ciphertext_and_opens_nothing(form: str, clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter("manager"):
        before = len(rows())
        dumped = serializers.serialize(form, Patient.objects.filter(pk=ana.pk))
        assert len(rows()) == before
        for plain in (NAME, "1990-02-03", "female", "98765"):
            assert plain not in dumped
        Patient.objects.filter(pk=ana.pk).update(mother_name="")
        (loaded,) = serializers.deserialize(form, dumped)
        loaded.save()
        found = Patient.objects.get(pk=ana.pk)
        assert (found.name, found.birth_date) == (NAME, date(1990, 2, 3))
        with pytest.raises(ValueError, match="unserializable"):
            serializers.serialize("xml", Patient.objects.filter(pk=ana.pk))


def test_a_plain_fixture_is_encrypted(clinic_a: World) -> None:
    with clinic_a.enter():
        plain = [
            {
                "model": "patients.patient",
                "pk": str(uuid4()),
                "fields": {
                    "name": "Pessoa da fixture",
                    "clinic": str(clinic_a.clinic.pk),
                    "record_number": "12345678",
                    "created_at": "2026-01-01T00:00:00Z",
                    "updated_at": "2026-01-01T00:00:00Z",
                },
            }
        ]
        (loaded,) = serializers.deserialize("python", plain)
        loaded.save()
        assert isinstance(loaded.object, Patient)
        assert loaded.object.name == "Pessoa da fixture"
        assert Patient.objects.get(pk=loaded.object.pk).name == "Pessoa da fixture"
        assert b"Pessoa" not in (stored(loaded.object, "name") or b"Pessoa")


def test_without_a_context_nothing_opens(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        found = Patient.objects.get(pk=ana.pk)
    with pytest.raises(context.NoContext):
        _ = found.name
    with context.enter(JOB, clinic_a.clinic.pk):
        assert found.name == NAME


def test_roles(clinic_a: World, ana: Patient) -> None:
    for role in ("manager", "reception", "professional", "dpo"):
        with clinic_a.enter(role):
            assert Patient.objects.get(pk=ana.pk).name == NAME, role
    with clinic_a.enter("auditor"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT status, wrapped FROM neonpro.open_keys(%s, ARRAY['identification'], 'READ', 'test')", [[ana.pk]]
        )
        assert cursor.fetchall() == [("withheld", None)]
        assert rows()[-1][0] == "DENIED"


def test_an_unknown_category_or_purpose_is_refused(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        for arguments in (
            "ARRAY['nonsense'], 'READ', 'test'",
            "ARRAY['search'], 'READ', 'test'",
            "ARRAY['identification', NULL], 'READ', 'test'",
            "ARRAY['identification'], 'PEEK', 'test'",
            "ARRAY['identification'], NULL, 'test'",
            "ARRAY['identification'], 'READ', 'Ana Beatriz'",
            "ARRAY['identification'], 'READ', NULL",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM neonpro.open_keys(%s, {arguments})", [[ana.pk]])


def test_a_page_with_somebody_restricted_says_who_was_refused(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter("dpo"):
        Patient.objects.filter(pk=ana.pk).update(restricted_at="2026-01-01T00:00:00Z")
    with clinic_a.enter("manager"):
        names = {patient.pk: patient.name for patient in Patient.objects.all()}
        assert isinstance(names.pop(ana.pk), Withheld)
        listed, denied = rows()
        assert (listed[0], set(listed[1])) == ("LIST", set(names))
        assert (denied[0], denied[1]) == ("DENIED", [ana.pk])
        assert '"restricted": true' in denied[2]
    with clinic_a.enter("dpo"):
        assert Patient.objects.get(pk=ana.pk).name == NAME


def test_a_save_that_was_refused_is_indexed_when_it_is_tried_again(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        ana.cpf = "52998224725"
        ana.save()
        other = Patient.objects.get(pk=clinic_a.patients[0].pk)
        other.cpf = "52998224725"
        with pytest.raises(IntegrityError, match="patients_one_per_cpf"), transaction.atomic():
            other.save()
        ana.cpf = ""
        ana.save()
        other.save()
        assert known_cpf("52998224725") == other.pk
