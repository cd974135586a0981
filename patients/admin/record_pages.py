"""What the pages of the medical record share: the patient, alerts first, and one reading for all of a page."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, keyring
from patients import records
from patients.models import MedicalRecord, Patient, PatientAlert, RecordStatus


def read_together(patient: UUID, act: Act = Act.READ) -> None:
    """Open who the patient is and what was written of them in one reading: one page, one line in the log."""
    keyring().open([patient], ("identification", "clinical"), act)


def page_context(admin: Any, request: HttpRequest, patient: Patient, *, title: str, **more: Any) -> dict[str, Any]:
    """The context of a page about one patient's record."""
    request.current_app = admin.admin_site.name  # as Django's own admin does
    return {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": title,
        "subtitle": patient.display_name,
        "patient": patient,
        "alerts": [alert_line(alert) for alert in records.alerts(patient.pk)],
        "patient_url": reverse("admin:patients_patient_page", args=[patient.pk]),
        "records_url": reverse("admin:patients_patient_records", args=[patient.pk]),
        "alerts_url": reverse("admin:patients_patient_alerts", args=[patient.pk]),
        **more,
    }


def alert_line(alert: PatientAlert) -> dict[str, Any]:
    """An alert as the pages show it."""
    return {
        "id": alert.pk,
        "kind": alert.get_kind_display(),
        "severity": alert.get_severity_display(),
        "grave": alert.severity == "high",
        "text": alert.text,
        "noted": date_format(timezone.localtime(alert.created_at), "SHORT_DATE_FORMAT"),
    }


def entry_line(record: MedicalRecord, addenda: Iterable[MedicalRecord] = ()) -> dict[str, Any]:
    """An entry as the pages show it, with its addenda."""
    return {
        "id": record.pk,
        "record": record,
        "name": name_of(record),
        "when": record.occurred_at,
        "sections": [one for one in record.sections if one.get("text", "").strip()],
        # A restricted or erased patient's entries are there, and say nothing.
        "withheld": record.content if isinstance(record.content, Withheld) else "",
        "diagnoses": record.diagnoses if isinstance(record.diagnoses, list) else [],
        "status": record.get_status_display(),
        "tag": {RecordStatus.DRAFT: "warning", RecordStatus.SIGNED: "success"}.get(
            RecordStatus(record.status), "default"
        ),
        "author": author_of(record),
        "reason": record.amend_reason,
        # On the clock of the clinic as it was then, whatever its time zone is today.
        "finalised": record.finalised_at and record.finalised_at.astimezone(ZoneInfo(record.time_zone)),
        "url": reverse("admin:patients_medicalrecord_change", args=[record.pk]),
        "addenda": [entry_line(one) for one in addenda],
    }


def name_of(record: MedicalRecord) -> str:
    """What an entry is, in words."""
    if record.amends_id:
        return _("Addendum")
    return str(record.get_document_kind_display() if record.document_kind else record.get_kind_display())


def events(record: MedicalRecord, addenda: Iterable[MedicalRecord]) -> list[dict[str, Any]]:
    """What became of an entry, oldest first; who read it is the audit log's to say."""
    found: list[dict[str, Any]] = [
        {
            "when": record.created_at,
            "what": ngettext("draft begun, saved %(count)s time", "draft begun, saved %(count)s times", record.revision)
            % {"count": record.revision},
            "who": str(record.author),
        }
    ]
    if record.finalised_at:
        found.append({"when": record.finalised_at, "what": _("finalised"), "who": record.author_name})
    for addendum in addenda:
        if addendum.finalised_at:
            found.append({"when": addendum.finalised_at, "what": _("addendum"), "who": addendum.author_name})
    return found


def author_of(record: MedicalRecord) -> str:
    """Who wrote it, as the entry has it; of a draft, whose it is."""
    if record.is_draft:
        return str(record.author)
    parts = [record.author_name, record.author_occupation, record.licence]
    if record.author_rqe:
        parts.append(f"RQE {record.author_rqe}")
    return " · ".join(filter(None, parts))


def timeline(found: list[MedicalRecord]) -> list[dict[str, Any]]:
    """Entries with their addenda below them, in the order in which they came."""
    addenda: dict[UUID, list[MedicalRecord]] = {}
    for record in found:
        if record.amends_id:
            addenda.setdefault(record.amends_id, []).insert(0, record)
    return [entry_line(record, addenda.pop(record.pk, ())) for record in found if not record.amends_id]


def closed_word() -> str:
    """Why a patient's record does not open to somebody whose role could see it."""
    return _(
        "This patient's record is not open to you: you are not in the care team. A colleague who is, or management, can"
        " add you; an appointment with you opens it too. Every one of these is on record."
    )


def consents_page(patient: Any) -> str:
    """The page of a patient's consents, which a floor above brings; the patient's own where it is not there."""
    try:
        return reverse("admin:patients_patient_consents", args=[patient])
    except NoReverseMatch:
        return reverse("admin:patients_patient_change", args=[patient])
