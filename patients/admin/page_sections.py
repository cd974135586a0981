"""What this app shows on a patient's page: alerts, visits, entries, signed documents; and the ways on from there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients import prescription_pdf, records
from patients.admin.record_pages import alert_line, timeline
from patients.admin.telemedicine_steps import STATUS_LABELS
from patients.models import (
    Appointment,
    AppointmentStatus,
    MedicalRecord,
    PrescriptionSignature,
    RecordSignature,
    SessionStatus,
    TelemedicineSession,
)
from patients.page import Reader, Section, pages, register

SHOWN = 20
"""Entries and documents on the page; the rest are a click away."""

VISITS = 8
"""Past visits on the page."""

OVER = (AppointmentStatus.COMPLETED, AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW)
"""States after which nothing is to come of a visit."""


@dataclass(frozen=True, slots=True)
class QuickAction:
    """A button at the top of the page."""

    title: str
    link: str
    icon: str
    primary: bool = False


def quick_actions(reader: Reader) -> list[QuickAction]:
    """What this reader can do with this patient from here, the most usual first."""
    key = reader.patient.pk
    found: list[QuickAction | None] = [
        QuickAction(
            _("Write an entry"), reverse("admin:patients_patient_records", args=[key]), "edit_note", primary=True
        )
        if reader.may_write
        else None,
        QuickAction(
            _("Book an appointment"),
            f"{reverse('admin:patients_appointment_add')}?patient={key}",
            "event",
            primary=not reader.may_write,
        )
        if reader.may("patients.add_appointment")
        else None,
        QuickAction(_("Add an alert"), reverse("admin:patients_patient_alerts", args=[key]), "warning")
        if reader.may_write
        else None,
        QuickAction(_("Prescriptions"), reverse("admin:patients_patient_prescriptions", args=[key]), "prescriptions")
        if reader.open and reader.may("patients.view_prescription")
        else None,
        QuickAction(_("Apply a product"), reverse("admin:patients_patient_apply", args=[key]), "vaccines")
        if reader.may_write and reader.may("patients.add_productapplication")
        else None,
        QuickAction(_("Products and photographs"), reverse("admin:patients_patient_products", args=[key]), "syringe")
        if reader.open and reader.may("patients.view_productapplication")
        else None,
        *(
            QuickAction(str(page.title), reverse(f"admin:patients_patient_{page.key}", args=[key]), page.icon)
            for page in pages()
            if reader.may(page.permission)
        ),
        QuickAction(_("Care team"), reverse("admin:patients_patient_care", args=[key]), "group")
        if reader.may("patients.view_careteam")
        else None,
        QuickAction(_("Edit the registration"), reverse("admin:patients_patient_change", args=[key]), "badge")
        if reader.may("patients.change_patient")
        else None,
        QuickAction(_("Who accessed"), reverse("admin:patients_patient_accesses", args=[key]), "policy")
        if reader.may("compliance.view_auditlog") and reader.may("patients.view_patient")
        else None,
        QuickAction(_("Print"), reverse("admin:patients_patient_page_print", args=[key]), "print"),
    ]
    return [one for one in found if one is not None]


# --- the sections of this app -----------------------------------------------------------------------------------------


def _visits(reader: Reader) -> dict[str, Any]:
    """The visits to come, and the last ones."""
    rows = Appointment.objects.filter(patient=reader.patient.pk).prefetch_related("professional", "service")
    ahead = Q(day__gte=reader.today) & ~Q(status__in=OVER)
    last = rows.exclude(ahead).order_by("-day", "-starts_at", "-id")
    return {
        "coming": [_visit(one) for one in rows.filter(ahead).order_by("day", "starts_at", "id")[:VISITS]],
        "past": [_visit(one) for one in last[:VISITS]],
        "all_url": reverse("admin:patients_appointment_changelist"),
    }


def _visit(visit: Appointment) -> dict[str, Any]:
    return {
        "day": visit.day,
        "starts": timezone.localtime(visit.starts_at) if visit.starts_at else None,
        "what": str(visit.service or ""),
        "with": str(visit.professional or ""),
        "status": visit.status,
        "state": visit.get_status_display(),
        "url": reverse("admin:patients_appointment_change", args=[visit.pk]),
    }


def _timeline(reader: Reader) -> dict[str, Any]:
    """The latest entries, addenda below what they correct, and the reader's own drafts."""
    entries = records.entries(reader.patient.pk).select_related("author")
    latest = list(entries.filter(amends__isnull=True)[: SHOWN + 1])
    # Of those alone: an addendum never stands without its original.
    addenda = list(entries.filter(amends__in=[entry.pk for entry in latest[:SHOWN]]))
    lines = timeline([*latest[:SHOWN], *addenda])
    for line in (one for entry in lines for one in (entry, *entry["addenda"])):
        line["summary"] = _summary(line["record"])
    return {
        "lines": lines,
        "more": len(latest) > SHOWN,
        "all_url": reverse("admin:patients_patient_records", args=[reader.patient.pk]),
    }


