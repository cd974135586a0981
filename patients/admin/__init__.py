"""The admin of patients, a file for each page's subject."""

from patients.admin.appointments import AppointmentAdmin
from patients.admin.care import CareTeamAdmin
from patients.admin.hours import AbsenceAdmin, WorkingHoursAdmin
from patients.admin.patients import PatientAdmin
from patients.admin.records import MedicalRecordAdmin, RecordTemplateAdmin
from patients.admin.signatures import RecordSignatureAdmin
from patients.admin.telemedicine import TelemedicineSessionAdmin
from patients.admin.waiting import WaitingEntryAdmin

__all__ = [
    "AbsenceAdmin",
    "AppointmentAdmin",
    "CareTeamAdmin",
    "MedicalRecordAdmin",
    "PatientAdmin",
    "RecordSignatureAdmin",
    "RecordTemplateAdmin",
    "TelemedicineSessionAdmin",
    "WaitingEntryAdmin",
    "WorkingHoursAdmin",
]
