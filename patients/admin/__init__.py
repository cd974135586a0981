"""The admin of patients, a file for each page's subject."""

from patients.admin.appointments import AppointmentAdmin
from patients.admin.hours import AbsenceAdmin, WorkingHoursAdmin
from patients.admin.patients import PatientAdmin
from patients.admin.waiting import WaitingEntryAdmin

__all__ = ["AbsenceAdmin", "AppointmentAdmin", "PatientAdmin", "WaitingEntryAdmin", "WorkingHoursAdmin"]
