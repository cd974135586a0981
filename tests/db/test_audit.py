"""Every change leaves exactly one row in the audit log, whatever made it; no row of the log is ever lost or changed."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Field, Model

from clinics.models import Service, User
from clinics.roles import ACCESS, Role, may
from clinics.signals import record_event
from compliance.erasure import plan_erasure, propose_erasure
from compliance.models import PLATFORM, AuditLog, ResourcePermission
from neonpro.db import context
from neonpro.db.audit import RecordChanges
from neonpro.db.context import Job, SignIn
from neonpro.vault.fields import encrypted_fields
from patients.models import Appointment, Patient
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.conftest import Worlds, cancel_a_prescription, share_a_record
from tests.db.raw import REFUSED, Raw, identifier
from tests.erasing import asked
from tests.factories import JOB, World, join, make_user, make_world

READINGS = ("READ", "LIST", "WRITE", "SEARCH", "EXPORT", "DENIED", "UNREADABLE")
"""What opening personal data leaves in the log; tests/vault and tests/patients/test_readings.py are about it."""

AUDITED = {
    model._meta.db_table: trigger
    for model in apps.get_models(include_auto_created=True)
    for trigger in getattr(model._meta, "triggers", [])
    if isinstance(trigger, RecordChanges)
}
"""Every audited table, those of later issues included."""

CANARIES = {
    "name": "Zuleica Canária", "preferred_name": "Zuca Canária", "mother_name": "Mãe Canária", "cpf": "52998224725",
    "cns": "898001160660761", "passport": "CANARY01", "birth_date": "1991-02-03", "sex": "female",
    "birthplace_city": "Canarana", "birthplace_uf": "MT", "street": "Rua dos Canários", "district": "Canarinho",
    "city": "Canápolis", "uf": "MG", "cep": "38380970", "phone": "+5534988887777", "other_phone": "+5534977776666",
    "email": "zuleica@canary.example", "external_id": "CANARY-77",
}  # fmt: skip
"""A value for every column that says who a patient is."""


@pytest.fixture
def worlds(committed: None) -> Worlds:
    """Two committed clinics of this test's own: tests beside it have databases of their own too."""
    return Worlds(make_world("ALFAZEMA"), make_world("BERGAMOTA"))


@pytest.fixture
def clinic_a(db: None) -> World:
    """A clinic with something in every audited table, a proposed erasure too."""
    world = make_world("ALFAZEMA", signed=True)
    patient = world.patients[0].pk
    with world.enter("dpo"):
        propose_erasure(asked(world, patient), plan_erasure(patient), acting_user=world.user("dpo"))
    return world


@pytest.fixture
def log(clinic_a: World) -> Callable[[], list[AuditLog]]:
    """What has been written into the clinic's log of changes since the last time it was asked, as its encarregado
    reads it; readings have tests of their own (`tests/patients/test_readings.py`)."""
    seen: set[UUID] = set()

    def news() -> list[AuditLog]:
        with clinic_a.enter("dpo"):
            rows = AuditLog.objects.exclude(action__in=READINGS).order_by("created_at", "id")
            new = [row for row in rows if row.id not in seen]
        seen.update(row.id for row in new)
        return new

    news()
    return news


def short(rows: list[AuditLog]) -> list[tuple[str, str, UUID | None]]:
    return [(row.action, row.table_name, row.record_id) for row in rows]


# --- One row a change, whatever makes it ------------------------------------------------------------------------


