"""The ground floor as a Django app, so that its SQL functions have migrations and its checks run."""

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class DbConfig(AppConfig):
    """Floor 1: what PostgreSQL does for us, for any Django project; it imports no app."""

    name = "neonpro.db"
    label = "neonpro_db"
    verbose_name = "NeonPro DB"

    def ready(self) -> None:
        from neonpro.db.catalogue import check_live_catalogue
        from neonpro.db.checks import check_models
        from neonpro.db.deploy import after_migrate

        checks.register(check_models, checks.Tags.models)
        checks.register(check_live_catalogue, checks.Tags.database)
        post_migrate.connect(after_migrate, sender=self)
