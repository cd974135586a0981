"""The admin of patients, a file for each page's subject."""

from patients.admin.adverse import AdverseEventAdmin
from patients.admin.applications import ClinicalPhotoAdmin, ProductApplicationAdmin
from patients.admin.appointments import AppointmentAdmin
from patients.admin.care import CareTeamAdmin
from patients.admin.hours import AbsenceAdmin, WorkingHoursAdmin
from patients.admin.patients import PatientAdmin
from patients.admin.prescription_setup import PrescribingCouncilAdmin, PrescriptionTemplateAdmin
from patients.admin.prescriptions import PrescriptionAdmin
from patients.admin.products import ProductAdmin, ProductLotAdmin
from patients.admin.records import MedicalRecordAdmin, RecordTemplateAdmin
from patients.admin.signatures import RecordSignatureAdmin
from patients.admin.telemedicine import TelemedicineSessionAdmin
from patients.admin.waiting import WaitingEntryAdmin

__all__ = [
    "AbsenceAdmin",
    "AdverseEventAdmin",
    "AppointmentAdmin",
    "CareTeamAdmin",
    "ClinicalPhotoAdmin",
    "MedicalRecordAdmin",
    "PatientAdmin",
    "PrescribingCouncilAdmin",
    "PrescriptionAdmin",
    "PrescriptionTemplateAdmin",
    "ProductAdmin",
    "ProductApplicationAdmin",
    "ProductLotAdmin",
    "RecordSignatureAdmin",
    "RecordTemplateAdmin",
    "TelemedicineSessionAdmin",
    "WaitingEntryAdmin",
    "WorkingHoursAdmin",
]