def test_a_saved_row_is_written_down_with_who_where_what_and_why(
    clinic_a: World, log: Callable[[], list[AuditLog]]
) -> None:
    request_id = uuid4()
    reception = clinic_a.user("reception")
    with context.enter(reception, clinic_a.clinic.pk, request_id=request_id):
        patient = Patient.objects.create(name="Nova", city="Uberaba", source="livro")
        patient.source = "caderno"
        patient.city = "Araxá"
        patient.save()
    created, changed = log()
    for row in (created, changed):
        assert row.clinic_id == clinic_a.clinic.pk
        assert (row.actor_kind, row.actor, row.role) == ("user", str(reception.pk), "reception")
        assert (row.table_name, row.record_id, row.patient_id) == ("patients", patient.pk, patient.pk)
        assert row.request_id == request_id
    assert (created.action, changed.action) == ("INSERT", "UPDATE")
    assert created.changes is not None
    assert changed.changes is not None
    assert (created.changes["source"], changed.changes.pop("source")) == ("livro", ["livro", "caderno"])
    # What is encrypted stays so, and nothing else of the row is there.
    ((column, (before, after)),) = changed.changes.items()
    assert (column, before) == ("city", created.changes["city"])
    assert before != after
    assert all(re.fullmatch(r"\\x01[0-9a-f]{64,}", text) for text in (before, after))
    with clinic_a.enter("dpo"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT xid) FROM audit_logs WHERE request_id = %s"
            " AND action IN ('INSERT', 'UPDATE')",
            [request_id],
        )
        assert cursor.fetchone() == (2, 1)


def _save(world: World) -> int:
    patient = world.patients[0]
    patient.source = "save"
    patient.save()
    return 1


def _save_some_fields(world: World) -> int:
    patient = world.patients[0]
    patient.source = "fields"
    patient.save(update_fields=["source"])
    return 1


def _update(world: World) -> int:
    return Patient.objects.update(source="update", birth_year=F("birth_year"))


def _bulk_create(world: World) -> int:
    return len(Patient.objects.bulk_create(Patient(name=f"Em massa {n}") for n in range(7)))


def _bulk_update(world: World) -> int:
    for number, patient in enumerate(world.patients):
        patient.source = f"massa {number}"
    return Patient.objects.bulk_update(world.patients, ["source"])


def _get_or_create(world: World) -> int:
    key = uuid4()
    for _ in range(2):
        Patient.objects.get_or_create(pk=key, defaults={"name": "Uma vez", "source": "x"})
    return 1


def _run(query: str) -> Callable[[World], int]:
    def run(world: World) -> int:
        with connection.cursor() as cursor:
            cursor.execute(query, {"patient": world.patients[0].pk, "clinic": world.clinic.pk})
            return 3 if "three" in query else 1

    return run


WRITES: dict[str, Callable[[World], int]] = {
    "save": _save,
    "save(update_fields)": _save_some_fields,
    "update": _update,
    "bulk_create": _bulk_create,
    "bulk_update": _bulk_update,
    "get_or_create": _get_or_create,
    "raw UPDATE": _run("UPDATE patients SET source = 'raw' WHERE id = %(patient)s"),
    "raw UPDATE of all": _run("UPDATE patients SET source = 'three'"),
    "CTE": _run("WITH x AS (UPDATE patients SET source = 'cte' WHERE id = %(patient)s RETURNING id) SELECT * FROM x"),
    "SELECT around a CTE": _run(
        "WITH three AS (UPDATE patients SET source = 'cte' RETURNING id) SELECT count(*) FROM three"
    ),
    "MERGE": _run(
        "MERGE INTO patients AS p USING (SELECT %(patient)s::uuid AS id) AS x ON p.id = x.id"
        " WHEN MATCHED THEN UPDATE SET source = 'merge'"
    ),
    "ON CONFLICT DO UPDATE": _run(
        "INSERT INTO patients SELECT * FROM patients WHERE id = %(patient)s"
        " ON CONFLICT (clinic_id, id) DO UPDATE SET source = 'upsert'"
    ),
    "DO": _run("DO $$ BEGIN UPDATE patients SET source = 'three'; END $$"),
    "two changes in one statement's transaction": _run("UPDATE patients SET source = 'three', birth_year = 1990"),
}


@pytest.mark.parametrize("way", WRITES)
def test_each_changed_row_leaves_one_row(way: str, clinic_a: World, log: Callable[[], list[AuditLog]]) -> None:
    with clinic_a.enter("professional"):
        written = WRITES[way](clinic_a)
    rows = log()
    assert len(rows) == written
    assert len({(row.record_id) for row in rows}) == written
    assert {(row.actor_kind, row.actor, row.role) for row in rows} == {
        ("user", str(clinic_a.user("professional").pk), "professional")
    }
    assert all(row.patient_id == row.record_id and row.clinic_id == clinic_a.clinic.pk for row in rows)


