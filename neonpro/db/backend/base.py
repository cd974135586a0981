"""Django's PostgreSQL backend, with the clinic context set as the outermost transaction begins."""

from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.backends.postgresql import base

from neonpro.db.context import Context, ContextRequest, open_context
from neonpro.db.roles import GATE, OWNER, SEARCH

# Membership counts even without INHERIT: SET ROLE is open to a member. The three predefined roles read or write the
# server's files, past every table.
_UNBOUND = """
    SELECT bool_or(
        r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
        OR r.rolname IN (%s, %s, %s, 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
    )
    FROM pg_catalog.pg_roles AS r
    WHERE pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
"""


class DatabaseWrapper(base.DatabaseWrapper):
    """What `neonpro.db.context` stores on a connection, and the refusal to work as a role that sees every clinic."""

    context_request: ContextRequest | None = None
    clinic_context: Context | None = None
    _checked_roles: ClassVar[set[tuple[str, int, str, str]]] = set()

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Begin (or end) a transaction, and open the context that `enter` asked for."""
        if autocommit:
            # The transaction that carried it is over, and what runs on commit has to enter by itself.
            self.clinic_context = None
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
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
        server = self.connection.info
        role = (server.host, server.port, server.dbname, server.user)
        if self.settings_dict.get("NEONPRO_OWNER") or role in self._checked_roles:
            return
        with self.cursor() as cursor:
            cursor.execute(_UNBOUND, [OWNER, GATE, SEARCH])
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
        return super().close()
