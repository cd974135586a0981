"""Floor 5: audit log, permissions and, as they come, consents, requests, erasure and reports."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class ComplianceConfig(AppConfig):
    name = "compliance"
    verbose_name = _("Compliance")

    def ready(self) -> None:
        """Tell the patient's page of the section on consents; have ledger and seals checked with the database."""
        from compliance import page_section
        from compliance.checks import check_ledger, check_seals

        page_section.add()
        checks.register(check_ledger, checks.Tags.database)
        checks.register(check_seals, checks.Tags.database)
