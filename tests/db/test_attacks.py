"""Plain SQL as the application's role: no foreign row read, written or revealed, no audit row lost or forged."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.models import ForeignKey
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clinics.roles import Role, may
from neonpro.db.catalogue import live_messages
from neonpro.db.policies import SameClinic
from neonpro.vault.keys import keyring
from neonpro.vault.search import exact_token, word_tokens
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.conftest import Worlds
from tests.db.raw import (
    APPEND_ONLY,
    REFUSED,
    SHUT_TABLES,
    TENANT_TABLES,
    Outcome,
    Raw,
    connect,
    fingerprint,
    identifier,
    sign,
)
from tests.factories import World

READINGS = {
    "select": "SELECT * FROM {table}",
    "ctid": "SELECT * FROM {table} WHERE ctid >= '(0,0)'",
    "sample": "SELECT * FROM {table} TABLESAMPLE SYSTEM (100)",
    "lock": "SELECT * FROM {table} FOR UPDATE",
    "delete": "DELETE FROM {table} RETURNING *",
    "update": "UPDATE {table} SET created_at = created_at RETURNING *",
    "merge": "MERGE INTO {table} AS t USING (SELECT 1) AS one ON t.created_at IS NOT NULL WHEN MATCHED THEN DELETE",
    "whole row": "SELECT t FROM {table} AS t",
    "tsvector": "SELECT * FROM ts_stat('SELECT to_tsvector(''simple'', t::text) FROM {table} AS t')",
    "join": "SELECT * FROM (VALUES (1)) AS one CROSS JOIN LATERAL (SELECT * FROM {table}) AS t",
}
"""Ways to read a table; {table} is its name."""


@pytest.fixture(scope="module")
def behind(worlds: Worlds) -> Iterator[Raw]:
    """The superuser, to see what is really there."""
    with superuser(test_settings.DATABASE) as connection:
        yield Raw(connection)


def tokens(world: World, term: str) -> str:
    """What a clinic searches for when somebody types a term."""
    with world.enter():
        return ",".join(map(str, word_tokens(keyring().search_key(), term)))


def clinic_column(table: str) -> str:
    return "id" if table == "clinics" else "clinic_id"


GUARDED_FIRST = {"scope_signoffs": {"INSERT": "scope_signoffs_director_only", "UPDATE": "scope_signoffs_kept"}}
"""Tables whose guard runs before the policies and is stricter: which of its rules refuses a command, to everybody."""


def assert_refused(outcome: Outcome, table: str, command: str, *, or_state: str = REFUSED) -> None:
    """By the policies; or by the table's guard, and what is beneath it has a test of its own."""
    if table in GUARDED_FIRST:
        assert outcome.state == "23514", outcome
        assert outcome.constraint == f"None.None.{GUARDED_FIRST[table][command]}", outcome
    else:
        assert outcome.state in {REFUSED, or_state}, outcome


# --- Without a context ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_both_clinics_have_a_row_in_every_table(table: str, worlds: Worlds, behind: Raw) -> None:
    """What follows proves nothing of an empty table: a new model needs a row in `make_world` or `share_a_record`."""
    counts = dict(behind.run(f"SELECT {clinic_column(table)}, count(*) FROM {identifier(table)} GROUP BY 1"))
    assert counts[worlds.a.clinic.pk]
    assert counts[worlds.b.clinic.pk]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("table", SHUT_TABLES)
def test_without_a_context_no_row_is_seen(table: str, reading: str, app: Raw) -> None:
    query = READINGS[reading].format(table=identifier(table))
    for transaction in (False, True):
        if transaction:
            app.run("BEGIN")
        outcome = app.attempt(query)
        assert outcome.rows == ()
        # An UPDATE or DELETE of no rows, or one that is not even granted.
        assert outcome.state in (None, REFUSED), outcome
        assert outcome.state or outcome.status in {"SELECT 0", "DELETE 0", "UPDATE 0", "MERGE 0"}
    app.run("ROLLBACK")


@pytest.mark.parametrize("table", SHUT_TABLES)
def test_without_a_context_no_row_is_written(table: str, worlds: Worlds, app: Raw, behind: Raw) -> None:
    row = row_of(behind, table, worlds.a.clinic.pk)
    outcome = app.attempt(insert(table), [json.dumps(row | {"id": str(uuid4())}, default=str)])
    # An appointment's day is read from its clinic first, which without a context is not there (P0002).
    assert_refused(outcome, table, "INSERT", or_state="P0002")


def test_a_setting_left_empty_by_an_earlier_transaction_is_no_context(worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a):
        assert app.run("SELECT 1 FROM patients")
    assert app.run("SELECT current_setting('neonpro.context', true)") == [("",)]
    assert app.run("SELECT 1 FROM patients") == []


# --- Forged contexts --------------------------------------------------------------------------------------------


def _with(position: int, value: Callable[[Worlds], Any]) -> Callable[[str, Worlds, Raw], str]:
    def forge(sealed: str, worlds: Worlds, app: Raw) -> str:
        parts = sealed.split("|")
        parts[position] = str(value(worlds))
        return "|".join(parts)

    return forge


def _by_own_key(sealed: str, worlds: Worlds, app: Raw) -> str:
    key = secrets.token_bytes(32)
    message = "|".join([fingerprint(key), *sealed.split("|")[1:6]])
    return f"{message}|{sign(key, message, app.moment())}"


def _by_own_key_under_a_known_name(sealed: str, worlds: Worlds, app: Raw) -> str:
    message = sealed.rpartition("|")[0]
    return f"{message}|{sign(secrets.token_bytes(32), message, app.moment())}"


