"""A sealed log cannot be changed, cut or rewritten without its being found, and nobody who writes waits for a seal."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from clinics.roles import Role
from compliance import certificates, merkle, seals
from compliance.checks import check_seals
from compliance.keyset import key_of
from compliance.models import PLATFORM, AuditLog
from compliance.seal_check import Checked, Fault, Finding, verify_log
from compliance.seals import head_of, proof_of, seal_log, state
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.vault.keys import CATEGORIES
from tests.conftest import superuser
from tests.erasing import destroy_keys
from tests.factories import World, make_world
from tests.settings import DATABASE
from tests.visits import signed_in

PUBLIC = certificates.public_text(certificates.private_key(project.NEONPRO_CERTIFICATE_KEY))
OTHER = certificates.public_text(certificates.private_key("A" * 44))
NOBODY = UUID(PLATFORM)
SCRIPT = Path(project.BASE_DIR) / "deploy" / "check_audit_proof.py"
WRITING = Job("test_writing")


@pytest.fixture
def anchor(tmp_path: Path, settings: Any) -> Path:
    settings.NEONPRO_AUDIT_ANCHOR = str(tmp_path / "anchor")
    return tmp_path / "anchor"


@pytest.fixture
def world(committed: None, anchor: Path) -> World:
    return make_world("ESTRAGAO")


@pytest.fixture
def root(world: World) -> Iterator[psycopg.Connection[Any]]:
    """Who may do anything: triggers and policies bind a superuser only as long as it wants."""
    with superuser(DATABASE) as raw:
        raw.execute("ALTER TABLE audit_logs DISABLE TRIGGER USER")
        raw.execute("ALTER TABLE neonpro.audit_seals DISABLE TRIGGER USER")
        yield raw


def found(anchor: Path | None = None, clinic: UUID | None = None) -> list[Finding]:
    return [one for one in verify_log(PUBLIC, clinic=clinic, anchor=anchor) if isinstance(one, Finding)]


def write(world: World, rows: int = 1) -> None:
    """Leave traces in a clinic's log."""
    with context.enter(WRITING, world.clinic.pk), connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.record_event('EXPORT', NULL, '{}') FROM generate_series(1, %s)", [rows])


def rows_of(world: World, raw: psycopg.Connection[Any]) -> list[tuple[UUID, datetime]]:
    return raw.execute(
        "SELECT id, created_at FROM audit_logs WHERE clinic_id = %s ORDER BY created_at, id", [world.clinic.pk]
    ).fetchall()


# --- sealing ----------------------------------------------------------------------------------------------------------


def test_what_was_written_is_sealed_and_verifies(world: World, anchor: Path) -> None:
    assert seal_log() > 0
    checked = [one for one in verify_log(PUBLIC, anchor=anchor) if isinstance(one, Checked)]
    assert found(anchor) == []
    with superuser(DATABASE) as raw:
        for one in checked:
            counted = raw.execute("SELECT count(*) FROM audit_logs WHERE clinic_id = %s", [one.clinic]).fetchone()
            assert counted == (one.rows,)
    assert {one.clinic for one in checked} == {world.clinic.pk, NOBODY}


def test_sealing_again_seals_nothing_twice(world: World, anchor: Path) -> None:
    seal_log()
    written = anchor.read_bytes()
    assert seal_log() == 0
    assert anchor.read_bytes() == written
    write(world, 3)
    assert seal_log() == 3
    assert found(anchor) == []


def test_a_big_log_is_sealed_in_parts(world: World, anchor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "MOST", 7)
    write(world, 40)
    seal_log()
    head = head_of(world.clinic.pk)
    assert head is not None
    assert head.number > 5
    write(world, 3)
    assert seal_log() == 3
    assert found(anchor) == []


def test_the_seal_is_signed_by_the_key_of_the_settings(world: World, anchor: Path) -> None:
    seal_log()
    faults = {one.fault for one in verify_log(OTHER) if isinstance(one, Finding)}
    assert faults == {Fault.SIGNATURE}


