"""The clinic context: without it no rows, no way to make one up, and nothing left of it afterwards."""

import base64
import threading
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections, transaction
from django.db.utils import ProgrammingError
from django.test import override_settings
from psycopg import sql

from clinics.models import Clinic, Membership, Professional, Service, User
from compliance.models import AuditLog
from neonpro.db import context
from neonpro.db.backend.base import DatabaseWrapper
from neonpro.db.context import ContextKey, Job, NoContext, NotAMember, SignIn
from patients.models import Appointment, Patient
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import Raw, connect, fingerprint
from tests.factories import JOB, World, make_user, make_world


def test_without_a_context_there_are_no_rows(clinic_a: World) -> None:
    assert not Patient.objects.exists()
    assert not Appointment.objects.exists()
    assert not Clinic.objects.exists()
    assert not Membership.objects.exists()
    assert not User.objects.exists()
    assert not AuditLog.objects.exists()


def test_inside_a_clinic_there_are_its_rows_only(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        assert {patient.pk for patient in Patient.objects.all()} == {patient.pk for patient in clinic_a.patients}
        assert Appointment.objects.count() == 3


def test_writing_into_another_clinic_is_refused(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            # Without a WHERE nothing is read, so only WITH CHECK can refuse it.
            Patient.objects.update(clinic=clinic_b.clinic)


def test_a_plain_setting_is_no_context(clinic_a: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('neonpro.context', %s, true)", [str(clinic_a.clinic.pk)])
        with pytest.raises(DatabaseError, match="invalid clinic context"), transaction.atomic():
            Patient.objects.exists()


# --- Entering and leaving ---------------------------------------------------------------------------------------


def test_nested_contexts_restore_the_outer_one(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        with clinic_b.enter():
            assert Professional.objects.filter(full_name="Dra. BERGAMOTA").count() == 1
        assert Professional.objects.filter(full_name="Dra. ALFAZEMA").count() == 1
        assert Patient.objects.count() == 3
    assert context.current() is None


def test_a_nested_context_that_fails_restores_the_outer_one(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter() as outer:
        for failure in (ValueError("Python's"), None):
            with suppress(ValueError, DatabaseError), clinic_b.enter():
                Patient.objects.create(name="Paciente perdido")
                if failure:
                    raise failure
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1 / 0")
            assert context.current() == outer
            assert Professional.objects.filter(full_name="Dra. ALFAZEMA").count() == 1
    with clinic_b.enter():
        assert Patient.objects.count() == 3


def test_a_nested_context_that_is_not_opened_leaves_the_outer_one(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter() as outer:
        with pytest.raises(NotAMember), context.enter(clinic_a.user("manager"), clinic_b.clinic.pk):
            raise AssertionError("opened")
        assert context.current() == outer
        assert Patient.objects.count() == 3


def test_a_nested_context_rolled_back_by_hand_restores_the_outer_one(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        with clinic_b.enter():
            Patient.objects.create(name="Paciente perdido")
            transaction.set_rollback(True)
        assert Professional.objects.filter(full_name="Dra. ALFAZEMA").count() == 1
    with clinic_b.enter():
        assert Patient.objects.count() == 3


def test_a_context_inside_a_plain_transaction_ends_before_it_does(clinic_a: World) -> None:
    with transaction.atomic():
        with clinic_a.enter():
            assert Patient.objects.count() == 3
        assert context.current() is None
        assert Patient.objects.count() == 0


def test_a_nested_context_belongs_to_the_same_request(clinic_a: World) -> None:
    request_id = uuid4()
    with context.enter(clinic_a.user("manager"), clinic_a.clinic.pk, request_id=request_id):
        with context.enter(JOB, clinic_a.clinic.pk) as inner:
            assert inner.request_id == request_id
            assert inner.role == "job"
            assert connection.execute_wrappers == []


def test_the_role_is_the_memberships(clinic_a: World) -> None:
    for role in clinic_a.users:
        with clinic_a.enter(role) as opened:
            assert opened.role == role
            assert context.require() == opened


def test_outside_of_a_context_require_says_how_to_get_one(db: None) -> None:
    assert context.current() is None
    with pytest.raises(NoContext, match=r"context\.enter"):
        context.require()


@pytest.mark.parametrize("clinic", [None, uuid4()])
def test_a_user_enters_no_clinic_but_their_own(clinic: UUID | None, clinic_a: World) -> None:
    with pytest.raises(NotAMember), context.enter(clinic_a.user("manager"), clinic):
        raise AssertionError("opened")


@pytest.mark.parametrize("clinic", ["x", "|", f"{UUID(int=7)}|manager"])
def test_only_a_uuid_is_signed_as_a_clinic(clinic: Any, clinic_a: World) -> None:
    with pytest.raises(ValueError, match="badly formed"), context.enter(clinic_a.user("manager"), clinic):
        raise AssertionError("opened")


@pytest.mark.parametrize("name", ["", "Import", "import it", "a|b", "x" * 64, "1st", "naïve"])
def test_a_jobs_name_cannot_hold_a_separator(name: str) -> None:
    with pytest.raises(ValueError, match="not a job's name"):
        Job(name)


def test_a_context_key_is_long_enough() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ContextKey(b"x" * 31)
    # Longer than a block: RFC 2104 hashes it first.
    key = ContextKey(b"k" * 100)
    assert [len(pad) for pad in key.pads] == [64, 64]


def test_a_new_row_is_of_the_open_clinic_whoever_forgot_to_say(clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        service = Service.objects.create(name="Avaliação", category="exam", duration_minutes=20)
        assert service.clinic_id == clinic_a.clinic.pk
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO services (name, category, tuss_code, duration_minutes) VALUES ('x', 'exam', '', 20)"
                " RETURNING clinic_id"
            )
            assert cursor.fetchone() == (clinic_a.clinic.pk,)


def test_a_select_through_the_orm_reads_functions_too(clinic_a: World) -> None:
    """A guard against a backend that answers from somewhere else."""
    with clinic_a.enter():
        assert isinstance(Patient.objects.annotate(drawn=RandomUUID()).first().drawn, UUID)  # type: ignore[union-attr]


# --- The outermost transaction, with real commits ----------------------------------------------------------------


def test_the_backend_opens_the_context_as_the_transaction_begins(committed: None) -> None:
    world = make_world("ALFAZEMA")
    assert not connection.in_atomic_block
    with world.enter() as opened:
        assert context.current() == opened
        assert Patient.objects.count() == 3
    assert context.current() is None
    assert Patient.objects.count() == 0
    with transaction.atomic():
        assert Patient.objects.count() == 0


def test_a_context_that_cannot_be_opened_leaves_a_working_connection(committed: None) -> None:
    """Otherwise the connection stayed in a transaction, and the next block was lost in silence (vault.md §2.2)."""
    world = make_world("ALFAZEMA")
    with override_settings(NEONPRO_CONTEXT_KEYS=[b"z" * 32]):
        with pytest.raises(ProgrammingError, match="invalid clinic context"), world.enter():
            raise AssertionError("opened")
    assert connection.get_autocommit()
    assert not connection.in_atomic_block
    with pytest.raises(NotAMember), context.enter(world.user("manager"), uuid4()):
        raise AssertionError("opened")
    assert connection.get_autocommit()
    with world.enter("manager"):
        Service.objects.create(name="Fica", category="exam", duration_minutes=20)
    connection.close()
    with world.enter("manager"):
        assert Service.objects.filter(name="Fica").exists()


def test_what_runs_on_commit_has_to_enter_by_itself(committed: None) -> None:
    world = make_world("ALFAZEMA")
    seen: list[Any] = []

    def look() -> None:
        seen.append(context.current())
        seen.append(Patient.objects.count())
        with transaction.atomic():
            seen.append(Patient.objects.count())
        with world.enter():
            seen.append(Patient.objects.count())

    with world.enter():
        transaction.on_commit(look)
    assert seen == [None, 0, 0, 3]
    assert context.current() is None


def test_a_context_that_failed_to_open_opens_no_later_transaction(committed: None) -> None:
    world = make_world("ALFAZEMA")
    connection.close()
    with superuser() as root:
        root.execute(sql.SQL("ALTER ROLE neonpro_app NOLOGIN"))
        try:
            with pytest.raises(OperationalError), world.enter():
                raise AssertionError("opened")
        finally:
            root.execute(sql.SQL("ALTER ROLE neonpro_app LOGIN"))
    with transaction.atomic():
        assert Patient.objects.count() == 0
        assert context.current() is None


@pytest.mark.parametrize("moment", ["opening", "inside", "nested"])
def test_a_lost_connection_recovers_and_leaves_nothing_half_done(moment: str, committed: None) -> None:
    world = make_world("ALFAZEMA")

    def lose() -> None:
        pid = connection.connection.info.backend_pid
        with superuser() as root:
            root.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    if moment == "opening":
        connection.ensure_connection()
        lose()

    def work() -> None:
        with world.enter("manager"):
            Service.objects.create(name="Metade", category="exam", duration_minutes=20)
            if moment == "nested":
                with context.enter(JOB, world.clinic.pk):
                    lose()
                    Service.objects.count()
            lose()
            Service.objects.count()

    with pytest.raises((OperationalError, InterfaceError)):
        work()
    assert context.current() is None
    with world.enter("manager"):
        assert not Service.objects.filter(name="Metade").exists()
        Service.objects.create(name="Inteira", category="exam", duration_minutes=20)
    assert connection.get_autocommit()
    connection.close()
    with world.enter("manager"):
        assert Service.objects.filter(name="Inteira").exists()


def test_two_clinics_on_one_pooled_connection_never_see_each_other(committed: None) -> None:
    a, b = make_world("ALFAZEMA"), make_world("BERGAMOTA")
    connection.close()
    pool = {"pool": {"min_size": 1, "max_size": 1, "timeout": 20}}
    settings_dict = connection.settings_dict | {"OPTIONS": connection.settings_dict["OPTIONS"] | pool}
    pids: set[int] = set()
    failures: list[Any] = []

    def work(world: World, other: World) -> None:
        for turn in range(50):
            try:
                with world.enter():
                    names = [patient.name for patient in Patient.objects.all()]
                    if len(names) != 3 or other.canary in str(names):
                        failures.append(names)
                    pids.add(connection.connection.info.backend_pid)
                    if turn % 7 == 0:
                        # What stays of a session setting must not reach the next request.
                        with connection.cursor() as cursor:
                            sealed = context.require().sealed
                            cursor.execute("SELECT set_config('neonpro.context', %s, %s)", [sealed, turn % 2 == 0])
                    if turn % 5 == 0:
                        raise ValueError("a request that fails")
            except ValueError:
                pass
            except Exception as error:
                failures.append(error)
            finally:
                connection.close()  # gives it back to the pool

    original = connections.settings["default"]
    connections.settings["default"] = settings_dict
    try:
        threads = [threading.Thread(target=work, args=pair) for pair in ((a, b), (b, a))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        connections.settings["default"] = original
        DatabaseWrapper(settings_dict).close_pool()  # type: ignore[attr-defined]  # the stubs know no pools
    assert failures == []
    assert len(pids) == 1


# --- Keys -------------------------------------------------------------------------------------------------------


@pytest.fixture
def everything_logged(committed: None) -> Any:
    """The server logs every statement, and its parameters as far as the roles' settings let it."""
    with superuser() as root:
        try:
            for setting in (
                "log_min_duration_statement = 0",
                "log_statement = 'all'",
                "log_min_error_statement = error",
                "log_min_messages = info",
                "log_error_verbosity = verbose",
            ):
                root.execute(sql.SQL(f"ALTER SYSTEM SET {setting}"))
            root.execute("SELECT pg_reload_conf()")
            yield
        finally:
            root.execute("ALTER SYSTEM RESET ALL")
            root.execute("SELECT pg_reload_conf()")


def test_rotated_keys_are_valid_side_by_side_and_never_logged(everything_logged: None) -> None:
    world = make_world("ALFAZEMA")
    old, new = test_settings.NEONPRO_CONTEXT_KEYS[0], b"\x05new key of thirty-two bytes\xfe\xff~~"
    ask = "SELECT role FROM neonpro.enter(%s)"
    user, clinic = world.user("dpo").pk, world.clinic.pk
    start = test_settings.SERVER.log_path.stat().st_size

    with connect("neonpro_app") as raw:
        app = Raw(raw)
        with override_settings(NEONPRO_CONTEXT_KEYS=[new]), pytest.raises(ProgrammingError), world.enter():
            raise AssertionError("not installed yet")
        with override_settings(NEONPRO_CONTEXT_KEYS=[new, old]):
            call_command("migrate", verbosity=0)
            with world.enter():
                assert Patient.objects.count() == 3
            for secret in (new, old):
                with app.undone():
                    assert app.run(ask, [app.request(clinic, actor=user, secret=secret)]) == [("dpo",)]
        with override_settings(NEONPRO_CONTEXT_KEYS=[new]):
            call_command("migrate", verbosity=0)
            with app.undone():
                assert app.run(ask, [app.request(clinic, actor=user, secret=new)]) == [("dpo",)]
            with app.undone():
                app.refused(ask, [app.request(clinic, actor=user, secret=old)])
        # A context that was open while its key went is not valid any more.
        with app.undone():
            app.refused(ask, [app.request(clinic, actor=user, secret=old, named=fingerprint(new))])

    log = test_settings.SERVER.log_path.read_bytes()[start:]
    assert b"neonpro.context_keys" in log, "the statements are not logged: the test proves nothing"
    assert b"duration:" in log
    for secret in (old, new):
        for form in (secret, *ContextKey(secret).pads):
            for written in (form, form.hex().encode(), base64.b64encode(form), base64.urlsafe_b64encode(form)):
                assert written.lower() not in log.lower()
                assert written[8:24].lower() not in log.lower()


def test_migrating_again_with_the_same_keys_changes_nothing(committed: None) -> None:
    def installed(root: psycopg.Connection[Any]) -> list[Any]:
        return root.execute("SELECT *, xmin FROM neonpro.context_keys").fetchall()

    with superuser(test_settings.DATABASE) as root:
        before = installed(root)
        call_command("migrate", verbosity=0)
        assert installed(root) == before


# --- The role ---------------------------------------------------------------------------------------------------

UNBOUND = {
    "a superuser": "SUPERUSER",
    "one with BYPASSRLS": "BYPASSRLS",
    "one with CREATEROLE": "CREATEROLE",
    "one with REPLICATION": "REPLICATION",
    "a member of the owner": "IN ROLE neonpro_owner",
    "a member of the search": "IN ROLE neonpro_search",
    "a member of the gate": "IN ROLE neonpro_gate",
    "a member of the server's programs": "IN ROLE pg_execute_server_program",
    "a member without inheritance": "NOINHERIT IN ROLE neonpro_owner",
}


@pytest.mark.parametrize("kind", UNBOUND)
def test_a_role_that_row_security_does_not_bind_is_refused(kind: str, django_db_setup: None) -> None:
    with superuser() as root:
        root.execute(sql.SQL("CREATE ROLE intruder LOGIN " + UNBOUND[kind]))
        root.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO intruder").format(sql.Identifier(test_settings.DATABASE)))
        try:
            wrapper = DatabaseWrapper(connections["default"].settings_dict | {"USER": "intruder"}, "intruder")
            for _ in range(2):  # and not only the first time
                with pytest.raises(ImproperlyConfigured, match="row security does not bind"):
                    wrapper.cursor()
            wrapper.close()
        finally:
            root.execute(sql.SQL("DROP OWNED BY intruder"))
            root.execute(
                sql.SQL("REVOKE CONNECT ON DATABASE {} FROM intruder").format(sql.Identifier(test_settings.DATABASE))
            )
            root.execute("DROP ROLE intruder")


def test_the_orm_serves_no_role_that_row_security_does_not_bind(committed: None) -> None:
    make_world("ALFAZEMA")
    connection.close()
    original = connections.settings["default"]
    connections.settings["default"] = original | {"USER": "neonpro_owner"}
    try:
        for query in (Patient.objects.count, lambda: list(User.objects.all())):
            thread_sees: list[Any] = []

            def work(query: Any = query, sees: list[Any] = thread_sees) -> None:
                try:
                    sees.append(query())
                except ImproperlyConfigured as error:
                    sees.append(str(error))
                finally:
                    connection.close()

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert "row security does not bind" in thread_sees[0]
    finally:
        connections.settings["default"] = original


def test_the_owner_is_bound_too(committed: None) -> None:
    world = make_world("ALFAZEMA")
    owners = Patient.objects.using("owner")
    assert not owners.exists()
    with context.enter(world.user("manager"), world.clinic.pk, using="owner"):
        assert owners.count() == 3
    with context.enter(JOB, uuid4(), using="owner"):
        assert not owners.exists()


def test_signing_in_sees_accounts_alone(clinic_a: World) -> None:
    somebody = make_user("alguem@nenhures.example")
    with context.enter(SignIn(), None):
        assert User.objects.filter(pk=somebody.pk).exists()
        assert not Patient.objects.exists()
        assert not Membership.objects.exists()