FORGERIES: dict[str, Callable[[str, Worlds, Raw], str]] = {
    "a plain clinic": lambda sealed, worlds, app: str(worlds.b.clinic.pk),
    "another fingerprint": _with(0, lambda worlds: "0" * 16),
    "another kind": _with(1, lambda worlds: "job"),
    "another actor": _with(2, lambda worlds: worlds.b.user("manager").pk),
    "another clinic": _with(3, lambda worlds: worlds.b.clinic.pk),
    "another role": _with(4, lambda worlds: "manager"),
    "another request": _with(5, lambda worlds: uuid4()),
    "no signature": _with(6, lambda worlds: ""),
    "a signature in capitals": lambda sealed, worlds, app: f"{sealed[:-64]}{sealed[-64:].upper()}",
    "a truncated signature": lambda sealed, worlds, app: sealed[:-1],
    "a digit changed": lambda sealed, worlds, app: sealed[:-1] + ("0" if sealed[-1] != "0" else "1"),
    "a field more": lambda sealed, worlds, app: f"{sealed}|manager",
    "a field less": lambda sealed, worlds, app: sealed.partition("|")[2],
    "a space": lambda sealed, worlds, app: f" {sealed}",
    "a request for a context": lambda sealed, worlds, app: app.request(
        worlds.a.clinic.pk, actor=worlds.a.user("reception").pk
    ),
    "a key of one's own": _by_own_key,
    "a key of one's own under a known name": _by_own_key_under_a_known_name,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_context_opens_nothing(forgery: str, worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a, "reception") as sealed:
        app.use(FORGERIES[forgery](sealed, worlds, app))
        for table in SHUT_TABLES:
            assert "invalid clinic context" in app.refused(f"SELECT * FROM {identifier(table)}")
        app.refused("INSERT INTO services (name, category, duration_minutes) VALUES ('x', 'exam', 30)")
        app.refused("SELECT neonpro.record_event('EXPORT', NULL, NULL)")
        app.refused("SELECT * FROM neonpro.search_patients('{1}', '{}', '', 10, 'test')")
        app.refused("SELECT * FROM neonpro.clinics_of(%s)", [worlds.b.user("manager").pk])
        app.refused("SELECT neonpro.invite('x@y.example')")


@given(
    position=st.integers(0, 10_000), change=st.sampled_from(["", "0", "f", "|", "é", "manager"]), replace=st.booleans()
)
@example(position=0, change="|", replace=False)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_small_change_of_a_context_passes(
    position: int, change: str, replace: bool, worlds: Worlds, app: Raw
) -> None:
    with app.inside(worlds.a, "reception") as sealed:
        at = position % len(sealed)
        changed = sealed[:at] + change + sealed[at + replace :]
        if changed == sealed:
            return
        app.use(changed)
        app.refused("SELECT 1 FROM patients")


@pytest.mark.parametrize("garbage", [None, "", "|", "|||||", "||||||", "x" * 10_000, "NaN|user|||||"])
def test_enter_refuses_garbage(garbage: str | None, app: Raw) -> None:
    with app.undone():
        app.refused("SELECT * FROM neonpro.enter(%s)", [garbage])
        assert app.run("SELECT 1 FROM patients") == []


@pytest.mark.parametrize("position", range(5))
def test_enter_refuses_a_request_that_was_changed(position: int, worlds: Worlds, app: Raw) -> None:
    others = ["0" * 16, "job", worlds.b.user("manager").pk, worlds.b.clinic.pk, uuid4()]
    with app.undone():
        parts = app.request(worlds.a.clinic.pk, actor=worlds.a.user("auditor").pk).split("|")
        parts[position] = str(others[position])
        app.refused("SELECT * FROM neonpro.enter(%s)", ["|".join(parts)])


def test_enter_refuses_a_key_that_is_not_installed(worlds: Worlds, app: Raw) -> None:
    key, clinic, user = secrets.token_bytes(32), worlds.a.clinic.pk, worlds.a.user("manager").pk
    known = fingerprint(settings.NEONPRO_CONTEXT_KEYS[0])
    with app.undone():
        for named in (None, known):
            token = app.request(clinic, actor=user, secret=key, named=named)
            app.refused("SELECT * FROM neonpro.enter(%s)", [token])
        assert app.run("SELECT 1 FROM patients") == []


@pytest.mark.parametrize(("other_backend", "earlier"), [(1, 0), (0, 1)])
def test_enter_refuses_a_request_for_another_backend_or_moment(
    other_backend: int, earlier: int, worlds: Worlds, app: Raw
) -> None:
    with app.undone():
        pid, began = app.moment()
        ask, user = "SELECT role FROM neonpro.enter(%s)", worlds.a.user("dpo").pk
        elsewhere = app.request(worlds.a.clinic.pk, actor=user, moment=(pid + other_backend, began - earlier))
        app.refused(ask, [elsewhere])
        assert app.run(ask, [app.request(worlds.a.clinic.pk, actor=user, moment=(pid, began))]) == [("dpo",)]


def test_a_sealed_context_is_no_request(worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a) as sealed:
        app.refused("SELECT * FROM neonpro.enter(%s)", [sealed])


def test_who_is_no_member_learns_nothing_of_the_clinic(worlds: Worlds, app: Raw) -> None:
    """A clinic that is not yours and one that does not exist give the same answer."""
    with app.undone():
        answers = [
            app.attempt("SELECT role FROM neonpro.enter(%s)", [app.request(clinic, actor=worlds.a.user("manager").pk)])
            for clinic in (worlds.b.clinic.pk, uuid4(), None)
        ]
        assert answers == [Outcome(status="SELECT 0")] * 3
        assert app.run("SELECT 1 FROM patients") == []


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE clinic_memberships SET is_active = false WHERE user_id = %(user)s",
        "UPDATE users SET is_active = false WHERE id = %(user)s",
        "UPDATE clinics SET is_active = false WHERE id = %(clinic)s",
    ],
)
def test_an_ended_membership_account_or_clinic_opens_nothing(ending: str, worlds: Worlds, behind: Raw) -> None:
    with behind.undone():
        behind.connection.execute(
            ending,
            {"user": worlds.a.user("auditor").pk, "clinic": worlds.a.clinic.pk},
        )
        token = behind.request(worlds.a.clinic.pk, actor=worlds.a.user("auditor").pk)
        assert behind.run("SELECT * FROM neonpro.enter(%s)", [token]) == []


# --- Replays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
def test_a_context_is_worth_nothing_in_the_next_transaction(ending: str, worlds: Worlds, app: Raw) -> None:
    app.run("BEGIN")
    request = app.request(worlds.a.clinic.pk, actor=worlds.a.user("manager").pk)
    sealed = app.enter_with(request)
    assert app.run("SELECT 1 FROM patients")
    app.run(ending)
    if "CHAIN" not in ending:
        app.run("BEGIN")
    assert app.run("SELECT 1 FROM patients") == []
    with app.undone():
        app.use(sealed)
        app.refused("SELECT 1 FROM patients")
    app.refused("SELECT * FROM neonpro.enter(%s)", [request])
    app.run("ROLLBACK")


def test_a_context_is_worth_nothing_on_another_connection(worlds: Worlds, app: Raw) -> None:
    with connect("neonpro_app") as connection, app.inside(worlds.a) as sealed:
        other = Raw(connection)
        with other.undone():
            other.use(sealed)
            other.refused("SELECT 1 FROM patients")
        request = app.request(worlds.a.clinic.pk, actor=worlds.a.user("manager").pk)
        other.refused("SELECT * FROM neonpro.enter(%s)", [request])


def test_a_context_set_for_the_session_ends_with_its_transaction(worlds: Worlds, app: Raw) -> None:
    app.run("BEGIN")
    sealed = app.enter(worlds.a)
    app.run("SELECT set_config('neonpro.context', %s, false)", [sealed])
    app.run("COMMIT")
    app.refused("SELECT 1 FROM patients")
    # And what an attacker left on a pooled connection does not stop the next request from working.
    with app.inside(worlds.b):
        assert len(app.run("SELECT 1 FROM patients")) == 3


