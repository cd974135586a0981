"""Patients and what happens to them, a file for each aggregate."""

from patients.models.adverse import (
    AdverseEvent,
    ContactOutcome,
    EventStatus,
    EventSubject,
    RecallContact,
    Severity,
)
from patients.models.applications import PASSES_THE_SKIN, ApplicationVoid, ProductApplication, Technique
from patients.models.appointment import (
    FREES_THE_TIME,
    Appointment,
    AppointmentStatus,
    LastDay,
    NoOverlap,
    OwnDay,
    TsTzRange,
)
from patients.models.patient import GuardRestriction, NewRecordNumber, Patient, Sex
from patients.models.products import (
    LotStatus,
    MovementKind,
    Product,
    ProductKind,
    ProductLot,
    RegisteredProduct,
    RegistrationStatus,
    RiskClass,
    StockMovement,
    Unit,
)

__all__ = [
    "FREES_THE_TIME",
    "PASSES_THE_SKIN",
    "AdverseEvent",
    "ApplicationVoid",
    "Appointment",
    "AppointmentStatus",
    "ContactOutcome",
    "EventStatus",
    "EventSubject",
    "GuardRestriction",
    "LastDay",
    "LotStatus",
    "MovementKind",
    "NewRecordNumber",
    "NoOverlap",
    "OwnDay",
    "Patient",
    "Product",
    "ProductApplication",
    "ProductKind",
    "ProductLot",
    "RecallContact",
    "RegisteredProduct",
    "RegistrationStatus",
    "RiskClass",
    "Severity",
    "Sex",
    "StockMovement",
    "Technique",
    "TsTzRange",
    "Unit",
]
