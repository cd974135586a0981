"""A patient on the page «Meus dados» with nothing but SQL: their own rows, nobody else's, and no way to write but two.

Everything is found by asking the catalogue, so that a table or function of a later issue is covered unseen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone
from psycopg import sql
from psycopg.types.json import Jsonb

from compliance.models import CodeKind, HolderCode, HolderContact, HolderSession
from neonpro.db import context
from neonpro.db.context import Door, Holder
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.conftest import Worlds
from tests.db.raw import Raw, connect, identifier
from tests.factories import World

OWN = {
    "patients": "id",
    "consent_records": "patient_id",
    "lgpd_consents": "patient_id",
    "data_requests": "patient_id",
    "erasures": "patient_id",
}
"""The tables of which a patient sees rows, and the column that says whose they are. A new one is a new door."""

PUBLIC = {"clinics", "services", "consent_texts"}
"""Nobody's data: who the clinic is, what it offers, and what it asks people to agree to."""

SUPPORT = {
    "django_migrations", "django_content_type", "django_session", "auth_permission", "auth_group",
    "auth_group_permissions", "users_groups", "users_user_permissions", "guardian_groupobjectpermission",
    "anvisa_register",
}  # fmt: skip
"""Of no clinic and without a person's data, the same for every context (NEONPRO_SUPPORT_TABLES)."""

SECRET = "segredo de teste"


def sign_in(world: World, patient: UUID, secret: str) -> str:
    """A session of a patient; the hash that stands in the database."""
    with context.enter(Door(), world.clinic.pk):
        HolderSession.objects.create(patient_id=patient, method=CodeKind.CODE, digest=Holder(secret).digest)
    return Holder(secret).digest


@pytest.fixture(scope="module")
def sessions(worlds: Worlds, django_db_blocker: Any) -> dict[UUID, str]:
    """For each patient of both clinics a session: the hash of its secret."""
    with django_db_blocker.unblock():
        found = {}
        for world in (worlds.a, worlds.b):
            for number, patient in enumerate(world.patients):
                found[patient.pk] = sign_in(world, patient.pk, f"{SECRET} {world.canary} {number}")
                with world.enter():
                    HolderCode.objects.create(
                        patient=patient, kind=CodeKind.LINK, digest=uuid4().hex, expires_at="2099-01-01T00:00Z"
                    )
                    HolderContact.objects.create(patient=patient, contact=f"x@{world.canary}", method="in_person")
        return found


@pytest.fixture
def holder(worlds: Worlds, sessions: dict[UUID, str], app: Raw) -> Iterator[Raw]:
    """The application's role with nothing but SQL, in the context of the first patient of the first clinic."""
    with as_holder(app, worlds.a, sessions[worlds.a.patients[0].pk]):
        yield app


@contextmanager
def as_holder(raw: Raw, world: World, digest: str) -> Iterator[None]:
    with raw.undone():
        raw.enter_with(raw.request(world.clinic.pk, kind="patient", actor=digest))
        yield


def tables(raw: Raw) -> list[str]:
    """Every table in the two schemas."""
    return [
        name
        for (name,) in raw.run(
            "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind IN ('r', 'p')"
            " AND c.relnamespace IN ('public'::regnamespace, 'neonpro'::regnamespace) ORDER BY 1"
        )
    ]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_every_table_shows_a_patient_their_own_rows_and_no_others(holder: Raw, worlds: Worlds) -> None:
    me, seen = worlds.a.patients[0].pk, {}
    for table in tables(holder):
        rows = holder.attempt(f"SELECT to_jsonb(t) FROM {table} AS t")
        if rows.rows and table not in SUPPORT:
            seen[table] = [row for (row,) in rows.rows]
    assert set(seen) <= set(OWN) | PUBLIC
    assert {"patients", "lgpd_consents", "consent_records", "data_requests", "clinics"} <= set(seen)
    for table, column in OWN.items():
        assert {row[column] for row in seen.get(table, [])} <= {str(me)}
    for table in PUBLIC & set(seen):
        assert {row["id" if table == "clinics" else "clinic_id"] for row in seen[table]} == {str(worlds.a.clinic.pk)}


def test_and_all_of_their_own_rows(holder: Raw, worlds: Worlds) -> None:
    me = worlds.a.patients[0].pk
    with superuser(test_settings.DATABASE) as root:
        for table, column in OWN.items():
            ((there,),) = Raw(root).run(f"SELECT count(*) FROM {table} WHERE {column} = %s", [me])
            ((shown,),) = holder.run(f"SELECT count(*) FROM {table}")
            assert shown == there, table


