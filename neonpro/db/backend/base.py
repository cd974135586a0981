"""Django's PostgreSQL backend, with the clinic context set as the outermost transaction begins."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

from neonpro.db.context import Context, ContextRequest, open_context
from neonpro.db.roles import OWNER

_ROLE = """
    SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole,
           pg_has_role(current_user, %s, 'MEMBER')
    FROM pg_catalog.pg_roles AS r
    WHERE pg_has_role(current_user, r.oid, 'MEMBER')
    ORDER BY 1 DESC, 2 DESC
    LIMIT 1
"""


class DatabaseWrapper(base.DatabaseWrapper):
    """What `neonpro.db.context` stores on a connection, and the refusal to work as a role that sees every clinic."""

    context_request: ContextRequest | None = None
    clinic_context: Context | None = None
    _role_was_checked = False

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Begin (or end) a transaction, and open the context that `enter` asked for."""
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if autocommit or self.context_request is None:
            return
        try:
            open_context(self, self.context_request)
        except BaseException:
            # in_atomic_block is not set yet: without this the connection would stay in a transaction that nobody
            # ends, and the next atomic block would be lost in silence.
            self.rollback()
            super().set_autocommit(True)
            raise

    def init_connection_state(self) -> None:
        """Refuse to serve as a role that row security does not bind, once a process and database.

        Raises:
            ImproperlyConfigured: the role is a superuser, bypasses row security, or may become the tables' owner.
        """
        super().init_connection_state()
        if self.settings_dict.get("NEONPRO_OWNER") or type(self)._role_was_checked:
            return
        with self.cursor() as cursor:
            cursor.execute(_ROLE, [OWNER])
            powerful, owner = cursor.fetchone()
        if powerful or owner:
            raise ImproperlyConfigured(
                f"DATABASE_URL connects as {self.settings_dict['USER'] or 'a role'} that row security does not bind "
                "(superuser, BYPASSRLS, CREATEROLE, or a member of the owner). Connect as neonpro_app: "
                "deploy/roles.sql makes it, and DATABASE_OWNER_URL is where the owner belongs."
            )
        type(self)._role_was_checked = True

    def close(self) -> Any:
        """Forget the context with the connection it was opened on."""
        if not self.in_atomic_block:
            self.clinic_context = None
        return super().close()