def test_rolling_back_to_a_savepoint_takes_its_context_along(worlds: Worlds, app: Raw) -> None:
    with app.undone():
        app.run("SAVEPOINT before")
        app.enter(worlds.a)
        assert len(app.run("SELECT 1 FROM patients")) == 3
        app.run("ROLLBACK TO before")
        assert app.run("SELECT 1 FROM patients") == []


def test_a_commit_inside_a_block_of_code_ends_the_context(worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a):
        app.refused("DO $$ BEGIN COMMIT; END $$", state="2D000")


def test_a_prepared_statement_follows_the_context_it_runs_in(worlds: Worlds, app: Raw) -> None:
    app.run("PREPARE names AS SELECT full_name FROM professionals")
    for _ in range(8):  # past the point at which PostgreSQL takes a generic plan
        with app.inside(worlds.a):
            assert all("ALFAZEMA" in name for (name,) in app.run("EXECUTE names"))
        with app.inside(worlds.b):
            assert all("BERGAMOTA" in name for (name,) in app.run("EXECUTE names"))
        assert app.run("EXECUTE names") == []


# --- Another clinic's rows --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", READINGS)
def test_the_ways_to_read_do_read_in_a_clinic(reading: str, worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a):
        # Nothing refers to a permission, and a manager may do everything with it.
        outcome = app.attempt(READINGS[reading].format(table="resource_permissions"))
        assert outcome.rows or outcome.status == "MERGE 1", outcome


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("table", TENANT_TABLES)
def test_inside_a_clinic_only_its_rows_are_seen(table: str, role: str, worlds: Worlds, app: Raw) -> None:
    for world, other in ((worlds.a, worlds.b), (worlds.b, worlds.a)):
        with app.inside(world, role):
            for query in READINGS.values():
                rows = app.attempt(query.format(table=identifier(table))).rows
                assert other.canary not in str(rows).upper()
                assert str(other.clinic.pk) not in str(rows)
            mine = app.run(
                f"SELECT count(*) FILTER (WHERE {clinic_column(table)} <> %s) FROM {identifier(table)}",
                [world.clinic.pk],
            )
            assert mine == [(0,)]


@pytest.mark.parametrize("table", sorted(set(TENANT_TABLES) - {"audit_logs"}))
def test_a_row_of_another_clinic_cannot_be_changed_or_taken(table: str, worlds: Worlds, app: Raw, behind: Raw) -> None:
    foreign = row_of(behind, table, worlds.b.clinic.pk)
    column = clinic_column(table)
    # Whoever may change it, or at least see it: an UPDATE must meet rows to be refused.
    roles = [role for permission in ("change", "view") for role in Role.values if may(role, permission, table)]
    with app.inside(worlds.a, roles[0] if roles else Role.MANAGER):
        if table in {"holder_codes", "holder_sessions"}:
            # Only the page «Meus dados» changes them.
            app.enter_with(app.request(worlds.a.clinic.pk, kind="door"))
        for query in (
            f"UPDATE {identifier(table)} SET created_at = now() WHERE id = %s",
            f"UPDATE {identifier(table)} SET {column} = neonpro.current_clinic() WHERE id = %s",
            f"DELETE FROM {identifier(table)} WHERE id = %s",
        ):
            outcome = app.attempt(query, [foreign["id"]])
            assert outcome.status in {"UPDATE 0", "DELETE 0"} or outcome.state == REFUSED, outcome
        # Without a WHERE nothing is read, so only WITH CHECK can refuse to give a row away.
        outcome = app.attempt(f"UPDATE {identifier(table)} SET {column} = %s", [worlds.b.clinic.pk])
        assert_refused(outcome, table, "UPDATE")
        outcome = app.attempt(insert(table), [json.dumps(foreign | {"id": str(uuid4())}, default=str)])
        assert_refused(outcome, table, "INSERT", or_state="P0002")
    assert row_of(behind, table, worlds.b.clinic.pk, foreign["id"]) == foreign


@pytest.mark.parametrize("table", GUARDED_FIRST)
def test_beneath_a_guard_that_refuses_first_the_policies_refuse_too(
    table: str, worlds: Worlds, app: Raw, behind: Raw
) -> None:
    own, foreign = row_of(behind, table, worlds.a.clinic.pk), row_of(behind, table, worlds.b.clinic.pk)
    with unguarded(behind, table):
        app.refused(insert(table), [json.dumps(own | {"id": str(uuid4())}, default=str)])
        with app.inside(worlds.a):
            app.refused(f"UPDATE {identifier(table)} SET clinic_id = %s", [worlds.b.clinic.pk])
            app.refused(insert(table), [json.dumps(foreign | {"id": str(uuid4())}, default=str)])
            # The triggers are off, and what is one's own may be written.
            mine = app.attempt(insert(table), [json.dumps(own | {"id": str(uuid4())}, default=str)])
            assert mine.status == "INSERT 0 1", mine


def test_copy_reads_own_rows_only_and_writes_none(worlds: Worlds, app: Raw) -> None:
    def copied() -> str:
        with app.connection.cursor().copy("COPY services TO STDOUT") as copy:
            return b"".join(bytes(block) for block in copy).decode()

    assert copied() == ""
    with app.inside(worlds.a):
        assert "ALFAZEMA" in copied()
        assert "BERGAMOTA" not in copied()
        app.refused("COPY services FROM STDIN", state="0A000")


@contextmanager
def without(behind: Raw, table: str, row: dict[str, Any]) -> Iterator[None]:
    """Take one row of another clinic away for a while, past every trigger and reference."""
    with unguarded(behind, table):
        behind.run(f"DELETE FROM {identifier(table)} WHERE id = %s", [row["id"]])
    try:
        yield
    finally:
        with unguarded(behind, table):
            behind.run(insert(table), [json.dumps(row, default=str)])


@contextmanager
def unguarded(behind: Raw, table: str) -> Iterator[None]:
    """Switch a table's triggers off for a moment. Ours are ENABLE ALWAYS: the setting silences references alone."""
    ours = behind.run(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'", [identifier(table)]
    )
    behind.run("SET session_replication_role = replica")
    behind.run(f"ALTER TABLE {identifier(table)} DISABLE TRIGGER USER")
    try:
        yield
    finally:
        for (name,) in ours:
            behind.run(f"ALTER TABLE {identifier(table)} ENABLE ALWAYS TRIGGER {identifier(name)}")
        behind.run("RESET session_replication_role")