def test_without_a_key_nothing_is_sealed(world: World, settings: Any) -> None:
    settings.NEONPRO_CERTIFICATE_KEY = ""
    with pytest.raises(CommandError, match="NEONPRO_CERTIFICATE_KEY"):
        call_command("seal_audit", verbosity=0)
    assert head_of(world.clinic.pk) is None


def test_an_anchor_that_cannot_be_written_is_caught_up_with(world: World, anchor: Path, settings: Any) -> None:
    settings.NEONPRO_AUDIT_ANCHOR = str(anchor.parent / "missing" / "anchor")
    with pytest.raises(CommandError):
        call_command("seal_audit", verbosity=0)
    settings.NEONPRO_AUDIT_ANCHOR = str(anchor)
    assert seal_log() == 0
    head = head_of(world.clinic.pk)
    assert head is not None
    assert head.digest in anchor.read_text()


def test_a_line_that_a_crash_cut_spoils_nothing(world: World, anchor: Path) -> None:
    seal_log()
    with anchor.open("ab") as file:
        file.write(b'{"type":"neonpro.anch')
    write(world)
    seal_log()
    assert found(anchor) == []
    assert head_of(world.clinic.pk).digest in anchor.read_text()  # type: ignore[union-attr]


def test_an_erasure_of_keys_changes_nothing_of_it(world: World, anchor: Path) -> None:
    seal_log()
    with context.enter(WRITING, world.clinic.pk):
        destroy_keys(world.patients[0].pk, CATEGORIES)
    assert found(anchor) == []
    seal_log()
    assert found(anchor) == []


# --- tampering, as a superuser ----------------------------------------------------------------------------------------


def _edit(raw: psycopg.Connection[Any], rows: list[tuple[UUID, datetime]]) -> set[tuple[Fault, UUID]]:
    raw.execute("UPDATE audit_logs SET actor = 'somebody else' WHERE id = %s", [rows[3][0]])
    return {(Fault.CHANGED, rows[3][0])}


def _delete(raw: psycopg.Connection[Any], rows: list[tuple[UUID, datetime]]) -> set[tuple[Fault, UUID]]:
    raw.execute("DELETE FROM audit_logs WHERE id = %s", [rows[4][0]])
    return {(Fault.MISSING, rows[4][0])}


def _delete_last(raw: psycopg.Connection[Any], rows: list[tuple[UUID, datetime]]) -> set[tuple[Fault, UUID]]:
    raw.execute("DELETE FROM audit_logs WHERE id = %s", [rows[-1][0]])
    return {(Fault.MISSING, rows[-1][0])}


def _reorder(raw: psycopg.Connection[Any], rows: list[tuple[UUID, datetime]]) -> set[tuple[Fault, UUID]]:
    raw.execute("UPDATE audit_logs SET created_at = %s + interval '1 us' WHERE id = %s", [rows[5][1], rows[2][0]])
    return {(Fault.CHANGED, rows[2][0])}


def _swap(raw: psycopg.Connection[Any], rows: list[tuple[UUID, datetime]]) -> set[tuple[Fault, UUID]]:
    (one, first), (two, second) = rows[1], rows[6]
    raw.execute("UPDATE audit_logs SET id = %s, created_at = %s WHERE id = %s", [uuid4(), first, one])
    (spare,) = raw.execute("SELECT id FROM audit_logs WHERE created_at = %s", [first]).fetchone() or (None,)
    raw.execute("UPDATE audit_logs SET id = %s, created_at = %s WHERE id = %s", [one, first, two])
    raw.execute("UPDATE audit_logs SET id = %s, created_at = %s WHERE id = %s", [two, second, spare])
    return {(Fault.CHANGED, one), (Fault.CHANGED, two)}


