"""Signing as a Django app, so that its check runs."""

from django.apps import AppConfig
from django.core import checks


class PadesConfig(AppConfig):
    """Floor 2: signing and verifying PDF documents; it knows no app and no database."""

    name = "neonpro.pades"
    label = "neonpro_pades"
    verbose_name = "NeonPro PAdES"

    def ready(self) -> None:
        from neonpro.pades.checks import check_signing

        checks.register(check_signing)
