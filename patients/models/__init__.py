"""Patients and what happens to them, a file for each aggregate."""

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

__all__ = [
    "FREES_THE_TIME",
    "Appointment",
    "AppointmentStatus",
    "GuardRestriction",
    "LastDay",
    "NewRecordNumber",
    "NoOverlap",
    "OwnDay",
    "Patient",
    "Sex",
    "TsTzRange",
]