def _insert(raw: psycopg.Connection[Any], rows: list[tuple[UUID, datetime]]) -> set[tuple[Fault, UUID]]:
    forged = uuid4()
    raw.execute(
        "INSERT INTO audit_logs (id, clinic_id, created_at, xid, action, table_name, actor_kind, actor, role)"
        " SELECT %s, clinic_id, created_at + interval '1 us', xid, action, table_name, actor_kind, actor, role"
        " FROM audit_logs WHERE id = %s",
        [forged, rows[3][0]],
    )
    return {(Fault.ADDED, forged)}


@pytest.mark.parametrize("tamper", [_edit, _delete, _delete_last, _reorder, _swap, _insert])
def test_the_row_is_named(
    tamper: Callable[[psycopg.Connection[Any], list[tuple[UUID, datetime]]], set[tuple[Fault, UUID]]],
    world: World, anchor: Path, root: psycopg.Connection[Any],
) -> None:  # fmt: skip
    seal_log()
    assert found(anchor) == []
    expected = tamper(root, rows_of(world, root))
    assert {(one.fault, one.row) for one in found(anchor)} == expected
    with pytest.raises(CommandError):
        call_command("verify_audit", verbosity=0, anchor=anchor)


OTHERS = {
    "action": "'OTHER'", "table_name": "'other'", "record_id": "gen_random_uuid()", "patient_id": "gen_random_uuid()",
    "patients": "ARRAY[gen_random_uuid()]", "actor_kind": "'db'", "actor": "'other'", "role": "'other'",
    "request_id": "gen_random_uuid()", "changes": "'{\"a\": 1}'", "xid": "'1'::xid8",
}  # fmt: skip
"""Another value for every column but those that say which row it is."""


def test_every_column_is_sealed(world: World, root: psycopg.Connection[Any]) -> None:
    columns = {field.column for field in AuditLog._meta.local_fields} | {"xid"}
    assert columns - OTHERS.keys() == {"id", "clinic_id", "created_at"}
    write(world, len(OTHERS))
    seal_log()
    changed = []
    for (row, _), (column, value) in zip(reversed(rows_of(world, root)), OTHERS.items(), strict=False):
        root.execute(f"UPDATE audit_logs SET {column} = {value} WHERE id = %s", [row])
        changed.append(row)
    assert {(one.fault, one.row) for one in found()} == {(Fault.CHANGED, row) for row in changed}


def test_a_tail_that_was_cut_is_found_through_the_anchor(
    world: World, anchor: Path, root: psycopg.Connection[Any]
) -> None:
    seal_log()
    write(world, 5)
    seal_log()
    last = rows_of(world, root)[-5:]
    root.execute("DELETE FROM audit_logs WHERE id = ANY (%s)", [[row for row, _ in last]])
    root.execute("DELETE FROM neonpro.audit_seals WHERE clinic_id = %s AND number = 2", [world.clinic.pk])
    assert found() == []
    assert [(one.fault, one.clinic, one.seal) for one in found(anchor)] == [(Fault.CUT, world.clinic.pk, 2)]


def test_a_chain_that_was_made_anew_is_found_through_the_anchor(
    world: World, anchor: Path, root: psycopg.Connection[Any], settings: Any
) -> None:
    seal_log()
    first = rows_of(world, root)[0][0]
    root.execute("UPDATE audit_logs SET actor = 'somebody else' WHERE id = %s", [first])
    root.execute("DELETE FROM neonpro.audit_seals WHERE clinic_id = %s", [world.clinic.pk])
    settings.NEONPRO_AUDIT_ANCHOR = ""
    seal_log()
    assert found() == []
    assert (Fault.REWRITTEN, world.clinic.pk, 1) in {(one.fault, one.clinic, one.seal) for one in found(anchor)}


def test_a_clinic_that_is_gone_is_found_through_the_anchor(
    world: World, anchor: Path, root: psycopg.Connection[Any]
) -> None:
    gone = uuid4()
    seal_log()
    root.execute("UPDATE neonpro.audit_seals SET clinic_id = %s WHERE clinic_id = %s", [gone, world.clinic.pk])
    root.execute("UPDATE audit_logs SET clinic_id = %s WHERE clinic_id = %s", [gone, world.clinic.pk])
    assert (Fault.CUT, world.clinic.pk) in {(one.fault, one.clinic) for one in found(anchor)}


