"""`manage.py audit_partitions` keeps the audit log's monthly partitions ahead of time."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections
from django.utils.translation import gettext as _


class Command(BaseCommand):
    """Make the audit log's partitions up to some months ahead. Run it monthly; `migrate` also does it."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--months", type=int, default=12, help="how many months ahead (12)")

    def handle(self, *args: Any, **options: Any) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT neonpro.ensure_audit_partitions(%s)", [options["months"]])
            made = cursor.fetchone()[0]
        self.stdout.write(_("%(made)d partitions made.") % {"made": made})
