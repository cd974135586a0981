"""The one table of who may do what. The auth backend and the row policies both follow it.

Row policies are made from it by migrations (`neonpro.db.policies.role_policies`), Django's permissions by
`clinics.auth`. So a change here is a change of both: run `makemigrations`.
"""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

JOB = "job"
"""A command or scheduled job, acting in its own name (`neonpro.db.context.Job`)."""

SIGN_IN = "signin"
"""A request for which nobody has signed in yet (`neonpro.db.context.SignIn`)."""


PATIENT = "patient"
"""A holder of data on the page «Meus dados», who sees their own rows and nothing else (`neonpro.db.context.Holder`)."""

DOOR = "door"
"""That page before anybody has signed in (`neonpro.db.context.Door`)."""


class Role(TextChoices):
    """What a person is in a clinic. One person may be something else in another clinic."""

    MANAGER = "manager", _("manager")
    RECEPTION = "reception", _("reception")
    PROFESSIONAL = "professional", pgettext_lazy("role", "professional")
    DPO = "dpo", _("data protection officer")
    AUDITOR = "auditor", _("auditor")


_M, _R, _P, _D, _A = Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, Role.DPO, Role.AUDITOR
_STAFF = (_M, _R, _P, _D, _A, JOB)
_DESK = (_M, _R, _P, JOB)
_KEEP = (_M, _R, JOB)

