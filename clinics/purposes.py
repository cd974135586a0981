"""Why personal data were read, in words: what the audit log keeps as a page's view name or a job's."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PURPOSES = {
    "admin:index": gettext_lazy("dashboard"),
    "admin:search": gettext_lazy("search"),
    "admin:autocomplete": gettext_lazy("choosing a patient in a form"),
    "admin:patients_patient_changelist": gettext_lazy("list of patients"),
    "admin:patients_patient_add": gettext_lazy("registering the patient"),
    "admin:patients_patient_change": gettext_lazy("patient's registration"),
    "admin:patients_patient_history": gettext_lazy("history of the registration"),
    "admin:patients_patient_accesses": gettext_lazy("consulting who accessed"),
    "admin:patients_patient_accesses.export": gettext_lazy("copy of the accesses for the patient"),
    "admin:patients_patient_permissions": gettext_lazy("permissions on the record"),
    "admin:patients_patient_permissions_manage_user": gettext_lazy("permissions on the record"),
    "admin:patients_appointment_changelist": gettext_lazy("agenda"),
    "admin:patients_appointment_add": gettext_lazy("booking an appointment"),
    "admin:patients_appointment_change": gettext_lazy("appointment"),
    "admin:patients_appointment_cancel": gettext_lazy("cancelling an appointment"),
    "admin:patients_appointment_history": gettext_lazy("history of an appointment"),
    "admin:compliance_auditlog_changelist": gettext_lazy("audit log"),
    "admin:compliance_auditlog_change": gettext_lazy("audit log"),
    "admin:compliance_resourcepermission_changelist": gettext_lazy("permissions on records"),
    "admin:compliance_resourcepermission_change": gettext_lazy("permissions on records"),
    "admin:compliance_resourcepermission_add": gettext_lazy("permissions on records"),
    "shell": gettext_lazy("command of the operator"),
}
"""The purposes that the log knows, by their codes."""


def purpose_word(code: str) -> str:
    """A purpose of the log in words; a code that has none as it stands."""
    if code.startswith("job:"):
        return _("job %(name)s") % {"name": code.removeprefix("job:")}
    return str(PURPOSES.get(code, code))
