"""The search's tokens: what is found by them, who may read and write them, and how PostgreSQL finds them."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Status, keyring
from neonpro.vault.search import SearchIndex, exact_token, name_tokens, unique_token, word_tokens
from neonpro.vault.text import fold, words
from patients.models import Appointment, AppointmentStatus, Patient
from patients.search import find
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import Raw, connect
from tests.erasing import destroy_keys
from tests.factories import JOB, World, make_world

KEY, OTHER_KEY = b"a" * 32, b"b" * 32


# --- Tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("José", "jose"),
        ("ÂNGELA Conceição", "angela conceicao"),
        ("Straße", "strasse"),
        ("Jose\u0301", "jose"),
        ("ﬁm", "fim"),
        ("", ""),
        ("\u0301", ""),
    ],
)
def test_a_text_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("José d'Ávila-Müller", ["jose", "d", "avila", "muller"]),
        ("a_b \\c  100%", ["a", "b", "c", "100"]),
        ("Ana\u00a0Maria\nda\tSilva", ["ana", "maria", "da", "silva"]),
        ("王小明", ["王小明"]),
        (" -_% ", []),
    ],
)
def test_a_text_is_split(text: str, found: list[str]) -> None:
    assert words(text) == found


def finds(name: str, term: str, key: bytes = KEY) -> bool:
    typed = set(word_tokens(key, term))
    return bool(typed) and typed <= set(name_tokens(KEY, name))


@pytest.mark.parametrize(
    ("name", "term", "expected"),
    [
        ("Maria da Conceição", "con", True),
        ("Maria da Conceição", "DA mária", True),
        ("Maria da Conceição", "co", True),
        ("Maria da Conceição", "c", False),
        ("Maria da Conceição", "onc", False),
        ("Maria da Conceição", "mariana", False),
        ("Otorrinolaringologista Sá", "otorrinolaringo", True),
        ("Otorrinolaringologista Sá", "otorrinolaringologia", True),  # what comes after the fifteenth letter
        ("Otorrinolaringologista Sá", "otorrinolarinja", False),
        ("José d'Ávila", "d avila", True),
        ("José d'Ávila", "x avila", True),
        ("A B", "b a", True),
        ("A B", "a c", False),
        ("Ana", "", False),
    ],
)
def test_a_term_fits_a_name(name: str, term: str, expected: bool) -> None:
    assert finds(name, term) is expected


def test_tokens_are_signed_64_bit_and_different_for_each_key_and_kind() -> None:
    tokens = name_tokens(KEY, "Maria", "Maria Aparecida")
    assert len(tokens) == len(set(tokens)) == 4 + 8
    assert all(-(2**63) <= token < 2**63 for token in tokens)
    assert any(token < 0 for token in tokens)
    assert not set(tokens) & set(name_tokens(OTHER_KEY, "Maria Aparecida"))
    assert not finds("Maria", "maria", OTHER_KEY)
    kinds = {exact_token(KEY, kind, "52998224725") for kind in ("cpf", "cns", "phone", "email", "word")}
    assert len(kinds) == 5
    assert exact_token(KEY, "email", "Ana@X.example") == exact_token(KEY, "email", "ana@x.example")
    assert unique_token(KEY, "cpf", "52998224725") == exact_token(KEY, "cpf", "52998224725")
    assert len({unique_token(KEY, "external", *pair) for pair in (("a", "bc"), ("ab", "c"), ("A", "bc"))}) == 3


def test_tokens_stay_the_same() -> None:
    """A change of them needs every patient of every clinic indexed anew."""
    assert sorted(name_tokens(KEY, "Ana")) == [-4551738533464522729, 5680552813940071126]


# --- What an index writes -------------------------------------------------------------------------------------------


class Row:
    """Something with the attributes of an index."""

    index = SearchIndex(words=("name",), exact={"phone": ("phone", "other")}, unique={"external": ("source", "number")})

    _meta = SimpleNamespace(get_field=lambda name: None)
    name: str
    phone: str

    def __init__(self, **values: str) -> None:
        self.pk = uuid4()
        self.__dict__ |= {"name": "Ana", "phone": "", "other": "", "source": "", "number": ""} | values


def test_an_index_knows_what_it_depends_on() -> None:
    assert Row.index.fields == {"name", "phone", "other", "source", "number"}
    assert Patient.search.fields <= {field.name for field in Patient._meta.fields}


def withheld(status: Status) -> Withheld:
    return Withheld(status, b"sealed")


def test_rows_that_do_not_open_stay_as_they_are_in_the_index(clinic_a: World) -> None:
    ana, rui, leo = clinic_a.patients
    with clinic_a.enter():
        rows = [
            Row(name="Zulmira", phone="+551100000001"),
            Row(name="Zulmira", phone="+551100000002"),
            Row(name="Zulmira", phone="+551100000003"),
        ]
        for row, patient in zip(rows, clinic_a.patients, strict=True):
            row.pk = patient.pk
        Row.index.write(rows)
        assert set(find("zulmira")) == {ana.pk, rui.pk, leo.pk}
        assert not find("paciente")
        # Erased: the name alone remains. Restricted, or the name itself erased: nothing is touched.
        rows[0].name, rows[0].phone = "Zoraide", withheld(Status.ERASED)
        rows[1].name, rows[1].phone = "Zoraide", withheld(Status.RESTRICTED)
        rows[2].name, rows[2].phone = withheld(Status.ERASED), "+551100000009"
        Row.index.write(rows)
        assert find("zoraide") == [ana.pk]
        assert set(find("zulmira")) == {rui.pk, leo.pk}
        assert find("+551100000001") == []
        assert find("+551100000002") == [rui.pk]
        assert find("+551100000009") == []
        # Nothing to write is no call, and needs no key.
        Row.index.write([])
        Row.index.write(rows[1:])


# --- Who may do what ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(committed: None) -> World:
    """A clinic of three patients, committed."""
    return make_world("ALFAZEMA")


@pytest.fixture
def app(world: World) -> Iterator[Raw]:
    """The application's role with nothing but SQL."""
    with connect("neonpro_app") as raw:
        yield Raw(raw)


