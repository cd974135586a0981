"""Floor 4: patients and what happens to them."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PatientsConfig(AppConfig):
    name = "patients"
    verbose_name = _("Patients")

    def ready(self) -> None:
        post_migrate.connect(after_migrate, sender=self)


def after_migrate(*, using: str, **_options: Any) -> None:
    """Give the platform the shipped substances that it does not have (a receiver of post_migrate, run as the owner).

    In a job's context, as the row policies ask; what an import has changed since is left alone.
    """
    from django.db import connections
    from django.utils import timezone

    from neonpro.db import context
    from neonpro.db.context import Job
    from patients import substances
    from patients.models import Substance

    connection = connections[using]
    if not connection.settings_dict.get("NEONPRO_OWNER"):
        return
    if Substance._meta.db_table not in connection.introspection.table_names():
        return  # migrated to an earlier state
    with context.enter(Job("substances"), None, using=using):
        entries, rejected = substances.read(substances.SHIPPED, on=timezone.localdate())
        assert not rejected, rejected
        substances.bring_up_to_date(entries, only_new=True, using=using)