def test_the_door_sees_patients_and_what_the_page_needs_and_no_more(worlds: Worlds, sessions: Any, app: Raw) -> None:
    with app.undone():
        app.enter_with(app.request(worlds.a.clinic.pk, kind="door"))
        seen = {table for table in tables(app) if app.attempt(f"SELECT 1 FROM {table} LIMIT 1").rows} - SUPPORT
        assert seen == {"patients", "holder_codes", "holder_contacts", "holder_sessions"} | PUBLIC
        for table in seen:
            column = "id" if table == "clinics" else "clinic_id"
            assert app.run(f"SELECT DISTINCT {column} FROM {table}") == [(worlds.a.clinic.pk,)]


@pytest.mark.parametrize("categories", [["identification"], ["contact"], ["clinical", "images", "marketing", "ai"]])
def test_keys_open_for_oneself_alone(categories: list[str], holder: Raw, worlds: Worlds) -> None:
    me = worlds.a.patients[0].pk
    everybody = [patient.pk for world in (worlds.a, worlds.b) for patient in world.patients]
    rows = holder.run(
        "SELECT patient, status, wrapped FROM neonpro.open_keys(%s::uuid[], %s::text[], 'READ', 'x')",
        [everybody, categories],
    )
    assert {patient for patient, _status, _wrapped in rows} <= {me}
    assert {status for _patient, status, _wrapped in rows} <= {"open" if "clinical" not in categories else "withheld"}
    assert all((wrapped is None) == (status == "withheld") for _patient, status, wrapped in rows)


def test_an_opened_key_leaves_a_trace_in_the_patients_own_name(holder: Raw, worlds: Worlds) -> None:
    me = worlds.a.patients[0].pk
    holder.run("SELECT FROM neonpro.open_keys(%s::uuid[], '{contact}', 'READ', 'x')", [[me]])
    ((kind, actor, role, action),) = holder.run(
        "SELECT actor_kind, actor, role, action FROM neonpro.accesses_of(%s, NULL, NULL, NULL, NULL, '{READ}', 1)", [me]
    )
    assert (kind, actor, role, action) == ("patient", str(me), "patient", "READ")


def test_who_accessed_is_told_of_oneself_alone(holder: Raw, worlds: Worlds) -> None:
    question = "SELECT count(*) FROM neonpro.accesses_of(%s, NULL, NULL, NULL, NULL, NULL, NULL)"
    assert holder.run(question, [worlds.a.patients[0].pk]) > [(0,)]
    for other in (worlds.a.patients[1], worlds.b.patients[0]):
        assert holder.run(question, [other.pk]) == [(0,)]


def test_nobody_else_is_told_the_teams_names(worlds: Worlds, sessions: Any, app: Raw, holder: Raw) -> None:
    assert holder.run("SELECT count(*) > 0 FROM neonpro.team_names()") == [(True,)]
    with connect("neonpro_app") as connection:
        other = Raw(connection)
        for role in worlds.a.users:
            with other.inside(worlds.a, role):
                assert other.run("SELECT * FROM neonpro.team_names()") == []


# --- writing ----------------------------------------------------------------------------------------------------------


def test_nothing_is_changed_or_deleted(holder: Raw, worlds: Worlds) -> None:
    for table in tables(holder):
        if table in SUPPORT:
            continue
        columns = [
            name
            for (name,) in holder.run(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                " AND attgenerated = ''",
                [table],
            )
        ]
        first = identifier(columns[0])
        for statement in (f"UPDATE {table} SET {first} = {first}", f"DELETE FROM {table}"):
            outcome = holder.attempt(statement)
            assert outcome.state is not None or outcome.status in {"UPDATE 0", "DELETE 0"}, (statement, outcome)


def test_nothing_is_added(holder: Raw, worlds: Worlds) -> None:
    """A copy of any row of the clinic, whoever's, also with the patient as its owner."""
    me = str(worlds.a.patients[0].pk)
    tried = 0
    with superuser(test_settings.DATABASE) as root:
        for table in tables(holder):
            if table in SUPPORT or "." in table:
                continue
            for (row,) in Raw(root).run(f"SELECT to_jsonb(t) FROM {table} AS t LIMIT 3"):
                for change in ({}, {"patient_id": me}):
                    copy = row | {"id": str(uuid4())} | {key: value for key, value in change.items() if key in row}
                    outcome = insert(holder, table, copy)
                    assert outcome.state is not None, (table, copy)
                    tried += 1
    assert tried > 60