@pytest.mark.parametrize("table", sorted(set(SHUT_TABLES) - set(APPEND_ONLY)))
def test_nothing_tells_whether_a_row_of_another_clinic_exists(
    table: str, worlds: Worlds, app: Raw, behind: Raw
) -> None:
    """Every attack gives the same answer, to the letter, when the foreign row is there and when it is not."""
    foreign = row_of(behind, table, worlds.b.clinic.pk)
    column = clinic_column(table)
    mine = str(worlds.a.clinic.pk)
    quoted = identifier(table)
    twin = json.dumps(foreign, default=str)
    taken = json.dumps(foreign | ({column: mine} if table != "users" else {}), default=str)
    attacks: list[tuple[str, list[Any]]] = [
        (query, [row])
        for row in (twin, taken)
        for query in (
            insert(table),
            f"{insert(table)} ON CONFLICT DO NOTHING",
            f"{insert(table)} ON CONFLICT DO NOTHING RETURNING id",
            f"{insert(table)} ON CONFLICT ({'id' if table in {'users', 'clinics'} else 'clinic_id, id'})"
            " DO UPDATE SET created_at = now()",
        )
    ]
    attacks += [
        (f"SELECT * FROM {quoted} WHERE id = %s", [foreign["id"]]),
        (f"SELECT * FROM {quoted} WHERE id = %s FOR UPDATE", [foreign["id"]]),
        (f"SELECT EXISTS (SELECT FROM {quoted} WHERE id = %s)", [foreign["id"]]),
        (f"UPDATE {quoted} SET created_at = now() WHERE id = %s", [foreign["id"]]),
        (f"DELETE FROM {quoted} WHERE id = %s", [foreign["id"]]),
    ]
    if table not in {"clinics", "users"}:
        # Only one row of one's own, or it would clash with itself.
        own = row_of(behind, table, worlds.a.clinic.pk)
        attacks.append((f"UPDATE {quoted} SET id = %s WHERE id = %s", [foreign["id"], own["id"]]))
    for referring, field in references_to(table):
        child = row_of(behind, referring, worlds.a.clinic.pk)
        attacks.append(
            (insert(referring), [json.dumps(child | {"id": str(uuid4()), field: foreign["id"]}, default=str)])
        )
        attacks.append(
            (f"UPDATE {identifier(referring)} SET {identifier(field)} = %s WHERE id = %s", [foreign["id"], child["id"]])
        )

    def answers() -> list[Outcome]:
        with app.inside(worlds.a):
            return [app.attempt(query, parameters) for query, parameters in attacks]

    there = answers()
    with without(behind, table, foreign):
        gone = answers()
    for (query, _), with_row, without_row in zip(attacks, there, gone, strict=True):
        assert with_row == without_row, query
        assert worlds.b.canary not in str(with_row).upper(), query
    assert row_of(behind, table, worlds.b.clinic.pk, foreign["id"])["id"] == foreign["id"]


@pytest.mark.parametrize("table", sorted(set(SHUT_TABLES) - set(APPEND_ONLY)))
def test_the_foreign_row_above_falls_under_every_unique_rule(table: str, worlds: Worlds, behind: Raw) -> None:
    """Or its absence would show in no clash: a new rule with a condition needs a row in `worlds` that meets it."""
    foreign = row_of(behind, table, worlds.b.clinic.pk)
    rules = behind.run(
        "SELECT coalesce(pg_get_expr(indpred, indrelid), 'true') FROM pg_index"
        " WHERE indrelid = %s::regclass AND (indisunique OR indisexclusion)",
        [identifier(table)],
    )
    assert rules
    for (condition,) in rules:
        assert behind.run(f"SELECT 1 FROM {identifier(table)} WHERE id = %s AND {condition}", [foreign["id"]]), (
            condition
        )


def test_the_answers_compared_above_include_refusals_and_successes(worlds: Worlds, app: Raw, behind: Raw) -> None:
    """A patient of another clinic's id, CPF and record number can be one's own too; its clinic can not."""
    foreign = row_of(behind, "patients", worlds.b.clinic.pk)
    with app.inside(worlds.a):
        assert app.attempt(insert("patients"), [json.dumps(foreign, default=str)]).state == REFUSED
        taken = json.dumps(foreign | {"clinic_id": str(worlds.a.clinic.pk)}, default=str)
        assert app.attempt(insert("patients"), [taken]).status == "INSERT 0 1"
    assert references_to("patients") == [
        (table, "patient_id")
        for table in (
            "adverse_events",
            "appointments",
            "care_team",
            "clinical_photos",
            "consent_records",
            "holder_codes",
            "holder_contacts",
            "holder_sessions",
            "lgpd_consents",
            "medical_records",
            "patient_alerts",
            "prescription_cancellations",
            "prescription_items",
            "prescription_signatures",
            "prescriptions",
            "product_application_voids",
            "product_applications",
            "recall_contacts",
            "record_signatures",
            "reminders",
            "telemedicine_sessions",
            "waiting_list",
        )
    ]


@pytest.mark.parametrize("key", ["record_number", "id"])
def test_a_number_of_ones_own_clinic_does_clash(key: str, worlds: Worlds, app: Raw, behind: Raw) -> None:
    own = row_of(behind, "patients", worlds.a.clinic.pk)
    twin = own | {"id": str(uuid4()), "record_number": "00000001"} | {key: own[key]}
    with app.inside(worlds.a):
        app.refused(insert("patients"), [json.dumps(twin, default=str)], state="23505")


# --- Errors and side channels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clause",
    [
        "1 / (length(t::text) - length(t::text)) = 1",
        "t::text::int = 1",
        "t::text::regclass IS NOT NULL",
        "set_config('stolen.row', t::text, false) IS NOT NULL",
        "CASE WHEN {column} <> %(clinic)s THEN 1 / (length(t::text) - length(t::text)) ELSE 1 END = 1",
    ],
)
@pytest.mark.parametrize("table", TENANT_TABLES)
def test_a_function_that_tells_what_it_sees_sees_no_foreign_row(
    table: str, clause: str, worlds: Worlds, app: Raw
) -> None:
    column = clinic_column(table)
    with app.inside(worlds.a):
        cursor = app.connection.execute(
            f"SELECT 1 FROM {identifier(table)} AS t WHERE {column} <> %(clinic)s AND {clause.format(column=column)}",
            {"clinic": worlds.a.clinic.pk},
        )
        assert cursor.rowcount == 0
        assert app.run("SELECT coalesce(current_setting('stolen.row', true), '')") == [("",)]


def test_errors_hold_no_values_of_rows(worlds: Worlds, app: Raw, behind: Raw) -> None:
    """Neither a foreign row's nor one's own: an error may end up in a log."""
    with app.inside(worlds.a):
        texts = [
            app.attempt(query).text
            for query in (
                "UPDATE patients SET name = ''",
                "UPDATE patients SET birth_year = -1",
                "UPDATE patients SET name = NULL",
                "UPDATE patients SET record_number = '00000001'",
                "UPDATE appointments SET starts_at = '2030-01-07 12:00Z', ends_at = '2030-01-07 12:30Z'",
                "UPDATE appointments SET ends_at = starts_at - interval '1 hour'",
                "UPDATE appointments SET patient_id = gen_random_uuid()",
                f"UPDATE patients SET clinic_id = '{worlds.b.clinic.pk}'",
            )
        ]
    secrets_of_rows = [
        str(value)
        for table in ("patients", "appointments")
        for row in rows_of(behind, table, worlds.a.clinic.pk)
        for value in row.values()
        if isinstance(value, str) and len(value) > 7
    ]
    for text in texts:
        assert text
        assert "Failing row" not in text
        assert not [value for value in secrets_of_rows if value in text], text


