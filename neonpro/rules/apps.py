"""The rules as a Django app, so that their check runs."""

from django.apps import AppConfig
from django.core import checks


class RulesConfig(AppConfig):
    """Floor 2: law as data; it knows no app and no database."""

    name = "neonpro.rules"
    label = "neonpro_rules"
    verbose_name = "NeonPro Rules"

    def ready(self) -> None:
        from neonpro.rules.checks import check_rules

        checks.register(check_rules)