def test_a_seal_that_is_missing_in_the_middle_is_found(
    world: World, anchor: Path, root: psycopg.Connection[Any]
) -> None:
    for _ in range(3):
        write(world)
        seal_log()
    root.execute("DELETE FROM neonpro.audit_seals WHERE clinic_id = %s AND number = 2", [world.clinic.pk])
    faults = {(one.fault, one.seal) for one in found()}
    assert (Fault.GAP, 2) in faults
    assert Fault.ADDED in {fault for fault, _ in faults}


def test_a_list_of_rows_that_was_altered_is_found(world: World, root: psycopg.Connection[Any]) -> None:
    seal_log()
    root.execute("UPDATE neonpro.audit_seals SET ids = ids[2:], leaves = substring(leaves FROM 33)")
    faults = {one.fault for one in found(clinic=world.clinic.pk)}
    assert Fault.ROOT in faults


def test_an_anchor_that_was_altered_is_found(world: World, anchor: Path) -> None:
    seal_log()
    anchor.write_text(anchor.read_text().replace('"version":1', '"version":2'))
    with pytest.raises(CommandError, match=r"âncora|anchor"):
        call_command("verify_audit", verbosity=0, anchor=anchor)


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "neonpro.open_seal(10)", "neonpro.close_seal('x')", "neonpro.note_horizon()", "neonpro.last_seal()",
        "neonpro.seals_after(0, 1)", "neonpro.sealed_leaves(1)", "neonpro.sealed_ids(1, '{0}')", "neonpro.audit_span()",
        "neonpro.never_sealed('2020-01-01', '2030-01-01')",
    ],
)  # fmt: skip
def test_only_a_job_seals_and_verifies(call: str, clinic_a: World) -> None:
    for role in Role.values:
        with pytest.raises(DatabaseError, match="only a job"), clinic_a.enter(Role(role)):
            connection.cursor().execute(f"SELECT * FROM {call}")


def test_the_application_reaches_no_seal_itself(clinic_a: World) -> None:
    for statement in (
        "SELECT * FROM neonpro.audit_seals", "DELETE FROM neonpro.audit_seals", "SELECT * FROM neonpro.audit_entries",
        "SELECT neonpro.seal_place()", "INSERT INTO neonpro.audit_horizons VALUES ('', now(), '1')",
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match="permission denied"), clinic_a.enter(Role.DPO), transaction.atomic():
            connection.cursor().execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE {} SET digest = digest", "DELETE FROM {}", "TRUNCATE {}"])
def test_a_seal_never_changes_whoever_asks(statement: str, world: World) -> None:
    seal_log()
    with superuser(DATABASE) as raw:
        raw.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changes"):
            raw.execute(statement.format("neonpro.audit_seals"))


def test_a_seal_is_not_left_open(world: World) -> None:
    def open_only() -> None:
        with context.enter(seals.SEALING, world.clinic.pk), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM neonpro.open_seal(5)")

    with context.enter(seals.SEALING, None), connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.note_horizon()")
    with pytest.raises(DatabaseError, match="left open"):
        open_only()


def test_who_may_read_the_log_sees_how_far_it_is_sealed(world: World) -> None:
    for role in Role:
        with world.enter(role):
            seen = state()
        assert (seen.oldest_unsealed is not None) == (role in (Role.DPO, Role.MANAGER, Role.AUDITOR)), role
    seal_log()
    with world.enter(Role.DPO):
        after = state()
    assert after.seals == 1
    assert after.last_seal is not None


def test_a_log_that_nobody_seals_is_late(world: World, settings: Any) -> None:
    settings.NEONPRO_SEAL_MINUTES = 0
    with world.enter(Role.DPO):
        assert state().is_late


# --- proofs -----------------------------------------------------------------------------------------------------------


