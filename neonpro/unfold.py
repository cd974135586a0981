"""The admin's menu, and what the admin site of floor 3 calls of the floors above it.

The look is in `static/neonpro/theme.css` and `templates/`: colours set here would become an inline style.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "NeonPro",
    "SITE_HEADER": "NeonPro",
    "SITE_URL": None,
    "DASHBOARD_CALLBACK": "compliance.dashboard.fill",
    "COMMAND": {"search_callback": "patients.dashboard.find_patients"},
    "SIDEBAR": {
        # Each line shows to whom the role lets view the model; `own` leads to the open clinic's own record.
        "navigation": [
            {
                "items": [
                    {"title": _("Dashboard"), "icon": "space_dashboard"},
                    {"title": _("Schedule"), "icon": "calendar_month", "model": "patients.Appointment", "page": "day"},
                    {"title": _("Waiting list"), "icon": "hourglass", "model": "patients.WaitingEntry"},
                    {"title": _("Patients"), "icon": "person_search", "model": "patients.Patient"},
                    {"title": _("Telemedicine"), "icon": "video_call", "model": "patients.TelemedicineSession"},
                    {"title": _("Entries"), "icon": "clinical_notes", "model": "patients.MedicalRecord"},
                    {"title": _("Prescriptions"), "icon": "prescriptions", "model": "patients.Prescription"},
                    {"title": _("Signatures"), "icon": "signature", "model": "patients.RecordSignature"},
                ],
            },
            {
                "title": _("Products"),
                "items": [
                    {"title": _("Lots and stock"), "icon": "inventory_2", "model": "patients.ProductLot"},
                    {"title": _("Products"), "icon": "syringe", "model": "patients.Product"},
                    {"title": _("Applications"), "icon": "vaccines", "model": "patients.ProductApplication"},
                    {"title": _("Photographs"), "icon": "photo_camera", "model": "patients.ClinicalPhoto"},
                    {"title": _("Adverse events"), "icon": "emergency", "model": "patients.AdverseEvent"},
                ],
            },
            {
                "title": _("Clinic"),
                "items": [
                    {"title": _("Team"), "icon": "groups", "model": "clinics.Membership"},
                    {"title": _("Professionals"), "icon": "stethoscope", "model": "clinics.Professional"},
                    {"title": _("Services"), "icon": "medical_services", "model": "clinics.Service"},
                    {"title": _("Scope of practice"), "icon": "rule", "model": "clinics.ScopeRule"},
                    {"title": _("Templates"), "icon": "description", "model": "patients.RecordTemplate"},
                    {
                        "title": _("Prescription templates"),
                        "icon": "pill",
                        "model": "patients.PrescriptionTemplate",
                    },
                    {
                        "title": _("Councils that prescribe"),
                        "icon": "badge",
                        "model": "patients.PrescribingCouncil",
                    },
                    {"title": _("Working hours"), "icon": "schedule", "model": "patients.WorkingHours"},
                    {"title": _("Absences"), "icon": "event_busy", "model": "patients.Absence"},
                    {"title": _("Clinic details"), "icon": "home_health", "model": "clinics.Clinic", "own": True},
                ],
            },
            {
                "title": _("Privacy"),
                "items": [
                    {"title": _("Requests of holders"), "icon": "contact_mail", "model": "compliance.DataRequest"},
                    {"title": _("Legal holds"), "icon": "gavel", "model": "compliance.LegalHold"},
                    {"title": _("Disposal of records"), "icon": "auto_delete", "model": "compliance.DisposalAct"},
                    {"title": _("Consents"), "icon": "handshake", "model": "compliance.Consent"},
                    {"title": _("Consent events"), "icon": "fact_check", "model": "compliance.ConsentRecord"},
                    {"title": _("Consent texts"), "icon": "article", "model": "compliance.ConsentText"},
                    {"title": _("Audit log"), "icon": "history", "model": "compliance.AuditLog"},
                    {"title": _("Care teams"), "icon": "group", "model": "patients.CareTeam"},
                    {"title": _("Permissions on records"), "icon": "key", "model": "compliance.ResourcePermission"},
                ],
            },
        ],
    },
}