def insert(raw: Raw, table: str, row: dict[str, Any]) -> Any:
    names = sql.SQL(", ").join(
        sql.Identifier(name)
        for (name,) in raw.run(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''",
            [table],
        )
    )
    query = f"INSERT INTO {table} ({names.as_string(None)}) SELECT {names.as_string(None)}"
    return raw.attempt(f"{query} FROM jsonb_populate_record(NULL::{table}, %s)", [Jsonb(row)])


def a_request(patient: UUID, **changes: Any) -> dict[str, Any]:
    now, empty = timezone.now().isoformat(), ("details", "extension_reason", "answer", "refusal_ground")
    return {
        "id": str(uuid4()), "clinic_id": None, "patient_id": str(patient), "kind": "ACCESS", "channel": "page",
        "status": "received", "identity_check": "code", "received_at": now, "created_at": now, "updated_at": now,
        "due_on": "2099-01-01", "answer_channel": "", **dict.fromkeys(empty, "\\x"), **changes,
    }  # fmt: skip


def test_a_request_is_opened_for_oneself_alone_and_decided_by_nobody_of_them(holder: Raw, worlds: Worlds) -> None:
    me, here = worlds.a.patients[0].pk, str(worlds.a.clinic.pk)
    assert insert(holder, "data_requests", a_request(me, clinic_id=here)).state is None
    for changes in (
        {"patient_id": str(worlds.a.patients[1].pk)},
        {"patient_id": str(worlds.b.patients[0].pk), "clinic_id": str(worlds.b.clinic.pk)},
        {"channel": "in_person"},
        {"status": "answered"},
        {"answered_at": "2026-01-01T00:00Z"},
        {"identity_check": "gov_br"},
        {"received_at": "2026-01-01T00:00Z"},
        {"due_on": "2026-01-01"},
        {"owner_id": str(worlds.a.user("dpo").pk)},
        {"released_at": "2026-01-01T00:00Z"},
    ):
        outcome = insert(holder, "data_requests", a_request(me, clinic_id=here) | changes)
        assert outcome.state is not None, changes


def withdrawal(patient: UUID, **changes: Any) -> tuple[str, list[Any]]:
    row = {
        "patient_id": patient, "purpose": "marketing", "event": "withdrawn", "family": "LGPD", "legal_basis": "7.I",
        "data_category": "CONTACT", "channel": "portal", "actor": "self", "text_sha256": "", "guardian_relation": "",
        "guardian_name": b"", "guardian_proof": b"", "evidence_kind": "", "evidence": b"", "clinical_evidence": b"",
        "recorded_role": "", **changes,
    }  # fmt: skip
    return f"INSERT INTO consent_records ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", [*row.values()]


def test_a_consent_is_taken_back_by_its_patient_and_that_is_all(holder: Raw, worlds: Worlds) -> None:
    me, other = worlds.a.patients[0].pk, worlds.a.patients[1].pk
    ((before,),) = holder.run("SELECT state FROM lgpd_consents WHERE purpose = 'marketing'")
    assert before == "granted"
    for changes in (
        {"patient_id": other},
        {"event": "granted"},
        {"event": "refused"},
        {"event": "asked"},
        {"channel": "paper"},
        {"purpose": "telemedicine", "family": "TELEMEDICINE"},
    ):
        outcome = holder.attempt(*withdrawal(me, **changes))
        assert outcome.state is not None, changes
    assert holder.attempt(*withdrawal(me)).state is None
    with holder.undone():
        holder.run(*withdrawal(me))
        assert holder.run("SELECT state FROM lgpd_consents WHERE purpose = 'marketing'") == [("withdrawn",)]
        assert holder.run("SELECT recorded_role FROM consent_records ORDER BY number DESC LIMIT 1") == [("patient",)]