def call(patients: list[UUID]) -> tuple[str, list[Any]]:
    return "SELECT neonpro.write_tokens(%s, %s, NULL, NULL)", [patients, ["{1,2}"] * len(patients)]


def test_only_the_search_s_functions_see_the_tokens(world: World, app: Raw) -> None:
    with superuser(test_settings.DATABASE) as root:
        assert Raw(root).run("SELECT count(*) FROM neonpro.search_tokens") == [(3,)]
    commands = (
        "SELECT * FROM {}", "INSERT INTO {} VALUES (gen_random_uuid(), gen_random_uuid(), '{{}}')",
        "UPDATE {} SET tokens = '{{}}'", "DELETE FROM {}", "TRUNCATE {}", "COPY {} TO STDOUT", "LOCK {}",
    )  # fmt: skip
    with app.inside(world):
        for command in commands:
            app.refused(command.format("neonpro.search_tokens"))
        app.refused("SELECT neonpro.record_search(1, 'test')")
        app.refused("SELECT neonpro.keep_last_day()")
    with connect("neonpro_owner") as raw:
        owner = Raw(raw)
        with owner.inside(world):
            # The table is the owner's, and row security is forced on it.
            assert owner.run("SELECT * FROM neonpro.search_tokens") == []
            assert owner.attempt("UPDATE neonpro.search_tokens SET tokens = '{}'").status == "UPDATE 0"
            assert owner.attempt("DELETE FROM neonpro.search_tokens").status == "DELETE 0"
            owner.refused("INSERT INTO neonpro.search_tokens VALUES (gen_random_uuid(), gen_random_uuid(), '{}')")


