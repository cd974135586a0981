"""Finding a patient by what people remember, in one's own clinic only, and never writing down what was asked."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from compliance.models import AuditLog
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Status, purpose
from patients.models import Appointment, Patient
from patients.search import alphabetical, find, known, known_cpf, narrow
from tests import settings as test_settings
from tests.factories import World


@pytest.fixture
def people(clinic_a: World, clinic_b: World) -> dict[str, Patient]:
    """Six patients with names that are hard to type, and the same ones in another clinic."""
    names = {
        "conceição": {"name": "Maria da Conceição Araújo", "cpf": "52998224725"},
        "josé": {"name": "José Antônio d'Ávila", "phone": "+5534988887777"},
        "müller": {"name": "Ingrid Müller Straße", "cns": "898001160660761", "email": "ingrid@exemplo.example"},
        "social": {"name": "Carlos Prado", "preferred_name": "Carla Prado", "other_phone": "+553432321010"},
        "percent": {"name": "100% Natural", "record_number": "00990099"},
        "odd": {"name": "a_b \\c"},
    }
    for world in (clinic_b, clinic_a):
        with world.enter():
            made = {key: Patient.objects.create(**fields) for key, fields in names.items()}
    return made


def found(term: str, people: dict[str, Patient]) -> set[str]:
    keys = {patient.pk: key for key, patient in people.items()}
    return {keys[pk] for pk in find(term) if pk in keys}


@pytest.mark.parametrize(
    ("term", "keys"),
    [
        ("conceicao", {"conceição"}),
        ("CONCEIÇÃO", {"conceição"}),
        ("  araujo   maria ", {"conceição"}),
        ("ara con mar", {"conceição"}),
        # Beginnings of words only.
        ("ari rau", set()),
        ("raujo", set()),
        ("jose avila", {"josé"}),
        ("d'avila", {"josé"}),
        ("muller", {"müller"}),
        ("strasse", {"müller"}),
        ("carla", {"social"}),
        ("carlos prado", {"social"}),
        # The civil and the preferred name are found together: somebody may remember a part of each.
        ("carlos carla", {"social"}),
        ("carlos carla maria", set()),
        ("maria jose", set()),
        ("100%", {"percent"}),
        ("10", {"percent"}),
        ("a_b", {"odd"}),
        ("aXb", set()),
        # One letter beside a longer word is nothing to go by; alone it finds nobody.
        ("maria x", {"conceição"}),
        ("m", set()),
        ("%", set()),
        ("_", set()),
        ("\\", set()),
        ("%%", set()),
        ("529.982.247-25", {"conceição"}),
        ("52998224725", {"conceição"}),
        ("5299822472", set()),
        ("529.982.247-26", set()),
        ("(34) 98888-7777", {"josé"}),
        ("+55 34 98888-7777", {"josé"}),
        ("5534988887777", {"josé"}),
        ("+34 98888-7777", set()),
        ("34 3232-1010", {"social"}),
        ("898 0011 6066 0761", {"müller"}),
        ("INGRID@Exemplo.example", {"müller"}),
        ("ingrid@exemplo", set()),
        # With a plus it is a phone.
        ("+52998224725", set()),
        ("00.990.099", {"percent"}),
        ("", set()),
        ("   ", set()),
        ("\u0301", set()),
        ("'; DROP TABLE patients; --", set()),
        ("{maria}", {"conceição"}),
        ("NULL", set()),
    ],
)
def test_a_term_finds(term: str, keys: set[str], clinic_a: World, people: dict[str, Patient]) -> None:
    with clinic_a.enter():
        assert found(term, people) == keys


def test_another_clinics_patients_are_not_found(clinic_a: World, clinic_b: World, people: dict[str, Patient]) -> None:
    own = {patient.pk for patient in people.values()}
    with clinic_a.enter():
        assert set(find("prado")) == {people["social"].pk}
    with clinic_b.enter():
        assert len(find("prado")) == 1
        assert not own & set(find("prado"))
        assert find("ALFAZEMA") == []
    assert find("prado") == []


@pytest.mark.parametrize("role", ["manager", "reception", "professional", "dpo", "auditor"])
def test_who_may_not_see_patients_finds_none(role: str, clinic_a: World, people: dict[str, Patient]) -> None:
    with clinic_a.enter(role):
        assert bool(find("prado")) == (role != "auditor")


def test_the_last_visit_comes_first_and_not_too_many(clinic_a: World) -> None:
    with clinic_a.enter():
        patients = Patient.objects.bulk_create(Patient(name=f"Repetida {n}") for n in range(7))
        Appointment.objects.bulk_create(
            Appointment(patient=patient, day=date(2031, 5, number + 1)) for number, patient in enumerate(patients[:5])
        )
        visited = [patient.pk for patient in patients[4::-1]]
        never = sorted(patient.pk for patient in patients[5:])
        assert find("repetida") == visited + never
        assert not find("repetida").more
        assert find("repetida", limit=7) == visited + never
        assert not find("repetida", limit=7).more
        assert find("repetida", limit=3) == visited[:3]
        assert find("repetida", limit=3).more
        assert find("repetida", limit=0) == []
        assert find("repetida", limit=-1) == []


def test_a_list_is_narrowed_to_what_was_found(clinic_a: World, people: dict[str, Patient]) -> None:
    with clinic_a.enter():
        visit = Appointment.objects.create(patient=people["social"], day="2031-05-05")
        assert list(narrow(Patient.objects.all(), "carla")) == [people["social"]]
        assert list(narrow(Appointment.objects.all(), "carla", patient="patient")) == [visit]
        assert not narrow(Appointment.objects.all(), "ingrid", patient="patient").exists()


def searches(world: World) -> list[AuditLog]:
    with world.enter("manager"):
        return list(AuditLog.objects.filter(action="SEARCH").order_by("created_at"))


@pytest.mark.parametrize("term", ["conceição", "maria araujo", "52998224725", "ninguém assim", "ana@exemplo.example"])
def test_a_search_leaves_one_row_and_never_its_term(term: str, clinic_a: World, people: dict[str, Patient]) -> None:
    before = len(searches(clinic_a))
    with clinic_a.enter("professional"), purpose("admin:patients_patient_changelist"):
        number = len(find(term))
    rows = searches(clinic_a)
    assert len(rows) == before + 1
    assert rows[-1].changes == {"purpose": "admin:patients_patient_changelist", "found": number}
    assert (rows[-1].actor, rows[-1].role) == (str(clinic_a.user("professional").pk), "professional")
    assert (rows[-1].patient_id, rows[-1].patients, rows[-1].record_id) == (None, None, None)


def test_what_is_no_term_leaves_no_row(clinic_a: World, people: dict[str, Patient]) -> None:
    before = len(searches(clinic_a))
    with clinic_a.enter():
        assert find("m") == find("  ") == find("%") == []
    with clinic_a.enter("auditor"):
        assert find("maria") == []
        assert known_cpf("52998224725") is None
    assert len(searches(clinic_a)) == before


def test_the_term_is_in_no_log_of_the_server(clinic_a: World, people: dict[str, Patient]) -> None:
    """The tests' server writes every statement into its log."""
    began = test_settings.SERVER.log_path.stat().st_size
    with clinic_a.enter():
        find("quintanilha")
        find("52998224725")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'a mark in the log'")
    with test_settings.SERVER.log_path.open("rb") as log:
        log.seek(began)
        written = log.read()
    assert b"a mark in the log" in written
    assert b"search_patients" in written
    assert b"quintanilha" not in written
    calls = [line for line in written.splitlines() if b"search_patients(" in line]
    assert calls
    assert all(b"search_patients($1::bigint[], $2::bigint[], $3::text" in line for line in calls)
    assert b"52998224725" not in written


