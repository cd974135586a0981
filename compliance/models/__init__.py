"""Compliance, a file for each aggregate."""

from compliance.models.audit import PLATFORM, AuditLog, GrantKind, ResourcePermission
from compliance.models.erasure import Erasure, ErasureKind, GuardErasure, LegalHold
from compliance.models.requests import (
    ERASING,
    DataRequest,
    IdentityCheck,
    RequestChannel,
    RequestStatus,
    RequestType,
)

__all__ = [
    "ERASING",
    "PLATFORM",
    "AuditLog",
    "DataRequest",
    "Erasure",
    "ErasureKind",
    "GrantKind",
    "GuardErasure",
    "IdentityCheck",
    "LegalHold",
    "RequestChannel",
    "RequestStatus",
    "RequestType",
    "ResourcePermission",
]