def _proved(world: World, place: Path, at: int) -> tuple[dict[str, Any], Path]:
    with world.enter(Role.DPO):
        row = list(AuditLog.objects.order_by("created_at", "id"))[at]
        proof = proof_of(row.id, row.created_at)
    assert proof is not None
    file = place / "proof.json"
    file.write_text(json.dumps(proof, ensure_ascii=False))
    return proof, file


def _script(file: Path, key: str = PUBLIC) -> int:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file), key], cwd="/", check=False, capture_output=True
    ).returncode


@pytest.mark.parametrize("at", [0, 1, -1])
def test_a_row_is_proved_without_the_database(at: int, world: World, tmp_path: Path) -> None:
    write(world, 6)
    seal_log()
    proof, file = _proved(world, tmp_path, at)
    assert _script(file) == 0
    assert _script(file, OTHER) == 1
    spoils: list[dict[str, Any]] = [
        {"entry": proof["entry"] + " "}, {"index": proof["index"] + 1}, {"path": proof["path"][1:]},
        {"path": [*proof["path"], "00" * 32]}, {"seal": {**proof["seal"], "rows": 1}}, {"rows": 1}, {"seal": {}},
    ]  # fmt: skip
    for spoiled in spoils:
        file.write_text(json.dumps({**proof, **spoiled}))
        assert _script(file) == 1, spoiled


def test_the_script_imports_nothing_of_ours() -> None:
    lines = [line for line in SCRIPT.read_text().splitlines() if line.startswith(("import", "from"))]
    modules = {line.split()[1].partition(".")[0] for line in lines}
    assert modules <= sys.stdlib_module_names | {"cryptography"}


def test_another_clinics_row_is_not_proved(world: World) -> None:
    other = make_world("MANJERONA")
    seal_log()
    with other.enter(Role.DPO):
        row = AuditLog.objects.order_by("created_at")[0]
    with world.enter(Role.DPO):
        assert proof_of(row.id, row.created_at) is None
    with other.enter(Role.RECEPTION):
        assert proof_of(row.id, row.created_at) is None


