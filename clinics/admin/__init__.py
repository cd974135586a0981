"""The clinic, its team, its professionals, its services, and who may perform what: a file for each."""

from clinics.admin import clinic, professionals, scope, services
from clinics.admin.services import format_reais

__all__ = ["clinic", "format_reais", "professionals", "scope", "services"]
