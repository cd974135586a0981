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
from compliance.models.erasure import Erasure, ErasureKind, GuardErasure, LegalHold
from compliance.models.holder import CodeKind, ContactMethod, HolderCode, HolderContact, HolderSession
from compliance.models.requests import ERASING, DataRequest, IdentityCheck, RequestChannel, RequestStatus, RequestType

__all__ = [
    "ERASING",
    "NOT_SENSITIVE",
    "PLATFORM",
    "Actor",
    "AuditLog",
    "Channel",
    "CodeKind",
    "Consent",
    "ConsentEvent",
    "ConsentRecord",
    "ConsentState",
    "ConsentText",
    "ContactMethod",
    "DataCategory",
    "DataRequest",
    "Erasure",
    "ErasureKind",
    "EvidenceKind",
    "GrantKind",
    "GuardErasure",
    "HolderCode",
    "HolderContact",
    "HolderSession",
    "IdentityCheck",
    "LegalBasis",
    "LegalHold",
    "Relation",
    "RequestChannel",
    "RequestStatus",
    "RequestType",
    "ResourcePermission",
]