def test_planner_statistics_are_not_to_be_read(worlds: Worlds, app: Raw, behind: Raw) -> None:
    behind.run("ANALYZE")
    assert behind.run("SELECT 1 FROM pg_stats WHERE tablename = 'patients'")
    with app.inside(worlds.a):
        for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
            assert app.run(f"SELECT 1 FROM {view} WHERE tablename = ANY (%s)", [SHUT_TABLES]) == []
        for catalogue in ("pg_statistic", "pg_statistic_ext_data", "pg_largeobject", "pg_authid", "pg_user_mapping"):
            app.refused(f"SELECT * FROM {catalogue}")


def test_other_sessions_statements_are_not_to_be_read(worlds: Worlds, app: Raw, behind: Raw) -> None:
    with connect("neonpro_app") as connection, Raw(connection).inside(worlds.b):
        Raw(connection).run("SELECT 'BERGAMOTA' FROM patients")
        seen = app.run("SELECT * FROM pg_stat_activity") + app.run(
            "SELECT pg_stat_get_backend_activity(s) FROM pg_stat_get_backend_idset() AS s"
        )
        assert "BERGAMOTA" not in str(seen)
    app.refused("SET track_activities = on")
    app.refused("ALTER ROLE neonpro_app SET track_activities = on")
    app.refused("ALTER ROLE neonpro_app RESET track_activities")
    app.run("ALTER ROLE neonpro_app RESET ALL")
    with connect("neonpro_app") as connection:
        assert Raw(connection).run("SHOW track_activities") == [("off",)]
        assert Raw(connection).run("SHOW log_parameter_max_length") == [("0",)]
    behind.run(roles_sql())


def test_settings_of_the_caller_do_not_change_what_a_definer_function_says(worlds: Worlds, app: Raw) -> None:
    found = tokens(worlds.a, "paciente")

    def answers() -> list[Any]:
        with app.inside(worlds.a):
            return [
                app.run("SELECT neonpro.current_clinic(), neonpro.current_clinic_role(), neonpro.current_user_id()"),
                app.run(f"SELECT count(*) FROM neonpro.search_patients('{{{found}}}', '{{}}', '', 10, 'test')"),
                app.run(f"SELECT count(*) FROM neonpro.search_patients('{{{found},1}}', '{{}}', '', 10, 'test')"),
                app.run("SELECT count(*) FROM neonpro.search_patients('{}', '{1}', '', 10, 'test')"),
            ]

    normal = answers()
    assert [rows[0][0] for rows in normal[1:]] == [3, 0, 0]
    app.connection.close()
    for setting in (
        "standard_conforming_strings=off", "bytea_output=escape", "timezone=Asia/Tokyo", "datestyle=German",
        "transform_null_equals=on", "backslash_quote=on", "search_path=pg_temp,public", "extra_float_digits=-15",
        "client_encoding=latin1", "plan_cache_mode=force_generic_plan", "xmloption=document", "array_nulls=off",
    ):  # fmt: skip
        with connect("neonpro_app", options=f"-c {setting}") as connection:
            app.connection = connection
            assert answers() == normal, setting


# --- Becoming somebody else -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE neonpro_owner",
        "SET ROLE neonpro_gate",
        "SET ROLE neonpro_search",
        "SET ROLE postgres",
        "SET LOCAL ROLE neonpro_owner",
        "SET SESSION AUTHORIZATION neonpro_owner",
        "SET SESSION AUTHORIZATION postgres",
        "SET session_replication_role = replica",
        "SELECT set_config('role', 'neonpro_owner', false)",
        "SELECT set_config('session_replication_role', 'replica', true)",
        "GRANT neonpro_owner TO neonpro_app",
        "GRANT neonpro_search TO CURRENT_USER",
        "ALTER ROLE neonpro_app BYPASSRLS",
        "ALTER ROLE neonpro_app SUPERUSER",
        "ALTER ROLE neonpro_app SET session_replication_role = replica",
        "CREATE ROLE other",
    ],
)
def test_no_other_role_is_to_be_had(statement: str, worlds: Worlds, app: Raw) -> None:
    # Not a member, or not allowed to set it (42501), or the role is not one that can be had (22023).
    assert app.attempt(statement).state in {REFUSED, "22023"}
    with app.inside(worlds.a):
        assert app.attempt(statement).state in {REFUSED, "22023"}
    assert app.run("SELECT current_user, session_user") == [("neonpro_app", "neonpro_app")]


@pytest.mark.parametrize("statement", ["RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION", "DISCARD ALL"])
def test_going_back_to_the_own_role_changes_nothing(statement: str, app: Raw) -> None:
    app.run(statement)
    assert app.run("SELECT 1 FROM patients") == []


def test_row_security_switched_off_is_an_error_not_a_leak(worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a):
        app.run("SET LOCAL row_security = off")
        for table in SHUT_TABLES:
            app.refused(f"SELECT * FROM {identifier(table)}")


@pytest.mark.parametrize(
    "setting",
    [
        "pgtrigger.ignore = '{patients:record_changes,record_changes,pgtrigger_record_changes}'",
        "session_replication_role = replica",
        "row_security = off",
    ],
)
def test_no_setting_silences_the_audit_trigger(setting: str, worlds: Worlds, app: Raw, behind: Raw) -> None:
    names = behind.run("SELECT tgname FROM pg_trigger WHERE tgrelid = 'patients'::regclass AND NOT tgisinternal")
    with app.inside(worlds.a):
        app.attempt(f"SET LOCAL {setting}")
        if setting.startswith("pgtrigger"):
            app.run(f"SET LOCAL {setting}")
            app.run(
                "SELECT set_config('pgtrigger.ignore', %s, true)",
                ["{" + ",".join(f"{name},patients:{name}" for (name,) in names) + "}"],
            )
        before = app.run("SELECT count(*) FROM audit_logs")[0][0]
        patient = worlds.a.patients[0].pk
        app.run("UPDATE patients SET city = 'Uberaba' WHERE id = %s", [patient])
        assert app.run("SELECT count(*) FROM audit_logs")[0][0] == before + 1


# --- Making and breaking things ---------------------------------------------------------------------------------