def test_who_may_write_and_forget_tokens(world: World, app: Raw) -> None:
    patient = world.patients[0].pk
    app.refused(*call([patient]))
    app.refused("SELECT neonpro.forget_tokens(%s)", [patient])
    for role in ("manager", "reception", "professional", "dpo", "auditor"):
        with app.inside(world, role):
            wrote = app.attempt(*call([patient]))
            assert (wrote.state is None) == (role != "auditor"), role
            forgot = app.attempt("SELECT neonpro.forget_tokens(%s)", [patient])
            assert (forgot.state is None) == (role == "dpo"), role
    with app.undone():
        app.enter_with(app.request(world.clinic.pk, kind="job", actor="tests"))
        app.run(*call([patient]))
        app.run("SELECT neonpro.forget_tokens(%s)", [patient])
        query = "SELECT patient FROM neonpro.search_patients('{1}', '{}', '', 10, 'test')"
        assert app.run(query) == []
    with app.inside(world, "dpo"):
        app.run(*call([patient]))
        assert app.run("SELECT patient FROM neonpro.search_patients('{1,2}', '{}', '', 10, 'test')") == [(patient,)]
        assert app.run("SELECT * FROM neonpro.search_patients('{1,3}', '{}', '', 10, 'test')") == []
        for nothing in (
            "NULL, NULL, NULL, NULL",
            "'{}', '{}', '', NULL",
            "'{NULL}', '{}', '', 10",
            "'{}', '{}', '', 0",
        ):
            assert app.run(f"SELECT * FROM neonpro.search_patients({nothing}, 'test')") == []
        for wrong in ("NULL", "''", "'Maria Silva'", "repeat('a', 81)"):
            app.refused(f"SELECT * FROM neonpro.search_patients('{{1}}', '{{}}', '', 10, {wrong})", state="23514")
            app.refused(f"SELECT * FROM neonpro.known_patients('cpf', '{{1}}', {wrong})", state="23514")
        app.refused("SELECT * FROM neonpro.known_patients('phone', '{1}', 'test')", state="23514")


def test_no_other_clinic_s_patients_are_indexed_or_forgotten(world: World, app: Raw) -> None:
    other = make_world("BERGAMOTA")
    stranger = other.patients[0].pk
    with app.inside(world, "dpo"):
        app.refused(*call([stranger]))
        app.refused(*call([world.patients[0].pk, stranger]))
        app.refused(*call([uuid4()]))
        app.run("SELECT neonpro.forget_tokens(%s)", [stranger])
        assert (
            app.run("SELECT * FROM neonpro.search_patients('{}', '{}', %s, 9, 't')", [other.patients[0].record_number])
            == []
        )
        # Another clinic's very tokens, were they ever known, find nothing here.
        with context.enter(JOB, other.clinic.pk):
            theirs = list(word_tokens(keyring().search_key(), "bergamota"))
            cpf = unique_token(keyring().search_key(), "cpf", "52998224725")
            Patient.objects.create(name="Outra", cpf="52998224725")
            assert execute("SELECT patient FROM neonpro.search_patients(%s::bigint[], '{}', '', 9, 't')", [theirs])
            assert execute("SELECT patient FROM neonpro.known_patients('cpf', %s::bigint[], 't')", [[cpf]])
        assert app.run("SELECT * FROM neonpro.search_patients(%s::bigint[], '{}', '', 9, 't')", [theirs]) == []
        assert app.run("SELECT * FROM neonpro.known_patients('cpf', %s::bigint[], 't')", [[cpf]]) == []
    with superuser(test_settings.DATABASE) as root:
        assert Raw(root).run("SELECT 1 FROM neonpro.search_tokens WHERE patient_id = %s", [stranger])


def test_an_erased_patient_is_indexed_no_more(world: World, app: Raw) -> None:
    patient = world.patients[0]
    with context.enter(JOB, world.clinic.pk):
        destroy_keys(patient.pk, ["identification"])
    with world.enter():
        with pytest.raises(DatabaseError, match="erased"), transaction.atomic():
            patient.search.write([patient])

        assert patient.pk not in find("paciente")
        assert find(patient.record_number) == [patient.pk]


def test_a_restricted_patient_is_indexed_by_the_dpo_alone(world: World, app: Raw) -> None:
    patient = world.patients[0].pk
    with world.enter("dpo"):
        Patient.objects.filter(pk=patient).update(restricted_at=datetime.now(UTC))
    with app.inside(world, "manager"):
        app.refused(*call([patient]))
    with app.inside(world, "dpo"):
        app.run(*call([patient]))


# --- Unique values --------------------------------------------------------------------------------------------------


