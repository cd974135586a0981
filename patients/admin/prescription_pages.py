"""What the pages of prescriptions show."""

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from clinics.adminbase import place_of
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from patients import prescribing, prescription_pdf, substances
from patients.models import Prescription, PrescriptionCancellation, PrescriptionItem, PrescriptionStatus
from patients.prescription_facts import CLINIC, PATIENT, Missing
from patients.prescription_signing import signature_of
from patients.prescription_warnings import active, day_word
from patients.words import quantity_in_words

SHOWN = 100
"""Prescriptions on the page of a patient."""


def record_pdf_print(prescription: Prescription) -> None:
    """Leave the trace of a printed prescription (`records.logged_events`); the patient sees it among the accesses."""
    execute(
        "SELECT neonpro.record_reading('PRINT', %s::uuid[], %s::jsonb)",
        [[prescription.patient_id], Jsonb({"purpose": "admin:patients_prescription_pdf", "categories": ["clinical"]})],
    )


def item_line(item: PrescriptionItem) -> dict[str, Any]:
    """A medicine as the pages show it."""
    if isinstance(item.medicine, Withheld):
        return {"id": item.pk, "name": item.medicine, "facts": [], "substance": None}
    facts = []
    if item.quantity:
        number = number_format(item.quantity, use_l10n=True)
        facts.append(f"{number} {item.unit} ({quantity_in_words(item.quantity, item.unit)})")
    if days := item.amount("days"):
        facts.append(_("%(days)s days") % {"days": days})
    if item.amount("continuous"):
        facts.append(_("continuous use"))
    if item.amount("adendo"):
        facts.append(_("adendo"))
    if item.amount("topical"):
        facts.append(_("topical use"))
    return {
        "id": item.pk,
        "name": " – ".join(part for part in (item.medicine, item.concentration, item.form) if part),
        "posology": item.posology,
        "facts": facts,
        "substance": item.substance,
    }


def editor_context(request: HttpRequest, draft: Prescription, *, today: date) -> dict[str, Any]:
    """What the editor shows besides its forms."""
    plan = prescribing.plan(draft, today=today)
    return {
        "draft": draft,
        "plan": plan,
        "lines": [item_line(item) for item in prescribing.items_of(draft)],
        "sheets": [_sheet(sheet) for sheet in plan.sheets],
        "missing": [(one.label, missing_url(request, one, draft)) for one in plan.missing],
        "substances": substances.in_force(today),
        "active": [
            {
                "day": day_word(row),
                "medicines": [item_line(item) for item in items],
            }
            for row, items in active(draft.patient_id, today=today)
        ],
        "sign_url": reverse("admin:patients_prescription_sign", args=[draft.pk])
        if any(not sheet.on_paper_only for sheet in plan.sheets)
        else "",
        "issue_url": reverse("admin:patients_prescription_issue", args=[draft.pk]),
        "discard_url": reverse("admin:patients_prescription_discard", args=[draft.pk]),
        "template_url": reverse("admin:patients_prescription_template", args=[draft.pk]),
        "prescriptions_url": reverse("admin:patients_patient_prescriptions", args=[draft.patient_id]),
    }


def _sheet(sheet: prescribing.Sheet) -> dict[str, Any]:
    return {
        "title": prescription_pdf.titles()[sheet.kind],
        "names": [item.medicine for item in sheet.items],
        "valid_until": sheet.valid_until,
        "validity_by": sheet.validity_by,
        "copies": sheet.copies,
        "notification": sheet.is_notification,
        "controlled": sheet.kind != "COMMON",
        "electronic": not sheet.on_paper_only,
        "problems": sheet.document.problems,
    }


def missing_url(request: HttpRequest, missing: Missing, draft: Prescription) -> str:
    """Where somebody who may fills in what is missing; '' for whom it is not to fill in."""
    if missing.where == PATIENT:
        return reverse("admin:patients_patient_change", args=[draft.patient_id])
    if missing.where == CLINIC:
        if not request.user.has_perm("clinics.change_clinic"):
            return ""
        return reverse("admin:clinics_clinic_change", args=[place_of(request).id])
    if not request.user.has_perm("clinics.change_professional"):
        return ""
    return reverse("admin:clinics_professional_change", args=[draft.prescriber_id])


def issued_context(prescription: Prescription) -> dict[str, Any]:
    """What the page of an issued prescription shows."""
    content: Any = prescription.content
    return {
        "prescription": prescription,
        "content": None if isinstance(content, Withheld) else content,
        "medicines": [] if isinstance(content, Withheld) else content["items"],
        "withheld": content if isinstance(content, Withheld) else "",
        "signature": signature_of(prescription) if prescription.is_electronic else None,
        "signed_url": reverse("admin:patients_prescription_signed", args=[prescription.pk]),
        "verify_url": reverse("admin:patients_prescription_verify", args=[prescription.pk]),
        "cancellation": prescribing.cancellation_of(prescription),
        "note": prescription_pdf.paper_note(prescription),
        "others": Prescription.objects.filter(batch=prescription.batch, status=PrescriptionStatus.ISSUED)
        .exclude(pk=prescription.pk)
        .order_by("kind"),
        "pdf_url": reverse("admin:patients_prescription_pdf", args=[prescription.pk]),
        "cancel_url": reverse("admin:patients_prescription_cancel", args=[prescription.pk]),
        "renew_url": reverse("admin:patients_prescription_renew", args=[prescription.pk]),
        "template_url": reverse("admin:patients_prescription_template", args=[prescription.pk]),
        "prescriptions_url": reverse("admin:patients_patient_prescriptions", args=[prescription.patient_id]),
    }


def active_lines(patient: UUID, *, today: date) -> dict[str, Any]:
    """A patient's prescriptions: one's own drafts, what is active, and the rest."""
    rows = list(
        Prescription.objects.filter(patient=patient).select_related("prescriber").order_by("-created_at")[:SHOWN]
    )
    now = {row.pk: items for row, items in active(patient, today=today)}
    cancelled = set(PrescriptionCancellation.objects.filter(patient=patient).values_list("prescription", flat=True))
    lines: list[dict[str, Any]] = [
        {
            "row": row,
            "url": reverse("admin:patients_prescription_change", args=[row.pk]),
            "title": prescription_pdf.titles()[row.kind] if row.kind else _("Draft"),
            "medicines": [item_line(item) for item in now.get(row.pk) or prescribing.items_of(row)],
            "cancelled": row.pk in cancelled,
        }
        for row in rows
    ]
    return {
        "drafts": [line for line in lines if line["row"].is_draft],
        "current": [line for line in lines if line["row"].pk in now],
        "past": [line for line in lines if not line["row"].is_draft and line["row"].pk not in now],
    }