MAKING = [
    "CREATE TEMPORARY TABLE patients (id uuid)",
    "CREATE TEMPORARY VIEW patients AS SELECT 1",
    "CREATE TEMPORARY SEQUENCE patients",
    "SELECT 1 AS id INTO TEMPORARY patients",
    "CREATE TABLE public.shadow (id int)",
    "CREATE TABLE neonpro.shadow (id int)",
    "CREATE TABLE pg_temp.patients (id int)",
    "CREATE SCHEMA neonpro_app",
    "CREATE SCHEMA other",
    "CREATE VIEW public.leak AS SELECT * FROM public.patients",
    "CREATE MATERIALIZED VIEW public.leak AS SELECT * FROM public.patients",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION neonpro.invite(varchar) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    "CREATE OR REPLACE FUNCTION neonpro.current_clinic() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
    "CREATE OPERATOR pg_temp.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = uuid_eq)",
    "CREATE TYPE public.t AS (a int)",
    "CREATE DOMAIN public.d AS int",
    "CREATE CAST (text AS uuid) WITH INOUT AS IMPLICIT",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION hstore",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE PUBLICATION p FOR ALL TABLES",
    "CREATE SUBSCRIPTION s CONNECTION 'host=/tmp' PUBLICATION p WITH (connect = false)",
    "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION neonpro.refuse_change()",
    "CREATE DATABASE other",
    "CREATE RULE r AS ON SELECT TO patients DO INSTEAD SELECT 1",
    "CREATE TRIGGER t BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION neonpro.refuse_change()",
    "CREATE TRIGGER t BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE POLICY wide ON patients USING (true)",
    "CREATE STATISTICS s ON name, city FROM patients",
    "CREATE INDEX i ON patients (name)",
]
BREAKING = [
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE TRIGGER USER",
    "ALTER TABLE {table} OWNER TO neonpro_app",
    "ALTER TABLE {table} ADD COLUMN x int",
    "ALTER TABLE {table} RENAME TO x",
    "GRANT ALL ON {table} TO PUBLIC",
    "COMMENT ON TABLE {table} IS 'x'",
    "TRUNCATE {table}",
    "TRUNCATE {table} CASCADE",
    "DROP TABLE {table}",
    "VACUUM {table}",
    "REINDEX TABLE {table}",
    "CLUSTER {table}",
]
ELSEWHERE = [
    "DROP FUNCTION neonpro.current_clinic()",
    "DROP FUNCTION neonpro.record_change() CASCADE",
    "DROP SCHEMA neonpro CASCADE",
    "ALTER FUNCTION neonpro.context() SECURITY INVOKER",
    "ALTER FUNCTION neonpro.context_mac(text, text) OWNER TO neonpro_app",
    "GRANT EXECUTE ON FUNCTION neonpro.context_mac(text, text) TO neonpro_app",
    "ALTER DATABASE " + test_settings.DATABASE + " SET row_security = off",
    "ALTER SYSTEM SET row_security = off",
    "REASSIGN OWNED BY neonpro_owner TO neonpro_app",
    "DROP OWNED BY neonpro_owner",
    "COPY patients TO '/tmp/leak.csv'",
    "COPY patients TO PROGRAM 'cat'",
    "COPY services FROM PROGRAM 'true'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/x')",
    "LOAD 'auto_explain'",
    "SELECT pg_create_logical_replication_slot('x', 'test_decoding')",
    "SELECT pg_reload_conf()",
    "SELECT neonpro.context()",
    "SELECT neonpro.context_mac('x', 'y')",
    "SELECT neonpro.record_change()",
    "SELECT neonpro.refuse_change()",
    "SELECT neonpro.touch_updated_at()",
    "SELECT neonpro.seal_policy('patients', 'patients_clinic', 'x')",
    "SELECT neonpro.ensure_audit_partitions(1200)",
    "SELECT * FROM neonpro.context_keys",
    "DELETE FROM neonpro.context_keys",
    "COPY neonpro.context_keys TO STDOUT",
    "LOCK TABLE neonpro.context_keys",
    "INSERT INTO audit_logs (clinic_id, action, table_name, actor_kind, actor, role)"
    " VALUES (neonpro.current_clinic(), 'LOGIN', '', 'db', 'x', '')",
    "UPDATE audit_logs SET actor = 'x'",
    "DELETE FROM audit_logs",
    "LOCK TABLE audit_logs IN SHARE MODE",
    "SELECT * FROM audit_logs FOR UPDATE",
    "DELETE FROM users",
]
WARNED_ONLY = ("VACUUM", "GRANT ALL")
"""What skips, with a warning, whatever it is not allowed to do."""


POLICIES = "SELECT * FROM pg_policy ORDER BY oid"
POLICIES_AS_SQL = (
    "SELECT polrelid::regclass::text, polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),"
    " pg_get_expr(polwithcheck, polrelid) FROM pg_policy ORDER BY 1, 2"
)
"""Made anew, a policy that joins tables also stores the columns they were given since: the same SQL, another tree."""


def catalogue(behind: Raw, *, policies: str = POLICIES) -> list[Any]:
    """Everything that the attacks below would change."""
    return [
        behind.run(query)
        for query in (
            "SELECT relname, relowner, relacl, relrowsecurity, relforcerowsecurity, relkind, reloptions FROM pg_class"
            " ORDER BY oid",
            policies,
            "SELECT oid, tgname, tgenabled, tgfoid FROM pg_trigger ORDER BY oid",
            "SELECT oid, proname, proowner, proacl, prosrc, prosecdef, proconfig FROM pg_proc ORDER BY oid",
            "SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname !~ '^pg_toast_temp' ORDER BY oid",
            "SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit FROM pg_authid"
            " ORDER BY oid",
            "SELECT * FROM pg_auth_members ORDER BY 1, 2",
            "SELECT extname FROM pg_extension ORDER BY 1",
            "SELECT datname, datacl FROM pg_database ORDER BY oid",
            "SELECT * FROM pg_description WHERE classoid IN ('pg_policy'::regclass, 'pg_trigger'::regclass)"
            " ORDER BY 1, 2",
        )
    ]


def test_what_the_application_cannot_make_or_break(worlds: Worlds, app: Raw, behind: Raw) -> None:
    before = catalogue(behind)
    breaking = [
        statement.format(table=identifier(table))
        for statement in BREAKING
        for table in (*SHUT_TABLES, *partitions(behind))
    ]
    for statement in (*MAKING, *breaking, *ELSEWHERE):
        # In a clinic, whose manager may do the most; and alone, since some of these run in no transaction.
        states = []
        with app.inside(worlds.a):
            states.append(app.attempt(statement).state)
        try:
            app.run(statement)
            states.append(None)
        except psycopg.Error as error:
            states.append(error.sqlstate)
        if not statement.startswith(WARNED_ONLY):
            assert REFUSED in states, f"{statement}: {states}"
            assert set(states) <= {REFUSED, "25001", "25P01"}, f"{statement}: {states}"
    assert catalogue(behind) == before


@pytest.mark.parametrize("reading", READINGS)
def test_a_partition_of_the_audit_log_is_not_to_be_reached(reading: str, worlds: Worlds, app: Raw, behind: Raw) -> None:
    assert len(partitions(behind)) > 12
    with app.inside(worlds.a, "dpo"):
        for partition in partitions(behind):
            app.refused(READINGS[reading].format(table=identifier(partition)))


# --- The functions that are allowed -----------------------------------------------------------------------------


