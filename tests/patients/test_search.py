"""Finding a patient by what people remember, in one's own clinic only, by an index."""

from time import perf_counter

import pytest
from django.db import connection

from neonpro.db import context
from patients.models import Appointment, Patient
from patients.search import LIMIT, find, narrow
from tests import settings as test_settings
from tests.conftest import superuser
from tests.factories import JOB, World, make_world


@pytest.fixture
def people(clinic_a: World, clinic_b: World) -> dict[str, Patient]:
    """Six patients with names that are hard to type, and the same ones in another clinic."""
    names = {
        "conceição": {"name": "Maria da Conceição Araújo", "cpf": "52998224725"},
        "josé": {"name": "José Antônio d'Ávila", "phone": "+5534988887777"},
        "müller": {"name": "Ingrid Müller Straße", "cns": "898001160660761"},
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
        ("ari rau", {"conceição"}),
        ("jose avila", {"josé"}),
        ("d'avila", {"josé"}),
        ("muller", {"müller"}),
        ("strasse", {"müller"}),
        ("carla", {"social"}),
        ("carlos prado", {"social"}),
        # The words must be of one name: a civil and a preferred name are not mixed.
        ("carlos carla", set()),
        ("maria jose", set()),
        ("%", {"percent"}),
        ("100%", {"percent"}),
        ("_", {"odd"}),
        ("\\", {"odd"}),
        ("a_b", {"odd"}),
        ("aXb", set()),
        ("%%", set()),
        ("529.982.247-25", {"conceição"}),
        ("52998224725", {"conceição"}),
        ("5299822472", set()),
        ("(34) 98888-7777", {"josé"}),
        ("+55 34 98888-7777", {"josé"}),
        ("34 3232-1010", {"social"}),
        ("898 0011 6066 0761", {"müller"}),
        ("00.990.099", {"percent"}),
        ("", set()),
        ("   ", set()),
        ("\u0301", set()),
        ("'; DROP TABLE patients; --", set()),
        ("{maria}", set()),
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


def test_the_newest_come_first_and_not_too_many(clinic_a: World) -> None:
    with clinic_a.enter():
        Patient.objects.bulk_create(Patient(name=f"Repetida {n}") for n in range(LIMIT + 5))
        assert len(find("repetida")) == LIMIT
        assert len(find("repetida", limit=7)) == 7
    with clinic_a.enter():
        Patient.objects.create(name="Repetida nova")
        newest = Patient.objects.order_by("-created_at", "id").first()
        assert newest is not None
        assert find("repetida", limit=LIMIT)[0] in set(
            Patient.objects.filter(created_at=newest.created_at).values_list("pk", flat=True)
        )


def test_a_list_is_narrowed_to_what_was_found(clinic_a: World, people: dict[str, Patient]) -> None:
    with clinic_a.enter():
        visit = Appointment.objects.create(patient=people["social"], day="2031-05-05")
        assert list(narrow(Patient.objects.all(), "carla")) == [people["social"]]
        assert list(narrow(Appointment.objects.all(), "carla", patient="patient")) == [visit]
        assert not narrow(Appointment.objects.all(), "ingrid", patient="patient").exists()


@pytest.fixture
def crowd(committed: None) -> World:
    """A clinic of 50,000 patients, put there past every trigger, beside a small one."""
    world = make_world("ALFAZEMA")
    make_world("BERGAMOTA")
    with superuser(test_settings.DATABASE) as root:
        root.execute("ALTER TABLE patients DISABLE TRIGGER ALL")
        root.execute(
            "INSERT INTO patients (clinic_id, name, preferred_name, record_number, mother_name, sex, birthplace_city,"
            " birthplace_uf, cpf, cns, passport, phone, other_phone, email, street, district, city, uf, cep, source,"
            " external_id) SELECT %s, initcap(translate(md5(n::text), '0123456789', 'ghijklmnop')) || ' Silva', '',"
            " lpad(n::text, 8, '0'), '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', ''"
            " FROM generate_series(1, 50000) AS n",
            [world.clinic.pk],
        )
        root.execute("ALTER TABLE patients ENABLE TRIGGER ALL")
        root.execute("UPDATE patients SET name = 'Zoraide Quintanilha' WHERE record_number = '00031337'")
        root.execute("VACUUM ANALYZE patients")
    return world


def test_a_search_among_fifty_thousand_uses_the_index(crowd: World) -> None:
    def scans() -> tuple[int, int]:
        with superuser(test_settings.DATABASE) as root:
            row = root.execute(
                "SELECT (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'patients_name_search'),"
                " (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'patients')"
            ).fetchone()
        assert row is not None
        return int(str(row[0])), int(str(row[1]))

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    before = scans()
    began = perf_counter()
    # More than five times: past the point at which PostgreSQL may take one plan for all.
    for term in ("quintanilha", "zor quin", "QUINTANILHA ZORAIDE", "zoraide", "intanil", "quintanilha s", "zoraíde"):
        with crowd.enter():
            assert len(find(term)) == (0 if term.endswith(" s") else 1), term
    took = perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    connection.close()
    after = scans()
    assert after[0] - before[0] >= 7
    assert after[1] == before[1], "the table was read from end to end"
    assert took < 3


def test_a_common_word_among_fifty_thousand_is_capped(crowd: World) -> None:
    with context.enter(JOB, crowd.clinic.pk):
        assert len(find("silva", limit=100_000)) == 1000