ACCESS: dict[str, dict[str, tuple[str, ...]]] = {
    "clinics": {"view": _STAFF, "add": (JOB,), "change": (_M, JOB)},
    "clinic_memberships": {"view": _STAFF, "add": (_M, JOB), "change": (_M, JOB), "delete": (_M,)},
    "professionals": {"view": _STAFF, "add": (_M, JOB), "change": (_M, JOB), "delete": (_M,)},
    # And the professional whose it is, by a policy of its own.
    "professional_identities": {"view": (_M, JOB), "add": (_M, JOB), "change": (_M, JOB), "delete": (_M,)},
    "services": {"view": _STAFF, "add": (_M, JOB), "change": (_M, JOB), "delete": (_M,)},
    "scope_rules": {"view": _STAFF, "add": (_M, JOB), "change": (_M, JOB), "delete": (_M,)},
    # Of these only the technical director, who is the one or the other (`sql/guard_signoff.sql`).
    "scope_signoffs": {"view": _STAFF, "add": (_M, _P), "change": (_M, _P)},
    # Nobody deletes a patient or an appointment: records are kept by law, and erasure is a workflow of its own.
    "patients": {"view": (*_DESK, _D), "add": _DESK, "change": (*_DESK, _D)},
    "appointments": {"view": (*_DESK, _D), "add": _DESK, "change": _DESK},
    # The front desk plans a session and sees where it stands; a professional, of the patients in their care.
    "telemedicine_sessions": {"view": (_M, _R, _P, JOB), "add": (_M, _R, _P), "change": (_M, _R, _P)},
    # Events are only added, and the state is PostgreSQL's to derive. Who records which: neonpro.may_record_consent.
    "consent_records": {"view": (*_DESK, _D), "add": (*_DESK, _D)},
    "lgpd_consents": {"view": (*_DESK, _D)},
    "consent_texts": {
        "view": (*_DESK, _D),
        "add": (_M, _D, JOB),
        "change": (_M, _D, JOB),
        "delete": (_M, _D),
    },
    # Products, lots and stock are nobody's data: whoever works in the clinic sees what there is.
    "products": {"view": _STAFF, "add": (_M, _P, JOB), "change": (_M, _P, JOB)},
    "product_lots": {"view": _STAFF, "add": _DESK, "change": _DESK},
    "stock_movements": {"view": _STAFF, "add": _DESK},
    # Who got what is clinical. Nobody deletes it, and a mistake is put right by another row.
    "product_applications": {"view": (_P,), "add": (_P,), "change": (_P,)},
    "product_application_voids": {"view": (_P,), "add": (_P,)},
    "clinical_photos": {"view": (_P,), "add": (_P,), "change": (_P,)},
    "adverse_events": {"view": (_P,), "add": (_P,), "change": (_P,)},
    # A recall is led by the manager, the DPO and, of the professionals, the technical director (neonpro.leads_recalls).
    "recall_contacts": {"view": (_M, _P, _D), "add": (_M, _P, _D)},
    # Who cares for whom opens the record: reception books, and has no other say in it. Nobody deletes a stay in a team.
    "care_team": {"view": (_M, _P, _D, JOB), "add": (_M, _P, JOB), "change": (_M, _P, JOB)},
    # Clinical: of these roles, and only of patients that are open to the person (neonpro.open_patients).
    "medical_records": {"view": (_P,), "add": (_P,), "change": (_P,), "delete": (_P,)},
    # Added and never changed. A job sees that there are signatures and verifies them; it opens no file.
    "record_signatures": {"view": (_P, JOB), "add": (_P,)},
    "patient_alerts": {"view": (_P,), "add": (_P,), "change": (_P,)},
    "record_templates": {"view": (_M, _P, JOB), "add": (_M, _P, JOB), "change": (_M, _P, JOB), "delete": (_M, _P)},
    # Clinical, as the records are. An issued prescription is never deleted; a draft is its prescriber's to throw away.
    "prescriptions": {"view": (_P,), "add": (_P,), "change": (_P,), "delete": (_P,)},
    # As record_signatures.
    "prescription_signatures": {"view": (_P, JOB), "add": (_P,)},
    "prescription_items": {"view": (_P,), "add": (_P,), "change": (_P,), "delete": (_P,)},
    "prescription_cancellations": {"view": (_P,), "add": (_P,)},
    "prescription_templates": {"view": (_M, _P, JOB), "add": (_M, _P, JOB), "change": (_M, _P, JOB)},
    "prescribing_councils": {"view": (_M, _P, JOB), "add": (_M, JOB), "change": (_M, JOB), "delete": (_M,)},
    # Of no clinic: what the law lists is the same for all of them, and a job's to write.
    "substances": {"view": _STAFF, "add": (JOB,), "change": (JOB,)},
    # Hours and absences are the reception's daily work; the professional tells it.
    "working_hours": {"view": (*_DESK, _D), "add": _KEEP, "change": _KEEP, "delete": _KEEP},
    "absences": {"view": (*_DESK, _D), "add": _KEEP, "change": _KEEP, "delete": _KEEP},
    "waiting_list": {"view": (*_DESK, _D), "add": _DESK, "change": _DESK},
    "reminders": {"view": (*_DESK, _D), "add": _DESK, "change": _DESK},
    "audit_logs": {"view": (_M, _D, _A)},
    # The encarregado's own: nobody deletes any of it, and a job only carries out what the rules allow by themselves.
    "data_requests": {"view": (_D, JOB), "add": (_D, JOB), "change": (_D, JOB)},
    "request_digests": {"view": (_D, JOB), "add": (JOB,)},
    "erasures": {"view": (_D, JOB), "add": (_D, JOB), "change": (_D, JOB)},
    # What a committee decided about records whose time is over: added once, by the encarregado who was there.
    "disposal_acts": {"view": (_D, JOB), "add": (_D,)},
    "disposal_items": {"view": (_D, JOB), "add": (_D,)},
    "legal_holds": {"view": (_D, JOB), "add": (_D,), "change": (_D,)},
    # The page «Meus dados»: who hands out a link to it, and who confirms that an address is the patient's. Its door and
    # the patients themselves have policies of their own (compliance.models.holder).
    "holder_codes": {"view": (_M, _R, _D), "add": (_M, _R, _D)},
    "holder_contacts": {"view": (_M, _R, _D, JOB), "add": (_M, _R, _D, JOB)},
    "holder_sessions": {"view": (_D,)},
    "resource_permissions": {"view": (_M, _P, _D, _A), "add": (_M,), "change": (_M,), "delete": (_M,)},
}
"""For each table of a clinic: which roles may view, add, change and delete its rows."""


def may(role: str | None, permission: str, table: str) -> bool:
    """Whether a role may view, add, change or delete rows of a table."""
    return role in ACCESS.get(table, {}).get(permission, ())
