"""Django's PostgreSQL backend, with the clinic context set as the outermost transaction begins."""

from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.backends.postgresql import base

from neonpro.db.backend import arrays
from neonpro.db.bound import execute
from neonpro.db.context import Actor, Context, ContextRequest, Job, NotAMember, Trace, enter, open_context
from neonpro.db.roles import ERASER, GATE, OWNER, SEALER, SEARCH

# Membership counts even without INHERIT: SET ROLE is open to a member. The three predefined roles read or write the
# server's files, past every table.
_UNBOUND = """
    SELECT bool_or(
        r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
        OR r.rolname = ANY (%s)
        OR r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
    )
    FROM pg_catalog.pg_roles AS r
    WHERE pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
"""


class DatabaseWrapper(base.DatabaseWrapper):
    """What `neonpro.db.context` stores on a connection, and the refusal to work as a role that sees every clinic."""

    context_request: ContextRequest | None = None
    clinic_context: Context | None = None
    _checked_roles: ClassVar[set[tuple[str, int, str, str]]] = set()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of the running transaction, and of what was rolled back and is still to be written again.
        self.traces: list[Trace] = []
        self._owed: list[Trace] = []
        self._paying = False
        self._trace_marks: dict[str, int] = {}

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Begin (or end) a transaction, and open the context that `enter` asked for."""
        if autocommit:
            # The transaction that carried it is over, and what runs on commit has to enter by itself.
            self.clinic_context = None
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if autocommit:
            self._trace_marks.clear()
            self._pay()
        if autocommit or self.context_request is None:
            return
        request, self.context_request = self.context_request, None
        try:
            open_context(self, request)
        except BaseException:
            # in_atomic_block is not set yet: without this the connection would stay in a transaction that nobody
            # ends, and the next atomic block would be lost in silence.
            try:
                self.rollback()
                super().set_autocommit(True)
            except Error:
                # The server has gone away; the next query connects anew.
                self.close()
            raise

    def init_connection_state(self) -> None:
        """Refuse to serve as a role that row security does not bind, once a process and database.

        Raises:
            ImproperlyConfigured: the role is a superuser, bypasses row security, or may become one that does or that
                owns tables or functions.
        """
        super().init_connection_state()
        arrays.register(self.connection)
        server = self.connection.info
        role = (server.host, server.port, server.dbname, server.user)
        if self.settings_dict.get("NEONPRO_OWNER") or role in self._checked_roles:
            return
        with self.cursor() as cursor:
            cursor.execute(_UNBOUND, [[OWNER, GATE, SEARCH, ERASER, SEALER]])
            (unbound,) = cursor.fetchone()
        if unbound:
            # Or the next query would find the connection open, and be served.
            self.close()
            raise ImproperlyConfigured(
                f"DATABASE_URL connects as {self.settings_dict['USER'] or 'a role'}, which row security does not bind: "
                "a superuser, a role with BYPASSRLS, CREATEROLE or REPLICATION, or a member of one, of the owner or of "
                "the server's files. Connect as neonpro_app: deploy/roles.sql makes it, and DATABASE_OWNER_URL is "
                "where the owner belongs."
            )
        self._checked_roles.add(role)

    def close(self) -> Any:
        """Forget the context with the connection it was opened on."""
        if not self.in_atomic_block:
            self.clinic_context = None
        self._owe(0)
        return super().close()

    # --- traces that outlive a rollback (neonpro.db.context.leave_trace) ---------------------------------------------

    def _savepoint(self, sid: str) -> None:
        self._trace_marks[sid] = len(self.traces)
        super()._savepoint(sid)  # type: ignore[misc]  # not in the stubs

    def _savepoint_rollback(self, sid: str) -> None:
        self._owe(self._trace_marks.get(sid, 0))
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in the stubs

    def _rollback(self) -> None:
        self._owe(0)
        super()._rollback()  # type: ignore[misc]  # not in the stubs

    def _commit(self) -> None:
        # Should this fail, a rollback follows, which finds them still here.
        super()._commit()  # type: ignore[misc]  # not in the stubs
        self.traces.clear()

    def _owe(self, mark: int) -> None:
        """The rows of these traces are about to go."""
        self._owed += self.traces[mark:]
        del self.traces[mark:]
        if self.clinic_context:
            # What was made since, a key for instance, goes with them.
            self.clinic_context.held.clear()

    def _pay(self) -> None:
        """Write again what a rollback took, each row in its own actor's name."""
        # Each row that is written ends a transaction of its own, which comes by here too.
        if not self._owed or self._paying:
            return
        # On a connection made anew, the transaction that asked for it has not begun yet.
        waiting, self.context_request = self.context_request, None
        self._paying = True
        try:
            self._pay_all()
        finally:
            self._paying = False
            self.context_request = waiting

    def _pay_all(self) -> None:
        while self._owed:
            # Taken off once it is written: one that fails is not lost, and until it succeeds nothing is answered.
            trace = self._owed[0]
            try:
                self._write(trace, trace.context.actor)
            except NotAMember:
                # The membership ended during the request; what was read stays read, and the row says by whom.
                self._write(trace, Job("late_trace"))
            del self._owed[0]

    def _write(self, trace: Trace, actor: Actor) -> None:
        with enter(actor, trace.context.clinic, request_id=trace.context.request_id, using=self.alias):
            execute(trace.statement, trace.parameters, using=self.alias)
