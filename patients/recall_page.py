"""The page of a recall: everybody a lot was applied to, who was reached, letters and a list to call from."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinics.models import Clinic
from clinics.signals import record_event
from neonpro.vault.keys import Act
from patients import recall_pdf
from patients.absences import AbsenceError, VisitsInTheWay, block_for_recall, blocks_of, in_the_way, proposal, unblock
from patients.forms.absences import BlockForm, seal
from patients.forms.products import ContactForm
from patients.models import ProductLot
from patients.recalls import PAGE, RecallError, recall, record_contact

FILES = {"letters": recall_pdf.letters, "list": recall_pdf.call_list}

VISITS = 12
"""Visits in the way that are named one by one."""


def answer(admin: Any, request: HttpRequest, lot: ProductLot) -> HttpResponse:
    """The page; with a POST of its buttons a file, an attempt to reach somebody recorded, or time blocked for it.

    Args:
        admin: the lots' admin.
        request: of somebody who leads recalls.
        lot: a recalled lot.
    """
    refused = ""
    if request.method == "POST" and request.POST.get("file") in FILES:
        return _file(request, lot, request.POST["file"])
    block = _blocked(request, lot)
    if isinstance(block, HttpResponse):
        return block
    if request.method == "POST" and block is None:
        form = ContactForm(request.POST)
        if form.is_valid():
            data = form.cleaned_data
            try:
                record_contact(lot.pk, data["patient"], outcome=data["outcome"], note=data["note"])
            except RecallError as error:
                refused = str(error)
            else:
                messages.success(request, _("The contact was recorded."))
                return HttpResponseRedirect(request.get_full_path())
        elif "outcome" in form.errors:
            refused = _("Choose the outcome")
        else:
            refused = _("This could not be recorded. Reload the page.")
    asked = request.GET.get("page", "1")
    page = max(1, int(asked)) if asked.isdecimal() and len(asked) < 6 else 1
    found = recall(lot.pk, skip=(page - 1) * PAGE)
    request.current_app = admin.admin_site.name  # as Django's own admin does
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("Recall"),
        "subtitle": admin.choice_label(lot),
        "lot": lot,
        "found": found,
        "refused": refused,
        "forms": [(called, ContactForm(initial={"patient": called.patient.pk})) for called in found.people],
        "left": found.patients - found.reached,
        "earlier": page - 1 if page > 1 else None,
        "later": page + 1 if page * PAGE < found.patients else None,
        **_time(request, lot, block, calls=found.patients - found.reached),
        "back_url": reverse("admin:patients_productlot_change", args=[lot.pk]),
        "media": admin.media,
    }
    return TemplateResponse(
        request, "admin/patients/productlot/recalled.html", context,
        status=409 if refused or context["block_refused"] else 200,
    )  # fmt: skip


def _blocked(request: HttpRequest, lot: ProductLot) -> HttpResponse | BlockForm | None:
    """Time blocked or given back: the way back to the page, or the form with why not; None where it is not about that.

    Raises:
        PermissionDenied: it is not for this person's role.
    """
    if request.method != "POST" or not {"block", "unblock"} & set(request.POST):
        return None
    wanted = "add" if "block" in request.POST else "delete"
    if not request.user.has_perm(f"patients.{wanted}_absence"):
        raise PermissionDenied
    form = BlockForm(request.POST)
    # A fragment of its own, or the browser keeps that of the form, and what is said on top goes unseen.
    back = HttpResponseRedirect(f"{request.path}#content")
    if wanted == "delete":
        try:
            unblock(lot.pk, UUID(request.POST["unblock"]))
        except (AbsenceError, ValueError) as error:
            text = str(error) if isinstance(error, AbsenceError) else _("This could not be recorded. Reload the page.")
            messages.error(request, text)
        else:
            messages.success(request, _("The time is free again in the schedule."))
        return back
    if not form.is_valid():
        return form
    wanted_time = {
        "professional": form.professional, "starts_at": form.cleaned_data["starts_at"],
        "ends_at": form.cleaned_data["ends_at"],
    }  # fmt: skip
    visits = in_the_way(**wanted_time)
    try:
        block_for_recall(lot.pk, **wanted_time, seen=[one.id for one in visits] if form.has_seen(visits) else ())
    except AbsenceError as error:
        form.add_error(None, str(error))
        if isinstance(error, VisitsInTheWay):
            form.in_the_way = error.visits
        return form
    messages.success(request, _("The time is blocked in the schedule."))
    return back


def _time(request: HttpRequest, lot: ProductLot, block: BlockForm | None, *, calls: int) -> dict[str, Any]:
    """What the page says of time in the schedule: what is blocked, and to who may, the form to block more."""
    blocks = [
        {
            "absence": one.absence,
            "who": one.absence.professional or _("The whole clinic"),
            "visits": ngettext(
                "%(count)d visit to move", "%(count)d visits to move", one.visits
            ) % {"count": one.visits} if one.visits else "",
            "day_url": f"{reverse('admin:patients_appointment_day')}"
            f"?day={timezone.localdate(one.absence.starts_at)}",
            "may_undo": not one.is_over and request.user.has_perm("patients.delete_absence"),
        }
        for one in blocks_of(lot.pk)
    ] if request.user.has_perm("patients.view_absence") else []  # fmt: skip
    context: dict[str, Any] = {"blocks": blocks, "block_form": None, "block_refused": False}
    if not request.user.has_perm("patients.add_absence"):
        return context
    if block is None:
        director = Clinic.objects.values_list("technical_director", flat=True).get()
        starts, ends = proposal(director, calls=calls, now=timezone.now())
        first = {"who": str(director) if director else "", "starts_at": starts, "ends_at": ends}
        return context | {"block_form": BlockForm(initial=first)}
    visits = block.in_the_way
    context |= {
        "block_form": block, "block_refused": not visits, "in_the_way": visits[:VISITS],
        "in_the_way_more": max(0, len(visits) - VISITS),
    }  # fmt: skip
    return context | {"seen": seal(visits) if visits else ""}


def _file(request: HttpRequest, lot: ProductLot, kind: str) -> HttpResponse:
    """Letters to everybody who was not reached yet, or the list of whom to call."""
    everybody = recall(lot.pk, take=None, act=Act.EXPORT)
    if kind == "letters":
        waiting = tuple(called for called in everybody.people if called.reached_at is None)
        everybody = type(everybody)(waiting, everybody.patients, everybody.reached, 0)
    record_event("PRINT", detail={"recall": str(lot.pk), "file": kind, "patients": len(everybody.people)})
    clinic = Clinic.objects.select_related("technical_director").get()
    content = FILES[kind](everybody, lot, clinic, today=timezone.localdate())
    response = HttpResponse(content, content_type="application/pdf")
    name = {"letters": _("recall-letters"), "list": _("recall-list")}[kind]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response
