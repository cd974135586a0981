"""The page of a recall: everybody a lot was applied to, who was reached, letters and a list to call from."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from clinics.models import Clinic
from clinics.signals import record_event
from neonpro.vault.keys import Act
from patients import recall_pdf
from patients.forms.products import ContactForm
from patients.models import ProductLot
from patients.recalls import PAGE, RecallError, recall, record_contact

FILES = {"letters": recall_pdf.letters, "list": recall_pdf.call_list}


def answer(admin: Any, request: HttpRequest, lot: ProductLot) -> HttpResponse:
    """The page; with a POST of its buttons a file, or an attempt to reach somebody recorded.

    Args:
        admin: the lots' admin.
        request: of somebody who leads recalls.
        lot: a recalled lot.
    """
    refused = ""
    if request.method == "POST" and request.POST.get("file") in FILES:
        return _file(request, lot, request.POST["file"])
    if request.method == "POST":
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
        "block_url": _block_url(request),
        "back_url": reverse("admin:patients_productlot_change", args=[lot.pk]),
        "media": admin.media,
    }
    return TemplateResponse(
        request, "admin/patients/productlot/recalled.html", context, status=409 if refused else 200
    )  # fmt: skip


def _block_url(request: HttpRequest) -> str:
    """Where time to call is reserved in the schedule of the technical director; '' for who may not."""
    if not request.user.has_perm("patients.add_absence"):
        return ""
    director = Clinic.objects.values_list("technical_director", flat=True).get()
    chosen = {"kind": "meeting", **({"professional": str(director)} if director else {})}
    try:
        return f"{reverse('admin:patients_absence_add')}?{urlencode(chosen)}"
    except NoReverseMatch:
        # The schedule knows no absences yet.
        return ""


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