def test_deleted_rows_leave_what_they_were(clinic_a: World, log: Callable[[], list[AuditLog]]) -> None:
    with clinic_a.enter("manager"):
        made = [Service.objects.create(name=f"Passageiro {n}", category="exam", duration_minutes=20) for n in range(3)]
        log()
        made[0].delete()
        Service.objects.filter(pk__in=[made[1].pk]).delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM services WHERE id = %s", [made[2].pk])
    rows = log()
    assert [(row.action, row.record_id) for row in rows] == [("DELETE", service_id) for service_id in
                                                            (row.record_id for row in rows)]  # fmt: skip
    assert {(row.changes or {})["name"] for row in rows} == {"Passageiro 0", "Passageiro 1", "Passageiro 2"}
    assert {row.role for row in rows} == {"manager"}


def test_what_goes_with_another_row_is_written_down_too(committed: None) -> None:
    """Django deletes the permissions on records with the kind of permission, as the owner, row by row."""
    world = make_world("ALFAZEMA")
    share_a_record(world)
    with context.enter(world.user("manager"), world.clinic.pk, using="owner"):
        shared = ResourcePermission.objects.using("owner").get()
        Permission.objects.using("owner").get(pk=shared.permission_id).delete()
    with world.enter("dpo"):
        row = AuditLog.objects.get(action="DELETE")
        assert (row.table_name, row.record_id, row.role) == ("resource_permissions", shared.pk, "manager")


GUARDED = {
    "care_team": "can only be ended, once",
    "medical_records": "a finalised entry never changes",
    "patient_alerts": "can only be ended, once",
    "record_signatures": "permission denied",
    "scope_signoffs": "does not change, it ends",
    "consent_texts": "a published text never changes",
}
"""What is final, and how its guard refuses what elsewhere leaves nothing, whoever asks."""

ALTERED = {"consent_texts": "title = title || '.'"}
"""Whose guard compares what is written: what changes nothing passes it, and leaves nothing."""

OF_NO_CLINIC = {"anvisa_register", "sncr_numbers", "substances"}
"""What belongs to a person, or to all, has tests of its own (tests/patients/test_substances.py, test_anvisa_import.py):
of Anvisa's register a whole file of new lines is one event, each later change a row."""

NEVER = {table for table in AUDITED if table in ACCESS and not ACCESS[table].get("change")} - set(GUARDED)
"""What is only ever added."""


def changer(table: str) -> str:
    """Whoever may change a table: the manager, or where management may not, the first who may."""
    able = [role for role in ("manager", *Role.values) if may(role, "change", table)]
    return able[0] if able else "manager"


@pytest.mark.parametrize("table", sorted(NEVER))
def test_nobody_changes_what_is_only_added(table: str, clinic_a: World, log: Callable[[], list[AuditLog]]) -> None:
    log()
    for role in Role.values:
        with clinic_a.enter(role), connection.cursor() as cursor:
            try:
                with transaction.atomic():
                    cursor.execute(f"UPDATE {identifier(table)} SET created_at = created_at")
            except DatabaseError:
                continue
            assert cursor.rowcount == 0
    assert log() == []


@pytest.mark.parametrize("table", GUARDED)
def test_a_change_of_what_is_final_is_refused_and_leaves_nothing(
    table: str, clinic_a: World, log: Callable[[], list[AuditLog]]
) -> None:
    log()
    with clinic_a.enter("manager" if table == "consent_texts" else "professional"), connection.cursor() as cursor:
        if table != "record_signatures":  # which nobody may UPDATE, whatever is in it
            cursor.execute(f"SELECT 1 FROM {identifier(table)}")
            assert cursor.fetchall()
        with pytest.raises(DatabaseError, match=GUARDED[table]), transaction.atomic():
            cursor.execute(f"UPDATE {identifier(table)} SET {ALTERED.get(table, 'created_at = created_at')}")
    assert log() == []


OPEN_ROWS = {
    "prescriptions": "status = 'draft'",
    "prescription_items": "prescription_id IN (SELECT id FROM prescriptions WHERE status = 'draft')",
}
"""Where a table has rows that are final and rows that are not, those that are not."""