def test_a_search_that_is_rolled_back_has_left_its_row(clinic_a: World, people: dict[str, Patient]) -> None:
    with clinic_a.enter():
        find("maria")
        (trace,) = context_traces()
        assert "record_reading" in trace.statement
        assert "maria" not in str(trace.parameters)


def context_traces() -> list[Any]:
    return [trace for trace in connection.traces if trace.parameters[0] == "SEARCH"]  # type: ignore[attr-defined]


def test_a_restricted_patient_is_found_by_the_dpo_alone(clinic_a: World, people: dict[str, Patient]) -> None:
    patient = people["social"]
    with clinic_a.enter("dpo"):
        Patient.objects.filter(pk=patient.pk).update(restricted_at=timezone.now())
        assert find("prado") == [patient.pk]
        assert find(patient.record_number) == [patient.pk]
    for role in ("manager", "reception", "professional"):
        with clinic_a.enter(role):
            assert find("prado") == []
            assert find("34 3232-1010") == []
            assert find(patient.record_number) == []
            assert find("maria") == [people["conceição"].pk]


def test_whose_a_cpf_or_an_id_elsewhere_is(clinic_a: World, clinic_b: World, people: dict[str, Patient]) -> None:
    with clinic_a.enter():
        mine = Patient.objects.create(name="Rita", source="planilha", external_id="A1")
        before = len(searches(clinic_a))
    with clinic_a.enter():
        assert known_cpf("52998224725") == people["conceição"].pk
        assert known_cpf("11144477735") is None
        assert known_cpf("") is None
        assert known("external", [("planilha", "A1"), ("planilha", "a1"), ("planilha", "A2"), ("planilh", "aA1")]) == {
            ("planilha", "A1"): mine.pk
        }
        assert known("external", []) == {}
    assert [(row.changes or {})["found"] for row in searches(clinic_a)[before:]] == [1, 0, 1]
    with clinic_b.enter():
        assert known("external", [("planilha", "A1")]) == {}


def test_a_number_is_indexed_as_it_is_stored_however_it_was_typed(clinic_a: World) -> None:
    with clinic_a.enter():
        typed = Patient.objects.create(name="Rita", cpf="529.982.247-25", other_phone="(11) 3232-1010")
        assert known_cpf("52998224725") == typed.pk
        assert find("52998224725") == find("+55 11 3232 1010") == [typed.pk]


def test_patients_in_alphabetical_order() -> None:
    def person(name: str, preferred: str = "") -> Patient:
        return Patient(pk=uuid4(), name=name, preferred_name=preferred)

    erased = person(Withheld(Status.ERASED, b"x"))
    ordered = ["Álvaro Zimmer", "Ana", "ana Beatriz", "Ânia", "d'Ávila", "Zé"]
    people = [*map(person, ordered[::-1]), erased, person("Zuleica", "Bela")]
    assert [patient.display_name for patient in alphabetical(people)] == [
        "Álvaro Zimmer", "Ana", "ana Beatriz", "Ânia", "Bela", "d'Ávila", "Zé", erased.name,
    ]  # fmt: skip
