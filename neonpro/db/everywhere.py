"""Which clinics there are, for a job that does its work in each of them in turn."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from neonpro.db import context
from neonpro.db.context import Job


def clinic_ids(job: Job, *, using: str = DEFAULT_DB_ALIAS) -> list[UUID]:
    """Every clinic, open or closed, in the order of the ids (`clinics/sql/clinic_ids.sql`).

    The job then enters one at a time: `with context.enter(job, clinic):`.

    Args:
        job: who asks; the context that this needs is over when it returns.
        using: the database alias.
    """
    with context.enter(job, None, using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT clinic_id FROM neonpro.clinic_ids()")
        return [clinic for (clinic,) in cursor.fetchall()]