@pytest.mark.parametrize("table", sorted(set(AUDITED) - (set(GUARDED) - set(ALTERED)) - NEVER - OF_NO_CLINIC))
def test_a_change_that_changes_nothing_leaves_nothing(
    table: str, clinic_a: World, log: Callable[[], list[AuditLog]]
) -> None:
    share_a_record(clinic_a)
    log()
    column = next(field.column for field in model_of(table)._meta.fields if not field.primary_key)
    with clinic_a.enter(changer(table)), connection.cursor() as cursor:
        only = f" WHERE {OPEN_ROWS[table]}" if table in OPEN_ROWS else ""
        cursor.execute(f"UPDATE {identifier(table)} SET {identifier(column)} = {identifier(column)}{only}")
        assert cursor.rowcount
    assert log() == []


@pytest.mark.parametrize("table", sorted(set(AUDITED) - OF_NO_CLINIC))
def test_every_audited_table_writes_inserts_updates_and_deletes(table: str, committed: None) -> None:
    """By catalogue: as the superuser, past policies and references, because the trigger binds even that.

    And past every other trigger of ours: what a guard refuses is never written down, and the log must not need it.
    """
    world = make_world("ALFAZEMA", signed=True)
    share_a_record(world)
    cancel_a_prescription(world)
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        quoted = identifier(table)
        others = raw.run(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'"
            " AND tgfoid <> 'neonpro.record_change()'::regprocedure",
            [quoted],
        )
        for (name,) in others:
            raw.run(f"ALTER TABLE {quoted} DISABLE TRIGGER {identifier(name)}")
        root.execute("SET session_replication_role = replica")
        ((row,),) = raw.run(f"SELECT to_jsonb(t) FROM {quoted} AS t ORDER BY created_at DESC LIMIT 1")
        # The same row again, under an id whose log is empty: whatever is unique, it was lawful in this table.
        raw.run(f"DELETE FROM {quoted} WHERE id = %s", [row["id"]])
        new = str(uuid4())
        raw.run(
            f"INSERT INTO {quoted} SELECT * FROM jsonb_populate_record(NULL::{quoted}, %s::jsonb)",
            [json.dumps(row | {"id": new}, default=str)],
        )
        raw.run(f"UPDATE {quoted} SET created_at = created_at - interval '1 day' WHERE id = %s", [new])
        raw.run(f"DELETE FROM {quoted} WHERE id = %s", [new])
        rows = raw.run(
            "SELECT action, table_name, actor_kind, actor, role FROM audit_logs WHERE record_id = %s"
            " ORDER BY created_at",
            [new],
        )
    assert rows == [(action, table, "db", "postgres", "") for action in ("INSERT", "UPDATE", "DELETE")]


def test_a_rollback_takes_its_rows_along(clinic_a: World, log: Callable[[], list[AuditLog]]) -> None:
    with clinic_a.enter():
        with transaction.atomic():
            assert Patient.objects.update(source="x") == 3
            transaction.set_rollback(True)
        Patient.objects.filter(pk=clinic_a.patients[0].pk).update(source="y")
    assert len(log()) == 1


def test_a_refused_change_leaves_no_row(clinic_a: World, log: Callable[[], list[AuditLog]]) -> None:
    with clinic_a.enter("auditor"):
        assert Patient.objects.update(source="x") == 0
        with pytest.raises(DatabaseError, match="may not write"), transaction.atomic():
            Patient.objects.create(name="Nova")
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            connection.cursor().execute(r"INSERT INTO patients (name, record_number) VALUES ('\x01', '12345678')")
    assert log() == []


def test_thousands_of_rows_leave_thousands(clinic_a: World, log: Callable[[], list[AuditLog]]) -> None:
    with context.enter(Job("import_appointments"), clinic_a.clinic.pk):
        Patient.objects.bulk_create(Patient(name=f"Importada {n}", source="planilha") for n in range(3000))
    rows = log()
    assert len(rows) == len({row.record_id for row in rows}) == 3000
    assert {(row.actor_kind, row.actor, row.role) for row in rows} == {("job", "import_appointments", "job")}


# --- Who --------------------------------------------------------------------------------------------------------


