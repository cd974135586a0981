"""*Encaixe*: booking on purpose at a time that is taken or closed; `sql/appointment_flow.sql` asks the same."""

from django.db import connection


def may_overbook() -> bool:
    """Whether whoever acts may: managers, jobs, and the members to whom a manager has given it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.may_overbook()")
        return bool(cursor.fetchone()[0])
