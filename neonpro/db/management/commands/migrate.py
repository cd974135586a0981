"""`manage.py migrate` as the owner, by itself."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections, transaction
from django.utils.translation import gettext as _


class Command(migrate.Command):
    """Django's migrate, on the connection of DATABASE_OWNER_URL unless another database is named."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] == "owner":
            if "owner" not in settings.DATABASES:
                raise CommandError(
                    _(
                        "DATABASE_OWNER_URL is not set. Migrations run as neonpro_owner; the application's role may "
                        "not change the schema."
                    )
                )
            _open_public_schema()
        super().handle(*args, **options)


def _open_public_schema() -> None:
    """Let the owner make tables in the schema public.

    It belongs to pg_database_owner, of which a database's owner is a member; but neonpro_owner inherits nothing (see
    deploy/roles.sql), and before PostgreSQL 16 that includes this.
    """
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
        if not cursor.fetchone()[0]:
            cursor.execute("SET LOCAL ROLE pg_database_owner")
            cursor.execute("GRANT USAGE, CREATE ON SCHEMA public TO neonpro_owner")
