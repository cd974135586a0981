"""The admin of patients, a file for each page's subject."""

from patients.admin.appointments import AppointmentAdmin
from patients.admin.care import CareTeamAdmin
from patients.admin.patients import PatientAdmin
from patients.admin.records import MedicalRecordAdmin, RecordTemplateAdmin
from patients.admin.signatures import RecordSignatureAdmin

__all__ = [
    "AppointmentAdmin",
    "CareTeamAdmin",
    "MedicalRecordAdmin",
    "PatientAdmin",
    "RecordSignatureAdmin",
    "RecordTemplateAdmin",
]