def test_of_many_at_once_with_one_cpf_one_wins(world: World) -> None:
    barrier = threading.Barrier(6)
    results: list[Any] = []

    def register(number: int) -> None:
        try:
            barrier.wait(30)
            with world.enter():
                Patient.objects.create(name=f"Ana {number}", cpf="52998224725")
            results.append("made")
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=register, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    clashes = [result for result in results if isinstance(result, IntegrityError)]
    assert (results.count("made"), len(clashes)) == (1, 5), results
    for clash in clashes:
        # Neither the number nor its token.
        assert (
            str(clash)
            == 'duplicate key value violates unique constraint "patients_one_per_cpf"\n'
            + str(clash.__cause__).partition("\n")[2]
        )
        assert isinstance(clash.__cause__, psycopg.Error)
        assert clash.__cause__.diag.constraint_name == "patients_one_per_cpf"
        assert clash.__cause__.diag.message_detail is None
    with world.enter():
        assert len(find("52998224725")) == 1
        assert Patient.objects.count() == 4


def test_what_only_one_patient_may_have(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        first = Patient.objects.create(name="Ana", cpf="52998224725", source="planilha", external_id="7")
        Patient.objects.create(name="Sem CPF", source="planilha")
        Patient.objects.create(name="Sem CPF", source="planilha")
        Patient.objects.create(name="Outra", source="outra", external_id="7")
        for fields, rule in (
            ({"cpf": "52998224725"}, "patients_one_per_cpf"),
            ({"source": "planilha", "external_id": "7"}, "patients_one_per_external_id"),
        ):
            with pytest.raises(IntegrityError, match=rule), transaction.atomic():
                Patient.objects.create(name="Bia", **fields)
        # Given up, it is free again.
        first.cpf = ""
        first.save()
        Patient.objects.create(name="Bia", cpf="52998224725")
    with clinic_b.enter():
        Patient.objects.create(name="Ana", cpf="52998224725", source="planilha", external_id="7")


# --- The last visit -------------------------------------------------------------------------------------------------


def last_day(patient: Patient) -> date | None:
    with superuser(test_settings.DATABASE) as root:
        ((day,),) = Raw(root).run("SELECT last_day FROM neonpro.search_tokens WHERE patient_id = %s", [patient.pk])
    return day  # type: ignore[no-any-return]


def test_the_last_visit_is_kept_whatever_changes_it(world: World) -> None:
    ana, rui, _ = world.patients
    assert last_day(ana) == date(2030, 1, 7)
    with world.enter():
        early, late, never = Appointment.objects.bulk_create(
            [
                Appointment(patient=ana, day=date(2029, 5, 5)),
                Appointment(patient=ana, day=date(2031, 5, 5)),
                Appointment(patient=ana, day=date(2032, 5, 5), status=AppointmentStatus.CANCELLED),
            ]
        )
    assert last_day(ana) == date(2031, 5, 5)
    with world.enter():
        Appointment.objects.filter(pk=never.pk).update(status=AppointmentStatus.SCHEDULED)
    assert last_day(ana) == date(2032, 5, 5)
    with world.enter():
        Appointment.objects.filter(pk__in=[never.pk, late.pk]).update(status=AppointmentStatus.CANCELLED)
    assert last_day(ana) == date(2030, 1, 7)
    with world.enter():
        Appointment.objects.filter(pk=early.pk).update(day=date(2033, 1, 1))
    assert last_day(ana) == date(2033, 1, 1)
    with world.enter():
        Appointment.objects.filter(patient=rui).update(status=AppointmentStatus.CANCELLED)
    assert last_day(rui) is None
    # An hour sets the day, and the day is seen.
    with world.enter():
        starts = datetime(2034, 3, 3, 15, tzinfo=UTC)
        Appointment.objects.create(patient=rui, starts_at=starts, ends_at=starts + timedelta(minutes=30))
    assert last_day(rui) == date(2034, 3, 3)
    # Written anew, the tokens keep it.
    with world.enter():
        rui.search.write([rui])
    assert last_day(rui) == date(2034, 3, 3)


def test_what_does_not_change_the_last_visit_touches_no_token(world: World) -> None:
    def version() -> list[Any]:
        with superuser(test_settings.DATABASE) as root:
            return Raw(root).run("SELECT patient_id, xmin::text FROM neonpro.search_tokens ORDER BY 1")

    before = version()
    with world.enter():
        Appointment.objects.update(reminded=True)
        Appointment.objects.update(status=AppointmentStatus.CONFIRMED)
        Appointment.objects.create(patient=world.patients[0], day=date(2029, 1, 1))
    assert version() == before


# --- Many patients --------------------------------------------------------------------------------------------------

FIRST = ["Maria", "José", "Ana", "João", "Antônio", "Francisca", "Carlos", "Paulo", "Adriana", "Márcia", "Luiz"]
LAST = ["Silva", "Santos", "Oliveira", "Souza", "Pereira", "Lima", "Carvalho", "Ferreira", "Ribeiro", "Almeida"]


@pytest.fixture
def crowd(committed: None) -> World:
    """A clinic of 20,000 patients beside a small one; the patients put there past every trigger, the tokens not."""
    world = make_world("ALFAZEMA")
    make_world("BERGAMOTA")
    with superuser(test_settings.DATABASE) as root:
        root.execute("ALTER TABLE patients DISABLE TRIGGER ALL")
        root.execute(
            "INSERT INTO patients (clinic_id, name, preferred_name, record_number, mother_name, sex, birthplace_city,"
            " birthplace_uf, cpf, cns, passport, phone, other_phone, email, street, district, city, uf, cep, source,"
            " external_id) SELECT %s, 'x', '', lpad(n::text, 8, '0'), '', '', '', '', '', '', '', '', '', '', '', '',"
            " '', '', '', 'x', '' FROM generate_series(1, 20000) AS n",
            [world.clinic.pk],
        )
        root.execute("ALTER TABLE patients ENABLE TRIGGER ALL")
        root.execute("ANALYZE patients")
    drawn = Random(7)
    with context.enter(JOB, world.clinic.pk):
        ids = Patient.objects.filter(source="x").values_list("pk", "record_number")
        Patient.search.write(
            Patient(
                pk=pk,
                name="Zoraide Quintanilha" if number == "00013337" else f"{drawn.choice(FIRST)} {drawn.choice(LAST)}",
                phone=f"+5511{number}",
            )
            for pk, number in ids
        )
    with superuser(test_settings.DATABASE) as root:
        root.execute("VACUUM ANALYZE neonpro.search_tokens")
    return world


def plans(world: World, query: str, parameters: list[Any], rounds: int = 7) -> list[str]:
    """How PostgreSQL does what a definer function does, each time it is called: auto_explain tells a superuser."""
    told: list[str] = []
    with superuser(test_settings.DATABASE) as root:
        root.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        for setting in (
            "LOAD 'auto_explain'", "SET auto_explain.log_min_duration = 0",
            "SET auto_explain.log_nested_statements = on",
            "SET client_min_messages = log", "SET random_page_cost = 1.1",
        ):  # fmt: skip
            root.execute(setting)
        raw = Raw(root)
        with raw.inside(world):
            for _ in range(rounds):
                raw.run(query, parameters)
    return [plan for plan in told if "search_tokens" in plan and "Scan" in plan]


def test_a_search_among_twenty_thousand_uses_the_index_under_row_security(crowd: World) -> None:
    with crowd.enter():
        key = keyring().search_key()
    # More than five times: past the point at which PostgreSQL may take one plan for all.
    for term in ("zoraide", "quin zor", "maria", "maria silva", "ma"):
        query = "SELECT * FROM neonpro.search_patients(%s::bigint[], '{}', '', 200, 'test')"
        found = plans(crowd, query, [list(word_tokens(key, term))])
        assert len(found) == 7
        for plan in found:
            assert "Bitmap Index Scan on search_tokens_tokens" in plan, plan
            assert "Seq Scan on search_tokens" not in plan, plan
            assert plan.count("Index Scan") == 1, plan
    query = "SELECT * FROM neonpro.search_patients('{}', %s::bigint[], '00013337', 200, 'test')"
    for plan in plans(crowd, query, [[exact_token(key, "phone", "+551100013337")]]):
        assert "Bitmap Index Scan on search_tokens_tokens" in plan, plan
        assert "Seq Scan" not in plan, plan
    query = "SELECT * FROM neonpro.known_patients('cpf', %s::bigint[], 'test')"
    for plan in plans(crowd, query, [[1, 2, 3]]):
        assert "patients_one_per_cpf" in plan, plan
        assert "Seq Scan" not in plan, plan


def test_a_common_word_among_twenty_thousand_is_capped(crowd: World) -> None:

    with context.enter(JOB, crowd.clinic.pk):
        assert len(find("zoraide quintanilha")) == 1
        found = find("maria", limit=100_000)
        assert (len(found), found.more) == (1000, True)
        found = find("maria", limit=1000)
        assert (len(found), found.more) == (1000, True)
