"""Floor 3: users, clinics, their teams and services, and the admin site that shows everything above."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.utils.translation import gettext_lazy as _


class NeonProAdminConfig(admin.AdminConfig):
    """django.contrib.admin with our site."""

    default = False
    default_site = "clinics.site.NeonProAdminSite"


class ClinicsConfig(AppConfig):
    default = True
    name = "clinics"
    verbose_name = _("Clinic")

    def ready(self) -> None:
        from clinics import signals  # noqa: F401  connects the receivers
