"""Floor 5: audit log, permissions and, as they come, consents, requests, erasure and reports."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplianceConfig(AppConfig):
    name = "compliance"
    verbose_name = _("Compliance")

    def ready(self) -> None:
        """Tell the patient's page of the section on consents."""
        from compliance import page_section

        page_section.add()