def test_an_event_cannot_name_another_actor_or_clinic(worlds: Worlds, app: Raw, behind: Raw) -> None:
    me, other = worlds.a.user("manager").pk, worlds.b.user("manager").pk
    detail = json.dumps({"actor": str(other), "clinic_id": str(worlds.b.clinic.pk)})
    with app.inside(worlds.a):
        ((xid,),) = app.run("SELECT pg_current_xact_id()")
        for event in ("LOGIN", "LOGIN_FAILED", "LOGOUT", "EXPORT", "PRINT", "DENIED", "IMPORT", "CLINIC_ENTERED"):
            app.run("SELECT neonpro.record_event(%s, %s, %s)", [event, other, detail])
        written = app.run("SELECT DISTINCT clinic_id, actor_kind, actor, role FROM audit_logs WHERE xid = %s", [xid])
        assert written == [(worlds.a.clinic.pk, "user", str(me), "manager")]
        # Nobody else's log has one either.
        app.connection.execute("SELECT 1")
        app.refused("SELECT neonpro.record_event('ERASED', NULL, NULL)", state="23514")
        app.refused("SELECT neonpro.record_event(NULL, NULL, NULL)", state="23502")
    app.refused("SELECT neonpro.record_event('EXPORT', NULL, NULL)")


def test_an_event_of_another_clinics_account_reaches_only_the_own_log(worlds: Worlds, app: Raw, behind: Raw) -> None:
    app.run("BEGIN")
    app.enter(worlds.a)
    app.run("SELECT neonpro.record_event('LOGOUT', %s, NULL)", [worlds.b.user("manager").pk])
    ((xid,),) = app.run("SELECT pg_current_xact_id()")
    app.run("COMMIT")
    assert behind.run("SELECT clinic_id FROM audit_logs WHERE xid = %s", [xid]) == [(worlds.a.clinic.pk,)]


def test_an_invitation_does_not_tell_whether_the_address_had_an_account(worlds: Worlds, app: Raw, behind: Raw) -> None:
    known, unknown = worlds.b.user("dpo").email, "ninguem@nenhures.example"
    for address in (known, unknown):
        with app.inside(worlds.a):
            before = app.run("SELECT count(*) FROM audit_logs")
            outcome = app.attempt("SELECT pg_typeof(neonpro.invite(%s))::text", [f"  {address.upper()} "])
            assert outcome == Outcome(status="SELECT 1", rows=(("uuid",),))
            ((first,),) = app.run("SELECT neonpro.invite(%s)", [address])
            assert app.run("SELECT neonpro.invite(%s)", [address]) == [(first,)]
            # Not the row, and not its trace either: that a new account was made is the platform's to know.
            assert app.run("SELECT 1 FROM users WHERE id = %s", [first]) == []
            assert app.run("SELECT count(*) FROM audit_logs") == before


@pytest.mark.parametrize("role", ["reception", "professional", "dpo", "auditor"])
def test_only_a_manager_invites(role: str, worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a, role):
        app.refused("SELECT neonpro.invite('x@y.example')")
    app.refused("SELECT neonpro.invite('x@y.example')")


@pytest.mark.parametrize("address", ["", " ", "nobody", "a@b c", "a@@b", None])
def test_only_an_address_is_invited(address: str | None, worlds: Worlds, app: Raw) -> None:
    with app.inside(worlds.a):
        app.refused("SELECT neonpro.invite(%s)", [address], state="23514")


def test_where_somebody_works_is_told_to_nobody_else(worlds: Worlds, app: Raw) -> None:
    mine, other = worlds.a.user("manager").pk, worlds.b.user("manager").pk
    query = "SELECT clinic_id, role FROM neonpro.clinics_of(%s)"
    assert app.run(query, [mine]) == []
    with app.inside(worlds.a):
        assert app.run(query, [mine]) == [(worlds.a.clinic.pk, "manager")]
        assert app.run(query, [other]) == []
        assert app.run(query, [worlds.a.user("dpo").pk]) == []
    with app.undone():
        app.enter_with(app.request(worlds.a.clinic.pk, kind="job", actor="tests"))
        assert app.run(query, [other]) == []


def test_a_search_finds_own_patients_only_and_for_some_roles_only(worlds: Worlds, app: Raw) -> None:
    own = {patient.pk for patient in worlds.a.patients}
    word = tokens(worlds.a, "paciente")
    with worlds.a.enter():
        phone = exact_token(keyring().search_key(), "phone", "+5511987654321")
    searches = [f"SELECT patient FROM neonpro.search_patients('{{{word}}}', '{{}}', '', 1000, 'test')",
                f"SELECT patient FROM neonpro.search_patients(NULL, '{{{phone}}}', '', 1000, 'test')"]  # fmt: skip
    for query in searches:
        assert app.run(query) == []
        for role in ("manager", "reception", "professional", "dpo"):
            with app.inside(worlds.a, role):
                assert {patient for (patient,) in app.run(query)} == own
        with app.inside(worlds.a, "auditor"):
            assert app.run(query) == []
    with app.inside(worlds.a):
        for theirs in (tokens(worlds.a, "bergamota"), tokens(worlds.b, "bergamota"), tokens(worlds.b, "paciente")):
            assert app.run(f"SELECT * FROM neonpro.search_patients('{{{theirs}}}', '{{}}', '', 10, 'test')") == []


def test_signing_in_sees_accounts_and_no_clinic(worlds: Worlds, app: Raw) -> None:
    with app.undone():
        app.enter_with(app.request(None, kind="signin"))
        for table in TENANT_TABLES:
            assert app.run(f"SELECT 1 FROM {identifier(table)}") == []
        assert app.run("SELECT 1 FROM users WHERE id = %s", [worlds.b.user("dpo").pk])
        app.refused("INSERT INTO users (email, password, is_superuser) VALUES ('x@y.example', '!', false)")


def test_an_account_sees_and_changes_itself_alone(worlds: Worlds, app: Raw) -> None:
    me = worlds.a.user("manager").pk
    with app.inside(worlds.a):
        assert app.run("SELECT id FROM users") == [(me,)]
        assert app.attempt("UPDATE users SET password = 'x'").status == "UPDATE 1"
        # Whatever it makes of itself, it gets no further: only memberships open a clinic.
        app.run("UPDATE users SET is_superuser = true")
        assert app.run("SELECT neonpro.current_clinic_role()") == [("manager",)]


# --- What is known to be open: SQL as the application can still do this, and the README says so ------------------


def test_known_the_size_of_all_clinics_together_is_visible(worlds: Worlds, app: Raw, behind: Raw) -> None:
    behind.run("ANALYZE patients")
    assert app.run("SELECT reltuples FROM pg_class WHERE relname = 'patients'") == [(6.0,)]
    assert app.run("SELECT pg_relation_size('patients') > 0") == [(True,)]
    assert app.run("SELECT n_live_tup >= 0 FROM pg_stat_user_tables WHERE relname = 'patients'") == [(True,)]