def _summary(record: MedicalRecord) -> str:
    """The beginning of what was written; whole in the entry itself."""
    texts = (one.get("text", "").strip() for one in record.sections)
    return next((text for text in texts if text), "")


def _documents(reader: Reader) -> dict[str, Any] | None:
    """The signed documents, the newest first. Their files are not opened here."""
    found = sorted(
        (*_newest(RecordSignature, reader, "record"), *_newest(PrescriptionSignature, reader, "prescription")),
        key=lambda one: (one.signed_at, one.pk),
        reverse=True,
    )
    if not found:
        return None
    return {
        "documents": [
            {"when": one.signed_at, "signer": str(one.signer), "level": one.get_level_display(), **_document(one)}
            for one in found[:SHOWN]
        ],
        "more": len(found) > SHOWN,
        "all_url": reverse("admin:patients_recordsignature_changelist"),
    }


def _newest(model: Any, reader: Reader, of: str) -> list[Any]:
    rows = model.objects.filter(patient=reader.patient.pk).select_related(of, "signer")
    return list(rows.order_by("-signed_at", "-id")[: SHOWN + 1])


def _document(signature: Any) -> dict[str, str]:
    """What was signed, and its page."""
    if isinstance(signature, PrescriptionSignature):
        return {
            "name": str(prescription_pdf.titles()[signature.prescription.kind]),
            "url": reverse("admin:patients_prescription_change", args=[signature.prescription_id]),
        }
    record = signature.record
    return {
        "name": record.get_document_kind_display() or record.get_kind_display(),
        "url": reverse("admin:patients_recordsignature_change", args=[signature.pk]),
    }


def _sessions(reader: Reader) -> dict[str, Any] | None:
    """Sessions at a distance, the newest first; no heading for patients who have none."""
    rows = TelemedicineSession.objects.filter(patient=reader.patient.pk).select_related("professional", "appointment")
    found = list(rows.order_by("-created_at", "-id")[:VISITS])
    if not found:
        return None
    return {
        "sessions": [
            {
                "day": one.started_at or (one.appointment.starts_at if one.appointment else None),
                "what": one.get_modality_display(),
                "with": str(one.professional),
                "state": one.get_status_display(),
                "kind": STATUS_LABELS[SessionStatus(one.status)],
                "url": reverse("admin:patients_telemedicinesession_change", args=[one.pk]),
            }
            for one in found
        ]
    }


def _alerts(reader: Reader) -> dict[str, Any]:
    """What must be seen first."""
    return {"alerts": [alert_line(alert) for alert in records.alerts(reader.patient.pk)]}


def own_sections() -> Iterable[Section]:
    """The sections that this app brings."""
    return (
        Section(
            key="alerts", title=gettext_lazy("Allergies and alerts"), order=10, fill=_alerts, clinical=True, wide=True,
            template="admin/patients/patient/page/alerts.html", permission="patients.view_patientalert",
            categories=("clinical",),
        ),
        Section(
            key="visits", title=gettext_lazy("Visits"), order=20, fill=_visits,
            template="admin/patients/patient/page/visits.html", permission="patients.view_appointment",
        ),
        Section(
            key="sessions", title=gettext_lazy("Telemedicine"), order=25, fill=_sessions,
            template="admin/patients/patient/page/sessions.html", permission="patients.view_telemedicinesession",
        ),
        Section(
            key="entries", title=gettext_lazy("Medical record"), order=30, fill=_timeline, clinical=True,
            template="admin/patients/patient/page/timeline.html", permission="patients.view_medicalrecord",
            categories=("clinical",),
        ),
        Section(
            key="documents", title=gettext_lazy("Signed documents"), order=40, fill=_documents, clinical=True,
            template="admin/patients/patient/page/documents.html", permission="patients.view_recordsignature",
        ),
    )  # fmt: skip


for _section in own_sections():
    register(_section)
