"""Users, clinics, memberships, professionals, services and who may perform what: a file for each aggregate."""

from clinics.models.account import NEW_ACCOUNT_ROLES, User, UserManager
from clinics.models.clinic import Clinic, ClinicKind
from clinics.models.professional import (
    LICENCE_RULES,
    OWN_PROFESSIONALS,
    Council,
    GuardLicence,
    LicenceStatus,
    Professional,
    ProfessionalIdentity,
    VerificationMethod,
)
from clinics.models.scope import SIGN_OFF_RULES, GuardSignOff, ScopeLevel, ScopeRule, ScopeSignOff
from clinics.models.service import ProcedureClass, Service, ServiceCategory
from clinics.models.team import TEAM_RULES, GuardTeam, Membership

__all__ = [
    "LICENCE_RULES",
    "NEW_ACCOUNT_ROLES",
    "OWN_PROFESSIONALS",
    "SIGN_OFF_RULES",
    "TEAM_RULES",
    "Clinic",
    "ClinicKind",
    "Council",
    "GuardLicence",
    "GuardSignOff",
    "GuardTeam",
    "LicenceStatus",
    "Membership",
    "ProcedureClass",
    "Professional",
    "ProfessionalIdentity",
    "ScopeLevel",
    "ScopeRule",
    "ScopeSignOff",
    "Service",
    "ServiceCategory",
    "User",
    "UserManager",
    "VerificationMethod",
]
