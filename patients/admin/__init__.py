"""The admin of patients, a file for each page's subject."""

from patients.admin.adverse import AdverseEventAdmin
from patients.admin.applications import ClinicalPhotoAdmin, ProductApplicationAdmin
from patients.admin.appointments import AppointmentAdmin
from patients.admin.care import CareTeamAdmin
from patients.admin.patients import PatientAdmin
from patients.admin.products import ProductAdmin, ProductLotAdmin
from patients.admin.records import MedicalRecordAdmin, RecordTemplateAdmin

__all__ = [
    "AdverseEventAdmin",
    "AppointmentAdmin",
    "CareTeamAdmin",
    "ClinicalPhotoAdmin",
    "MedicalRecordAdmin",
    "PatientAdmin",
    "ProductAdmin",
    "ProductApplicationAdmin",
    "ProductLotAdmin",
    "RecordTemplateAdmin",
]