def test_the_owner_without_a_context_changes_nothing_and_names_itself(worlds: Worlds, owner: Raw) -> None:
    """psql as the owner: row security binds it, and an account it may not make either."""
    assert owner.attempt("UPDATE patients SET source = 'x'").status == "UPDATE 0"
    owner.refused("INSERT INTO users (email, password, is_superuser) VALUES ('x@y.example', '!', false)")
    with owner.undone():
        owner.run("ALTER TABLE services NO FORCE ROW LEVEL SECURITY")
        ((changed,),) = owner.run(
            "WITH u AS (UPDATE services SET is_active = false RETURNING 1) SELECT count(*) FROM u"
        )
        owner.run("ALTER TABLE audit_logs NO FORCE ROW LEVEL SECURITY")
        written = owner.run(
            "SELECT actor_kind, actor, role, request_id, count(*) FROM audit_logs"
            " WHERE xid = pg_current_xact_id() GROUP BY 1, 2, 3, 4"
        )
        assert written == [("db", "neonpro_owner", "", None, changed)]


def test_an_actor_is_never_null(worlds: Worlds, owner: Raw) -> None:
    with superuser(test_settings.DATABASE) as root:
        nothing = Raw(root).run(
            "SELECT column_name::text FROM information_schema.columns"
            " WHERE table_name = 'audit_logs' AND is_nullable = 'YES' ORDER BY 1"
        )
        assert [name for (name,) in nothing] == ["changes", "patient_id", "patients", "record_id", "request_id"]
        assert Raw(root).run("SELECT 1 FROM audit_logs WHERE actor = ''") == []


def test_an_account_is_the_platforms_until_it_changes_in_a_clinic(
    clinic_a: World, log: Callable[[], list[AuditLog]]
) -> None:
    manager = clinic_a.user("manager")
    with clinic_a.enter("manager"), connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.invite('nova@nenhures.example')")
        (invited,) = cursor.fetchone()
        manager.set_password("outra senha bem longa")
        manager.save()
        manager.last_login = None
        manager.save()
    (row,) = log()
    assert (row.action, row.table_name, row.record_id) == ("UPDATE", "users", manager.pk)
    assert row.changes == {"password": ["•", "•"]}
    rows = behind("SELECT action, actor, changes FROM audit_logs WHERE record_id = %s AND clinic_id = %s",
                  invited, PLATFORM)  # fmt: skip
    assert rows == []  # not yet committed: another session cannot see it
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_logs")
        assert cursor.fetchone() == (0,)


def test_a_new_account_is_in_the_platforms_log_alone(committed: None) -> None:
    world = make_world("ALFAZEMA")
    with world.enter("manager"), connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.invite('nova@nenhures.example')")
        (invited,) = cursor.fetchone()
    rows = behind("SELECT clinic_id, action, actor, changes FROM audit_logs WHERE record_id = %s", invited)
    ((clinic, action, actor, changes),) = rows
    assert (str(clinic), action, actor) == (PLATFORM, "INSERT", str(world.user("manager").pk))
    assert changes["email"] == changes["password"] == "•"
    # Nobody reads the platform's log through the application, not even a job that claims to be there.
    with context.enter(JOB, UUID(PLATFORM)):
        assert not AuditLog.objects.exists()


# --- Events at the door -----------------------------------------------------------------------------------------


@pytest.fixture
def two_places(committed: None) -> tuple[World, World, User]:
    """Two clinics, and somebody who is a manager in one and at the reception of the other."""
    a, b = make_world("ALFAZEMA"), make_world("BERGAMOTA")
    somebody = make_user("duas@casas.example")
    join(somebody, a.clinic.pk, "manager")
    join(somebody, b.clinic.pk, "reception")
    return a, b, somebody


def events(action: str) -> list[tuple[Any, ...]]:
    return behind(
        "SELECT clinic_id, actor_kind, actor, role, record_id FROM audit_logs WHERE action = %s"
        " ORDER BY role, clinic_id",
        action,
    )


@pytest.mark.parametrize("action", ["LOGIN", "LOGIN_FAILED"])
def test_a_sign_in_is_in_the_log_of_each_clinic_of_the_account(
    action: str, two_places: tuple[World, World, User]
) -> None:
    a, b, somebody = two_places
    with context.enter(SignIn(), None):
        record_event(action, account=somebody.pk)
    expected = sorted([a.clinic.pk, b.clinic.pk])
    assert events(action) == [(clinic, "signin", str(somebody.pk), "signin", somebody.pk) for clinic in expected]


