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
from patients.models.care import Began, CareTeam, Ended, FollowAppointments, GuardCare
from patients.models.patient import GuardRestriction, NewRecordNumber, Patient, Sex
from patients.models.record import (
    AlertKind,
    DocumentKind,
    GuardAlert,
    GuardRecord,
    MedicalRecord,
    PatientAlert,
    RecordKind,
    RecordStatus,
    RecordTemplate,
    Severity,
)

__all__ = [
    "FREES_THE_TIME",
    "AlertKind",
    "Appointment",
    "AppointmentStatus",
    "Began",
    "CareTeam",
    "DocumentKind",
    "Ended",
    "FollowAppointments",
    "GuardAlert",
    "GuardCare",
    "GuardRecord",
    "GuardRestriction",
    "LastDay",
    "MedicalRecord",
    "NewRecordNumber",
    "NoOverlap",
    "OwnDay",
    "Patient",
    "PatientAlert",
    "RecordKind",
    "RecordStatus",
    "RecordTemplate",
    "Severity",
    "Sex",
    "TsTzRange",
]
