"""Every change of a patient or an appointment leaves one version, which nobody forges, changes or takes away."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, connections, transaction

from clinics.roles import ACCESS, Role
from neonpro.db import context
from neonpro.db.catalogue import live_messages
from neonpro.db.context import Job
from neonpro.db.history import is_history
from patients.models import Appointment, Patient
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.conftest import Worlds
from tests.db.raw import REFUSED, TENANT_TABLES, Raw, identifier
from tests.db.test_audit import WRITES, model_of
from tests.factories import World

HISTORIES = [table for table in TENANT_TABLES if is_history(model_of(table))]
"""Every history table, those of later issues included."""


@pytest.fixture
def kept(clinic_a: World) -> Callable[[], list[Any]]:
    """The versions of patients since the last time it was asked, oldest first, as the reception reads them."""
    seen: set[UUID] = set()

    def news() -> list[Any]:
        with clinic_a.enter():
            new = [row for row in Patient.history.order_by("history_date") if row.history_id not in seen]
        seen.update(row.history_id for row in new)
        return new

    news()
    return news


def versions(raw: Raw, table: str, record: Any) -> list[tuple[Any, ...]]:
    """The versions of a record: kind, kind of actor, actor, role."""
    return raw.run(
        f"SELECT history_type, actor_kind, actor, role FROM {identifier(table)} WHERE id = %s ORDER BY history_date",
        [record],
    )


# --- One version a change, whatever makes it ----------------------------------------------------------------------


def test_a_version_is_the_row_with_who_when_and_why(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    request_id = uuid4()
    reception = clinic_a.user("reception")
    with context.enter(reception, clinic_a.clinic.pk, request_id=request_id):
        patient = Patient.objects.create(name="Nova", city="Uberaba")
        patient.city = "Araxá"
        patient.save()
        patient.refresh_from_db()
    created, changed = kept()
    for version in (created, changed):
        assert version.clinic_id == clinic_a.clinic.pk
        assert (version.actor_kind, version.actor, version.role) == ("user", str(reception.pk), "reception")
        assert (version.history_user_id, version.request_id) == (reception.pk, request_id)
    with clinic_a.enter():
        assert (created.history_type, created.city) == ("+", "Uberaba")
        assert (changed.history_type, changed.city) == ("~", "Araxá")
        assert created.history_date < changed.history_date
        for field in Patient._meta.concrete_fields:
            assert getattr(changed, field.attname) == getattr(patient, field.attname), field.name


def test_a_job_is_no_account(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    with context.enter(Job("import_appointments"), clinic_a.clinic.pk):
        Patient.objects.bulk_create(Patient(name=f"Importada {n}") for n in range(3000))
    found = kept()
    assert len({version.id for version in found}) == len(found) == 3000
    assert {(v.actor_kind, v.actor, v.role, v.history_user_id) for v in found} == {
        ("job", "import_appointments", "job", None)
    }


@pytest.mark.parametrize("way", WRITES)
def test_each_changed_row_leaves_one_version(way: str, clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    with clinic_a.enter("professional"):
        written = WRITES[way](clinic_a)
        now = {patient.pk: patient for patient in Patient.objects.all()}
    found = kept()
    assert len(found) == len({version.id for version in found}) == written
    assert {version.actor for version in found} == {str(clinic_a.user("professional").pk)}
    for version in found:
        assert (version.source, version.updated_at) == (now[version.id].source, now[version.id].updated_at)


def test_a_change_of_nothing_leaves_nothing(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    with clinic_a.enter():
        before = Patient.objects.get(pk=clinic_a.patients[0].pk).updated_at
        for patient in Patient.objects.all():
            patient.save()
        Patient.objects.update(source="", updated_at="2020-01-01T00:00:00Z")
        Patient.objects.filter(pk=uuid4()).update(source="x")
        assert Patient.objects.get(pk=clinic_a.patients[0].pk).updated_at > before, "it was an UPDATE all the same"
    assert kept() == []


def test_only_the_rows_that_changed_leave_a_version(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    with clinic_a.enter():
        Patient.objects.filter(pk=clinic_a.patients[1].pk).update(source="Araxá")
        kept()
        assert Patient.objects.update(source="Araxá") == 3
    assert {version.id for version in kept()} == {clinic_a.patients[0].pk, clinic_a.patients[2].pk}


def test_what_becomes_null_and_what_was_null_are_changes(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    for year in (1990, None):
        with clinic_a.enter():
            Patient.objects.filter(pk=clinic_a.patients[0].pk).update(birth_year=year)
        assert [version.birth_year for version in kept()] == [year]


def test_a_rows_key_never_changes(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    with clinic_a.enter():
        with pytest.raises(DatabaseError, match="the id of a row never changes"), transaction.atomic():
            Patient.objects.filter(pk=clinic_a.patients[0].pk).update(id=uuid4())
    assert kept() == []


def test_a_rollback_takes_its_versions_along(clinic_a: World, kept: Callable[[], list[Any]]) -> None:
    with clinic_a.enter():
        with transaction.atomic():
            assert Patient.objects.update(source="x") == 3
            transaction.set_rollback(True)
        with pytest.raises(DatabaseError), transaction.atomic():
            Patient.objects.update(name="")
    assert kept() == []


def test_a_deleted_row_leaves_what_it_was(worlds: Worlds) -> None:
    with worlds.a.enter():
        # With nobody in particular: one that opened care is what the care team names.
        day = worlds.a.appointments[0].starts_at.date()  # type: ignore[union-attr]
        visit = Appointment.objects.create(patient=worlds.a.patients[0], day=day, note="recado").pk
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        with raw.undone():
            raw.run("DELETE FROM appointments WHERE id = %s", [visit])
            assert versions(raw, "appointments_history", visit)[-1] == ("-", "db", "postgres", "")
            assert raw.run(
                "SELECT d.note = c.note, length(d.note) > 0, d.history_user_id"
                " FROM appointments_history AS d JOIN appointments_history AS c USING (id)"
                " WHERE id = %s AND d.history_type = '-' AND c.history_type = '+'",
                [visit],
            ) == [(True, True, None)]


def test_the_past_can_be_asked_for(clinic_a: World) -> None:
    patient = clinic_a.patients[0]
    with clinic_a.enter():
        Patient.objects.filter(pk=patient.pk).update(source="Araxá")
        (changed, created) = patient.history.all()
        assert (changed.history_type, created.history_type) == ("~", "+")
        assert patient.history.as_of(created.history_date).source == ""
        assert patient.history.as_of(changed.history_date).source == "Araxá"


def test_two_at_once_leave_a_version_each_in_their_order(worlds: Worlds, django_db_blocker: Any) -> None:
    world, rounds = worlds.a, 15
    patient = world.patients[0]
    failures: list[BaseException] = []

    def work(role: str) -> None:
        try:
            for number in range(rounds):
                with world.enter(role):
                    Patient.objects.filter(pk=patient.pk).update(source=f"{role} {number}")
                    Patient.objects.bulk_create(Patient(name=f"{role} {number} {n}") for n in range(20))
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    with django_db_blocker.unblock():
        with world.enter():
            before = Patient.history.count(), patient.history.count()
        threads = [threading.Thread(target=work, args=(role,)) for role in ("reception", "manager", "professional")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with world.enter():
            assert Patient.history.count() - before[0] == 3 * rounds + 3 * rounds * 20
            found = list(patient.history.order_by("history_date"))[before[1] :]
            assert len(found) == 3 * rounds
            # The last version is what the row is now, and each says who wrote what it says.
            assert found[-1].source == Patient.objects.get(pk=patient.pk).source
            assert all(version.source.startswith(version.role) for version in found)


# --- Always ---------------------------------------------------------------------------------------------------------


def test_no_setting_silences_it(worlds: Worlds, app: Raw) -> None:
    patient = worlds.a.patients[0].pk
    names = "{pgtrigger_history_insert,pgtrigger_history_update,patients.Patient:history_update}"
    with app.inside(worlds.a):
        ((before,),) = app.run("SELECT count(*) FROM patients_history WHERE id = %s", [patient])
        app.run("SELECT set_config('pgtrigger.ignore', %s, true)", [names])
        app.run("UPDATE patients SET source = 'ignorada' WHERE id = %s", [patient])
        assert app.run("SELECT count(*) FROM patients_history WHERE id = %s", [patient]) == [(before + 1,)]
        app.refused("SET session_replication_role = replica")


@pytest.mark.parametrize("replication_role", ["origin", "replica", "local"])
def test_not_even_a_superuser_changes_a_row_unseen(replication_role: str, worlds: Worlds) -> None:
    patient = worlds.a.patients[1].pk
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        with raw.undone():
            raw.run(f"SET LOCAL session_replication_role = {replication_role}")
            raw.run("UPDATE patients SET source = 'x' WHERE id = %s", [patient])
            assert versions(raw, "patients_history", patient)[-1] == ("~", "db", "postgres", "")


def test_it_finds_its_own_table_whatever_stands_in_front(worlds: Worlds) -> None:
    """A temporary table of the same name, which only the owner can make, is not where the versions go."""
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        with raw.undone():
            raw.run("CREATE TEMP TABLE patients_history (LIKE public.patients_history)")
            raw.run("CREATE TEMP TABLE new_rows (LIKE public.patients)")
            raw.run("SET LOCAL search_path = pg_temp, public")
            raw.run("UPDATE public.patients SET source = 'x' WHERE id = %s", [worlds.a.patients[0].pk])
            assert raw.run("SELECT count(*) FROM pg_temp.patients_history") == [(0,)]
            assert raw.run("SELECT count(*) FROM public.patients_history WHERE source = 'x'") == [(1,)]


# --- Whose it is ----------------------------------------------------------------------------------------------------


def test_there_are_histories() -> None:
    assert set(HISTORIES) >= {"patients_history", "appointments_history"}


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("table", HISTORIES)
def test_whoever_may_view_a_table_may_view_its_history(table: str, role: str, worlds: Worlds, app: Raw) -> None:
    may_view = role in ACCESS[table.removesuffix("_history")]["view"]
    with app.inside(worlds.a, role):
        rows = app.run(f"SELECT clinic_id FROM {identifier(table)}")
    assert bool(rows) == may_view
    assert {clinic for (clinic,) in rows} <= {worlds.a.clinic.pk}


@pytest.mark.parametrize("table", HISTORIES)
def test_outside_a_clinic_there_is_no_history(table: str, worlds: Worlds, app: Raw, owner: Raw) -> None:
    for raw in (app, owner):
        assert raw.run(f"SELECT 1 FROM {identifier(table)}") == []


FORGING = [
    "INSERT INTO {table} SELECT * FROM {table}",
    "INSERT INTO {table} (history_id, clinic_id, id, history_date, history_type, actor_kind, actor, role)"
    " VALUES (gen_random_uuid(), neonpro.current_clinic(), gen_random_uuid(), now(), '~', 'db', 'x', '')",
]
TAMPERING = [
    "UPDATE {table} SET actor = 'x'",
    "UPDATE {table} SET clinic_id = gen_random_uuid()",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "TRUNCATE {table} CASCADE",
    "MERGE INTO {table} AS t USING (SELECT 1) AS o ON t.actor <> '' WHEN MATCHED THEN DELETE",
]


def digest() -> list[Any]:
    with superuser(test_settings.DATABASE) as root:
        return [
            Raw(root).run(f"SELECT count(*), md5(string_agg(h::text, '' ORDER BY history_id)) FROM {table} AS h")
            for table in HISTORIES
        ]


@pytest.mark.parametrize("table", HISTORIES)
@pytest.mark.parametrize("attack", [*FORGING, *TAMPERING])
def test_the_application_writes_no_history(attack: str, table: str, worlds: Worlds, app: Raw) -> None:
    before = digest()
    for role in ("manager", "dpo", "reception"):
        with app.inside(worlds.a, role):
            app.refused(attack.format(table=identifier(table)))
    app.refused(attack.format(table=identifier(table)))
    assert digest() == before


@pytest.mark.parametrize("table", HISTORIES)
@pytest.mark.parametrize("attack", [*FORGING, *TAMPERING])
def test_nor_does_the_owner(attack: str, table: str, worlds: Worlds, owner: Raw) -> None:
    """A statement that meets a row is refused; one that row security shows none does nothing."""
    before = digest()
    for world in (None, worlds.a):
        with owner.undone():
            if world:
                owner.enter(world, "manager")
            outcome = owner.attempt(attack.format(table=identifier(table)))
            nothing = outcome.status in {"UPDATE 0", "DELETE 0", "MERGE 0", "INSERT 0 0"}
            assert outcome.state == REFUSED or nothing, outcome
            if world and attack in FORGING:
                assert "row-level security" in outcome.text
            if "TRUNCATE" in attack:
                assert "rows are only ever added" in outcome.text
    assert digest() == before


@pytest.mark.parametrize("table", HISTORIES)
@pytest.mark.parametrize("attack", TAMPERING)
def test_nor_a_superuser_without_ddl(attack: str, table: str, worlds: Worlds) -> None:
    with superuser(test_settings.DATABASE) as root:
        for replication_role in ("origin", "replica", "local"):
            root.execute(f"SET session_replication_role = {replication_role}")
            assert "rows are only ever added" in Raw(root).refused(attack.format(table=identifier(table)))


@pytest.mark.parametrize("table", HISTORIES)
def test_its_key_and_its_index_begin_with_the_clinic(table: str, worlds: Worlds) -> None:
    with superuser(test_settings.DATABASE) as root:
        indexes = Raw(root).run(
            "SELECT x.indisprimary, pg_get_indexdef(x.indexrelid) FROM pg_index AS x WHERE x.indrelid = %s::regclass",
            [identifier(table)],
        )
        references = Raw(root).run(
            "SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [identifier(table)]
        )
    primary = {definition.rpartition(" USING ")[2] for is_primary, definition in indexes if is_primary}
    others = {definition.rpartition(" USING ")[2] for is_primary, definition in indexes if not is_primary}
    assert primary == {"btree (clinic_id, history_id)"}
    assert others == {"btree (clinic_id, id, history_date DESC)"}
    assert references == []


def test_one_records_versions_are_found_by_index(worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a):
        app.run("SET LOCAL enable_seqscan = off")
        plan = app.run(
            "EXPLAIN SELECT * FROM patients_history WHERE id = %s ORDER BY history_date DESC LIMIT 100",
            [worlds.a.patients[0].pk],
        )
    text = "\n".join(line for (line,) in plan)
    assert "Index Scan using patients_versions" in text
    assert "clinic_id = " in text.split("Index Cond")[1]
    assert "Sort" not in text


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE patients DISABLE TRIGGER {trigger}",
        "ALTER TABLE patients ENABLE TRIGGER {trigger}",
        "DROP TRIGGER {trigger} ON patients",
    ],
)
def test_a_history_that_was_switched_off_shows(change: str, worlds: Worlds) -> None:
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        triggers = raw.run(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'patients'::regclass AND tgname ~ 'history' ORDER BY 1"
        )
        assert len(triggers) == 3
        for (trigger,) in triggers:
            with raw.undone():
                raw.run(change.format(trigger=trigger))
                assert "neonpro.E115" in {message.id for message in live_messages(root)}  # type: ignore[arg-type]


def test_a_trigger_that_calls_its_rows_something_else_shows(worlds: Worlds) -> None:
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        ((trigger, definition),) = raw.run(
            "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE tgrelid = 'patients'::regclass AND tgname ~ 'history_insert'"
        )
        with raw.undone():
            raw.run(f"DROP TRIGGER {trigger} ON patients")
            raw.run(definition.replace("AS new_rows", "AS other_rows"))
            raw.run(f"ALTER TABLE patients ENABLE ALWAYS TRIGGER {trigger}")
            assert "neonpro.E115" in {message.id for message in live_messages(root)}  # type: ignore[arg-type]


def test_the_guards_are_left_in_place(worlds: Worlds, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        assert live_messages(connection) == []