@given(st.integers(1, 70), st.data())
def test_every_leaf_leads_to_the_root(size: int, data: st.DataObject) -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from check_audit_proof import root_from  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    leaves = [merkle.leaf(str(number)) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    assert root_from(leaves[index], index, size, merkle.path(leaves, index)) == merkle.root(leaves)
    assert merkle.root(leaves) == _as_the_rfc_says(leaves)


def _as_the_rfc_says(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word: split at the largest power of two smaller than n."""
    from hashlib import sha256

    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + _as_the_rfc_says(leaves[:k]) + _as_the_rfc_says(leaves[k:])).digest()


VALUES = st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none(), st.booleans())


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_what_is_stored_hashes_to_the_same_when_it_is_read(changes: dict[str, Any]) -> None:
    """Of the values as PostgreSQL gives them back, not of what was sent."""
    document = json.dumps(changes).replace("\\u0000", "")
    with superuser() as raw:
        raw.execute("CREATE TEMP TABLE kept (changes jsonb)")
        raw.execute("INSERT INTO kept VALUES (%s)", [document])
        entry, hashed = raw.execute(
            "SELECT e, sha256('\\x00'::bytea || convert_to(e, 'UTF8'))"
            " FROM (SELECT json_build_array(changes)::text AS e FROM kept) AS k"
        ).fetchone() or ("", b"")
    assert merkle.leaf(str(entry)) == hashed


# --- concurrency ------------------------------------------------------------------------------------------------------


def _in_threads(work: Callable[[int], None], count: int) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_writers_rollbacks_and_sealers_at_once_leave_no_fork_and_nothing_unsealed(world: World, anchor: Path) -> None:
    busy = threading.Event()

    def work(number: int) -> None:
        if number >= 25:
            while not busy.wait(0.05):
                seal_log()
            return
        for turn in range(8):
            try:
                with context.enter(WRITING, world.clinic.pk), connection.cursor() as cursor:
                    cursor.execute("SELECT neonpro.record_event('EXPORT', NULL, '{}')")
                    time.sleep(0.02 if number % 5 == 0 else 0)
                    if turn % 3 == 2:
                        raise RuntimeError("rolled back")
            except RuntimeError:
                continue

    def writers_then_stop() -> None:
        try:
            _in_threads(work, 25)
        finally:
            busy.set()

    writing = threading.Thread(target=writers_then_stop)
    writing.start()
    _in_threads(lambda number: work(25 + number), 3)
    writing.join()
    seal_log()
    assert found(anchor) == []
    with world.enter(Role.DPO):
        assert state().oldest_unsealed is None or seal_log() == 0


def test_a_row_that_commits_late_is_sealed_later_and_not_lost(world: World, anchor: Path) -> None:
    seal_log()
    with superuser(DATABASE) as late:
        late.execute("BEGIN")
        late.execute(
            "INSERT INTO audit_logs (clinic_id, action, table_name, actor_kind, actor, role)"
            " VALUES (%s, 'EXPORT', 'patients', 'job', 'late', 'job')",
            [world.clinic.pk],
        )
        write(world, 4)
        # Those were committed, and wait for the older transaction all the same.
        assert seal_log() == 0
        assert found(anchor) == []
        late.execute("COMMIT")
    assert seal_log() == 5
    assert found(anchor) == []


def test_a_restored_database_counts_its_transactions_anew_and_goes_on(
    world: World, anchor: Path, root: psycopg.Connection[Any]
) -> None:
    seal_log()
    write(world, 2)
    # As after a restore: another place, whose transaction ids may be smaller than those that were sealed.
    root.execute("UPDATE neonpro.audit_seals SET place = 'elsewhere', up_to = '999999999'")
    root.execute("DELETE FROM neonpro.audit_horizons")
    write(world, 3)
    assert seal_log() == 5
    write(world, 1)
    assert seal_log() == 1
    assert found(anchor) == []
    assert datetime.now(UTC) > rows_of(world, root)[-1][1]


# --- pages and the check ----------------------------------------------------------------------------------------------


def test_the_log_says_how_far_it_is_sealed_and_gives_the_proof(world: World, tmp_path: Path) -> None:
    page = signed_in(world.user(Role.DPO))
    assert "seal_audit" in page.get("/admin/compliance/auditlog/").content.decode()
    with world.enter(Role.DPO):
        address = str(key_of(AuditLog.objects.order_by("created_at")[0]))
    entry = f"/admin/compliance/auditlog/{address}/change/"
    proof = f"/admin/compliance/auditlog/{address}/proof/"
    assert page.get(proof).status_code == 404
    assert proof not in page.get(entry).content.decode()
    seal_log()
    assert "1 selo" in page.get("/admin/compliance/auditlog/").content.decode()
    assert proof in page.get(entry).content.decode()
    answer = page.get(proof)
    file = tmp_path / "proof.json"
    file.write_bytes(answer.content)
    assert _script(file) == 0
    with world.enter(Role.DPO):
        assert AuditLog.objects.filter(action="EXPORT", changes__what="audit_proof").exists()
    assert signed_in(world.user(Role.RECEPTION)).get(proof).status_code == 403


def test_a_log_that_nobody_seals_is_told_to_the_operator(world: World, settings: Any) -> None:
    assert check_seals(databases=["default"]) == []
    settings.NEONPRO_SEAL_MINUTES = 0
    assert [message.id for message in check_seals(databases=["default"])] == ["compliance.W205"]
    assert check_seals(databases=["owner"]) == []


def test_the_command_proves_a_row(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with world.enter(Role.DPO):
        row = AuditLog.objects.order_by("created_at")[0]
    ask = {"at": row.created_at, "clinic": world.clinic.pk}
    with pytest.raises(CommandError):
        call_command("audit_proof", row.id, **ask)
    call_command("seal_audit", verbosity=0)
    call_command("audit_proof", row.id, **ask)
    file = tmp_path / "proof.json"
    file.write_text(capsys.readouterr().out)
    assert _script(file) == 0