def test_a_sign_out_is_in_the_log_of_each_clinic_with_the_role_there(two_places: tuple[World, World, User]) -> None:
    """A clinic does not learn what somebody is elsewhere."""
    a, b, somebody = two_places
    with context.enter(somebody, a.clinic.pk):
        record_event("LOGOUT", account=somebody.pk)
    assert events("LOGOUT") == [
        (a.clinic.pk, "user", str(somebody.pk), "manager", somebody.pk),
        (b.clinic.pk, "user", str(somebody.pk), "reception", somebody.pk),
    ]


def test_other_events_stay_in_the_clinic_they_happen_in(two_places: tuple[World, World, User]) -> None:
    a, _, somebody = two_places
    with context.enter(somebody, a.clinic.pk):
        record_event("EXPORT", detail={"rows": 3})
    with context.enter(SignIn(), None):
        record_event("DENIED", account=somebody.pk)
    with context.enter(Job("nightly"), None):
        record_event("EXPORT", account=somebody.pk)
    assert events("EXPORT") == [
        (UUID(PLATFORM), "job", "nightly", "job", somebody.pk),
        (a.clinic.pk, "user", str(somebody.pk), "manager", None),
    ]
    assert events("DENIED") == [(UUID(PLATFORM), "signin", str(somebody.pk), "signin", somebody.pk)]


def test_a_failed_sign_in_of_nobody_names_nobody(two_places: tuple[World, World, User]) -> None:
    with context.enter(SignIn(), None):
        record_event("LOGIN_FAILED")
    assert events("LOGIN_FAILED") == [(UUID(PLATFORM), "signin", "", "signin", None)]


# --- What the log does not say ----------------------------------------------------------------------------------


def test_no_withheld_value_is_ever_in_the_log(committed: None) -> None:
    assert set(CANARIES) == {field.name for field in encrypted_fields(Patient)}
    world = make_world("ALFAZEMA")
    with world.enter():
        patient = Patient.objects.create(**CANARIES, source="planilha")
        patient.refresh_from_db()
        patient.name, patient.phone, patient.birth_date = "Outra Canária", "", None
        patient.save()
        patient.city = "Canavieiras"
        Patient.objects.bulk_update([patient], ["city"])
        Patient.objects.filter(pk=patient.pk).update(email="", cpf="", mother_name="")
        visit = Appointment.objects.create(patient=patient, day="2030-03-04", note="recado CANARY", external_id="9")
        visit.cancel_reason, visit.note = "motivo CANARY", ""
        visit.save()
    whole = str(behind("SELECT to_jsonb(a) FROM audit_logs AS a")).casefold()
    told = [value for value in (*CANARIES.values(), "canár", "canary", "outra", "canavieiras")
            if len(value) > 6 and value.casefold() in whole]  # fmt: skip
    assert told == []
    # Nor a password or an address of an account.
    assert "md5$" not in whole
    assert "@alfazema.example'" not in str(behind("SELECT changes FROM audit_logs WHERE table_name = 'users'"))
    # And it does say that they changed: ciphertext by ciphertext, as the row has it.
    changes = [row[0] for row in behind(
        "SELECT changes -> 'name' FROM audit_logs WHERE record_id = %s AND changes ? 'name' ORDER BY created_at, id",
        patient.pk,
    )]  # fmt: skip
    created, updated = sorted(changes, key=lambda value: isinstance(value, list))
    ((kept,),) = behind("SELECT name FROM patients WHERE id = %s", patient.pk)
    assert updated == [created, "\\x" + bytes(kept).hex()]
    assert created.startswith("\\x01")