def test_known_a_merge_that_looks_at_no_column_stops_at_a_foreign_row(worlds: Worlds, app: Raw) -> None:
    """Only SELECT policies hide rows from MERGE, and they hold when it reads. It tells that there are other rows."""
    merge = "MERGE INTO resource_permissions AS t USING (SELECT 1) AS one ON {} WHEN MATCHED THEN DELETE"
    with app.inside(worlds.a):
        app.refused(merge.format("true"))
        assert app.attempt(merge.format("t.id IS NOT NULL")).status == "MERGE 1"


def test_known_the_planner_estimates_from_all_clinics_rows(worlds: Worlds, app: Raw, behind: Raw) -> None:
    behind.run("ANALYZE patients")
    with app.inside(worlds.a):
        ((plan,),) = app.run("EXPLAIN (FORMAT JSON) SELECT 1 FROM patients WHERE phone = '+5511987654321'")
        assert plan[0]["Plan"]["Plan Rows"] > 0


def test_known_a_rollback_keeps_the_context_of_its_transaction_signed(worlds: Worlds, app: Raw) -> None:
    """A context is bound to the transaction, not to a savepoint: whoever kept it can set it again until the end."""
    with app.undone():
        app.run("SAVEPOINT before")
        sealed = app.enter(worlds.a)
        app.run("ROLLBACK TO before")
        app.use(sealed)
        assert len(app.run("SELECT 1 FROM patients")) == 3


def test_known_a_held_cursor_keeps_the_rows_it_has_read(worlds: Worlds, app: Raw) -> None:
    """On its own connection only. The product opens none, and a closed connection ends it."""
    app.run("BEGIN")
    app.enter(worlds.a)
    app.run("DECLARE held CURSOR WITH HOLD FOR SELECT name FROM patients")
    app.run("COMMIT")
    assert len(app.run("FETCH ALL FROM held")) == 3
    with connect("neonpro_app") as connection:
        assert Raw(connection).attempt("FETCH ALL FROM held").state == "34000"


def test_known_notifications_locks_and_large_objects_know_no_clinic(worlds: Worlds, app: Raw) -> None:
    """They carry what SQL as the application puts there itself, and no row of any table."""
    with connect("neonpro_app") as connection:
        connection.execute("LISTEN gossip")
        app.run("NOTIFY gossip, 'word'")
        assert [note.payload for note in connection.notifies(timeout=5, stop_after=1)] == ["word"]
        app.run("SELECT pg_advisory_lock(1)")
        assert Raw(connection).run("SELECT pg_try_advisory_lock(1)") == [(False,)]
        ((stash,),) = app.run("SELECT lo_from_bytea(0, 'x')")
        assert Raw(connection).run("SELECT lo_get(%s)", [stash]) == [(b"x",)]
        app.run("SELECT lo_unlink(%s)", [stash])


def test_known_a_lock_on_a_whole_table_stops_every_clinic(worlds: Worlds, app: Raw) -> None:
    """PostgreSQL gives every mode of LOCK TABLE to whoever may UPDATE: work can be stopped, not read."""
    assert app.attempt("DO $$ BEGIN LOCK TABLE patients IN ACCESS EXCLUSIVE MODE; END $$").state is None


def test_known_the_role_can_shut_itself_out_and_migrate_lets_it_in_again(worlds: Worlds, app: Raw, behind: Raw) -> None:
    """DROP OWNED takes the role off every policy, restrictive and permissive at once: nothing is left to see."""
    before = catalogue(behind, policies=POLICIES_AS_SQL)
    app.run("DROP OWNED BY CURRENT_USER")
    try:
        with app.inside(worlds.a):
            for table in SHUT_TABLES:
                assert app.run(f"SELECT * FROM {identifier(table)}") == []
            app.refused("INSERT INTO services (name, category, duration_minutes) VALUES ('x', 'exam', 30)")
        assert "neonpro.E105" in {message.id for message in live_messages(connections["default"])}
    finally:
        call_command("migrate", verbosity=0)
    for old, new in zip(without_oids(before), without_oids(catalogue(behind, policies=POLICIES_AS_SQL)), strict=True):
        assert set(new) ^ set(old) == set()
    with app.inside(worlds.a):
        assert len(app.run("SELECT 1 FROM patients")) == 3


def test_known_an_account_can_ask_whether_an_address_is_taken(worlds: Worlds, app: Raw) -> None:
    """Signing in needs one account an address, so the own address cannot become another's."""
    with app.inside(worlds.a):
        me = [worlds.a.user("manager").pk]
        app.refused(f"UPDATE users SET email = '{worlds.b.user('dpo').email}' WHERE id = %s", me, state="23505")
        assert app.attempt("UPDATE users SET email = 'x@y.example' WHERE id = %s", me).status == "UPDATE 1"


# --- Rows, for the attacks ---------------------------------------------------------------------------------------


def rows_of(behind: Raw, table: str, clinic: UUID) -> list[dict[str, Any]]:
    where = f"t.{clinic_column(table)} = %s"
    if table == "users":
        where = "t.id IN (SELECT user_id FROM clinic_memberships WHERE clinic_id = %s)"
    # The newest first: the only manager of a clinic, made first, cannot be taken away.
    query = f"SELECT to_jsonb(t) FROM {identifier(table)} AS t WHERE {where} ORDER BY t.created_at DESC"
    return [row for (row,) in behind.run(query, [clinic])]


def row_of(behind: Raw, table: str, clinic: UUID, key: str | None = None) -> dict[str, Any]:
    return next(row for row in rows_of(behind, table, clinic) if key in (None, row["id"]))


def insert(table: str) -> str:
    return f"INSERT INTO {identifier(table)} SELECT * FROM jsonb_populate_record(NULL::{identifier(table)}, %s::jsonb)"


def references_to(table: str) -> list[tuple[str, str]]:
    """The tables and columns that refer to a table inside a clinic."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        for constraint in model._meta.constraints:
            if isinstance(constraint, SameClinic):
                field = model._meta.get_field(constraint.field)
                assert isinstance(field, ForeignKey)
                if field.remote_field.model._meta.db_table == table:
                    found.append((model._meta.db_table, str(field.column)))
    return sorted(found)


def without_oids(rows: list[Any]) -> list[Any]:
    """A catalogue as text in which an object made anew is the same object, and grants are in no order."""

    def plain(row: Any) -> str:
        unordered = tuple(sorted(map(str, value)) if isinstance(value, list) else value for value in row)
        return re.sub(r"\b\d{5,}\b", "", str(unordered))

    return [sorted(map(plain, part)) for part in rows]


def partitions(behind: Raw) -> list[str]:
    rows = behind.run("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY 1")
    return [name for (name,) in rows]


def roles_sql() -> str:
    """deploy/roles.sql, to put back what a test took off."""
    from neonpro.db.embedded import ROLES_SQL

    return ROLES_SQL.read_text(encoding="utf-8")


def test_the_attacks_left_every_guard_in_place(worlds: Worlds, django_db_blocker: Any) -> None:
    assert live_messages(connections["default"]) == []
