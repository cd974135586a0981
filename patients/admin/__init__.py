"""The admin of patients, a file for each page's subject."""

from patients.admin.appointments import AppointmentAdmin
from patients.admin.care import CareTeamAdmin
from patients.admin.hours import AbsenceAdmin, WorkingHoursAdmin
from patients.admin.patients import PatientAdmin
from patients.admin.prescription_setup import PrescribingCouncilAdmin, PrescriptionTemplateAdmin
from patients.admin.prescriptions import PrescriptionAdmin
from patients.admin.records import MedicalRecordAdmin, RecordTemplateAdmin
from patients.admin.signatures import RecordSignatureAdmin
from patients.admin.waiting import WaitingEntryAdmin

__all__ = [
    "AbsenceAdmin",
    "AppointmentAdmin",
    "CareTeamAdmin",
    "MedicalRecordAdmin",
    "PatientAdmin",
    "PrescribingCouncilAdmin",
    "PrescriptionAdmin",
    "PrescriptionTemplateAdmin",
    "RecordSignatureAdmin",
    "RecordTemplateAdmin",
    "WaitingEntryAdmin",
    "WorkingHoursAdmin",
]
