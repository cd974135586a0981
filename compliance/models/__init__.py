"""Compliance, a file for each aggregate."""

from compliance.models.audit import PLATFORM, AuditLog, GrantKind, ResourcePermission
from compliance.models.consents import (
    NOT_SENSITIVE,
    Actor,
    Channel,
    Consent,
    ConsentEvent,
    ConsentRecord,
    ConsentState,
    ConsentText,
    DataCategory,
    EvidenceKind,
    LegalBasis,
    Relation,
)

__all__ = [
    "NOT_SENSITIVE",
    "PLATFORM",
    "Actor",
    "AuditLog",
    "Channel",
    "Consent",
    "ConsentEvent",
    "ConsentRecord",
    "ConsentState",
    "ConsentText",
    "DataCategory",
    "EvidenceKind",
    "GrantKind",
    "LegalBasis",
    "Relation",
    "ResourcePermission",
]