@pytest.mark.parametrize(
    ("query", "gives"),
    [
        ("SELECT neonpro.create_keys(ARRAY[%(other)s]::uuid[], '{contact}', 1, ARRAY[NULL]::bytea[])", None),
        ("SELECT neonpro.create_keys(ARRAY[%(me)s]::uuid[], '{contact}', 1, ARRAY[NULL]::bytea[])", None),
        ("SELECT neonpro.destroy_keys(%(me)s, '{contact}')", None),
        ("SELECT neonpro.restrict_keys(%(me)s, '{contact}', true)", None),
        ("SELECT neonpro.write_tokens(ARRAY[%(other)s]::uuid[], '{\"{1}\"}', '{NULL}', '{NULL}')", None),
        ("SELECT neonpro.search_key(NULL, NULL)", None),
        ("SELECT neonpro.data_of('patients', %(other)s, '{}')", None),
        ("SELECT neonpro.record_reading('READ', ARRAY[%(other)s]::uuid[], '{}')", None),
        ("SELECT neonpro.holder_try('{}', '{}', '{}')", None),
        ("SELECT neonpro.invite('x@example.org')", None),
        ("SELECT neonpro.begin_erasure(%(me)s)", None),
        ("SELECT * FROM neonpro.known_patients('cpf', '{1}', 'x')", []),
        ("SELECT * FROM neonpro.search_patients('{}', '{1}', '', 10, 'x')", []),
        ("SELECT * FROM neonpro.open_patients(NULL, false)", []),
        ("SELECT * FROM neonpro.granted_patients(false)", []),
        ("SELECT * FROM neonpro.hold_keys(ARRAY[%(other)s]::uuid[], '{contact}')", []),
    ],
)
def test_the_functions_of_staff_are_shut(query: str, gives: Any, holder: Raw, worlds: Worlds) -> None:
    named = {"me": worlds.a.patients[0].pk, "other": worlds.a.patients[1].pk}
    outcome = holder.attempt(query, named)  # type: ignore[arg-type]
    if gives is None:
        assert outcome.state is not None, query
    else:
        assert outcome.state is None, outcome
        assert outcome.rows == ()


# --- the way in -------------------------------------------------------------------------------------------------------


def test_only_a_live_session_of_this_clinic_opens_the_context(worlds: Worlds, sessions: Any, app: Raw) -> None:
    digest = sessions[worlds.a.patients[0].pk]

    def let_in(clinic: UUID, actor: Any) -> bool:
        with app.undone():
            return bool(app.run("SELECT * FROM neonpro.enter(%s)", [app.request(clinic, kind="patient", actor=actor)]))

    assert let_in(worlds.a.clinic.pk, digest)
    assert not let_in(worlds.b.clinic.pk, digest)
    assert not let_in(worlds.a.clinic.pk, worlds.a.patients[0].pk)
    assert not let_in(worlds.a.clinic.pk, "")
    with superuser(test_settings.DATABASE) as root:
        for ending in (
            "ended_at = now()",
            "created_at = now() - interval '61 minutes'",
            "last_seen_at = now() - interval '16 minutes'",
        ):  # fmt: skip
            root.execute("ALTER TABLE holder_sessions DISABLE TRIGGER USER")
            old = root.execute(
                "SELECT ended_at, created_at, last_seen_at FROM holder_sessions WHERE digest = %s", [digest]
            ).fetchone()
            root.execute(f"UPDATE holder_sessions SET {ending} WHERE digest = %s", [digest])
            assert not let_in(worlds.a.clinic.pk, digest), ending
            assert old is not None
            root.execute(
                "UPDATE holder_sessions SET ended_at = %s, created_at = %s, last_seen_at = %s WHERE digest = %s",
                [*old, digest],
            )
    assert let_in(worlds.a.clinic.pk, digest)


def test_a_sealed_context_of_a_patient_is_good_for_nothing_else(holder: Raw, worlds: Worlds) -> None:
    ((sealed,),) = holder.run("SELECT current_setting('neonpro.context')")
    other = str(worlds.a.patients[1].pk)
    me = str(worlds.a.patients[0].pk)
    for forged in (sealed.replace(me, other), sealed.replace("|patient|", "|user|"), sealed.replace("patient", "dpo")):
        with holder.undone():
            holder.use(forged)
            holder.refused("SELECT count(*) FROM patients")
    # And nobody else's function believes a patient to be a member of the team.
    assert holder.run("SELECT neonpro.current_user_id(), neonpro.current_professional()") == [(None, None)]
    assert holder.run("SELECT neonpro.current_patient()::text, neonpro.current_clinic_role()") == [(me, "patient")]


def test_the_team_hands_out_links_and_makes_no_codes(worlds: Worlds, app: Raw) -> None:
    patient = worlds.a.patients[0].pk
    made = "INSERT INTO holder_codes (patient_id, kind, digest, expires_at) VALUES (%s, %s, %s, now())"
    for role in worlds.a.users:
        with app.inside(worlds.a, role):
            link = app.attempt(made, [patient, "link", "x"])
            assert (link.state is None) == (role in {"manager", "reception", "dpo"}), role
            for kind in ("code", "contact"):
                assert app.attempt(made, [patient, kind, "y"]).state is not None, role
            assert app.attempt(
                "INSERT INTO holder_sessions (patient_id, method, digest) VALUES (%s, 'code', 'z')", [patient]
            ).state == "42501"  # fmt: skip


def test_psycopg_is_what_refuses(holder: Raw) -> None:
    with pytest.raises(psycopg.Error), holder.connection.transaction():
        holder.connection.execute("SELECT neonpro.context()")