def test_every_withheld_column_of_every_table_is_masked(committed: None) -> None:
    world = make_world("ALFAZEMA")
    share_a_record(world)
    rows = behind("SELECT table_name, changes FROM audit_logs WHERE action = 'INSERT'")
    checked = 0
    for table, changes in rows:
        model = model_of(table)
        for name in AUDITED[table].withheld:
            column = column_of(model, name)
            assert changes.get(column, "•") == "•"
            checked += column in changes
        for field in encrypted_fields(model):
            value = changes.get(field.column)
            assert value is None or re.fullmatch(r"\\x(01([0-9a-f]{32})+)?", value), (table, field.column)
            checked += value not in (None, "\\x")
        for column in ("updated_at", *AUDITED[table].derived):
            assert column not in changes
    assert checked > 20


# --- Nothing of it is ever lost or changed ----------------------------------------------------------------------

TAMPERING = [
    "UPDATE {table} SET actor = 'x'",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "TRUNCATE {table} CASCADE",
    "DELETE FROM ONLY {table} WHERE actor <> ''",
    "MERGE INTO {table} AS t USING (SELECT 1) AS o ON t.actor <> '' WHEN MATCHED THEN DELETE",
]


def log_tables() -> list[str]:
    names = behind("SELECT relname FROM pg_class WHERE relname ~ '^audit_logs' AND relkind IN ('r', 'p') ORDER BY 1")
    return [str(name) for (name,) in names]


@pytest.mark.parametrize("tampering", TAMPERING)
def test_the_owner_changes_no_row_of_the_log(tampering: str, worlds: Worlds, owner: Raw) -> None:
    """A statement that meets a row is refused; one that row security shows none does nothing."""
    before = digest()
    for table in log_tables():
        for world in (None, worlds.a):
            with owner.undone():
                if world:
                    owner.enter(world, "dpo")
                outcome = owner.attempt(tampering.format(table=table))
                if "TRUNCATE" in tampering:
                    assert outcome.state == REFUSED
                    assert "rows are only ever added" in outcome.text
                else:
                    assert outcome.state == REFUSED or outcome.status in {"UPDATE 0", "DELETE 0", "MERGE 0"}, outcome
    assert digest() == before


def test_not_even_a_superuser_changes_it_without_ddl(worlds: Worlds) -> None:
    before, met = digest(), 0
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        for replication_role in ("origin", "replica", "local"):
            raw.run(f"SET session_replication_role = {replication_role}")
            for table in log_tables():
                for tampering in TAMPERING:
                    ((rows,),) = raw.run(f"SELECT count(*) FROM {'ONLY' * ('ONLY' in tampering)} {table}")
                    if rows or "TRUNCATE" in tampering:
                        assert "rows are only ever added" in raw.refused(tampering.format(table=table))
                        met += 1
    assert met > 60
    assert digest() == before


def test_a_partition_made_later_is_as_shut(committed: None) -> None:
    call_command("audit_partitions", months=14, verbosity=0)
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        unguarded = raw.run(
            "SELECT c.relname FROM pg_class AS c WHERE c.relispartition AND c.relkind = 'r' AND ("
            " NOT c.relrowsecurity OR NOT c.relforcerowsecurity"
            " OR EXISTS (SELECT FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner)"
            " OR (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A') < 2)"
        )
        assert unguarded == []
        ((partitions,),) = raw.run("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'")
        assert partitions == 16


def test_a_row_of_an_unexpected_month_still_has_a_place(worlds: Worlds) -> None:
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        with raw.undone():
            raw.run(
                "INSERT INTO audit_logs (clinic_id, created_at, action, table_name, actor_kind, actor, role)"
                " VALUES (gen_random_uuid(), '2099-01-01', 'EXPORT', '', 'db', 'x', '')"
            )
            assert raw.run("SELECT count(*) FROM ONLY audit_logs_default") == [(1,)]
            raw.refused("DELETE FROM audit_logs_default")


# --- The rows behind the scenes ---------------------------------------------------------------------------------


def behind(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What is really there, past every policy."""
    with superuser(test_settings.DATABASE) as root:
        return Raw(root).run(query, parameters or None)


def digest() -> Any:
    return behind("SELECT count(*), md5(string_agg(a::text, '' ORDER BY a.created_at, a.id)) FROM audit_logs AS a")


def column_of(model: type[Model], name: str) -> str:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return str(field.column)


def model_of(table: str) -> type[Model]:
    return next(model for model in apps.get_models(include_auto_created=True) if model._meta.db_table == table)
