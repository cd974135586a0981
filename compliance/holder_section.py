"""What the team does for the page «Meus dados»: hand out a link, and confirm that an address is the patient's."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

from clinics.adminbase import place_of
from compliance import holder
from compliance.holder import HolderError
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from neonpro.vault.models import link
from patients.admin.patient_page import page_url
from patients.models import Patient

BORDER = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""


def answer(admin: Any, request: HttpRequest, patient: Patient) -> HttpResponse:
    """The page: a link is made by POST and shown once, in the answer itself.

    Args:
        admin: the patients' admin.
        request: of somebody who may hand out links.
        patient: fetched for this page, and nothing of it opened yet.
    """
    link([patient], ("identification", "contact"), Act.READ)
    made = ""
    act = request.POST.get("act", "") if request.method == "POST" else ""
    if act and not request.POST.get("seen"):
        messages.error(request, _("First see a document with a photograph, and tick that you did."))
    elif act == "link":
        token = holder.new_link(patient.pk)
        made = request.build_absolute_uri(reverse("holder:invitation", args=[place_of(request).id, token]))
    elif act == "contact":
        try:
            holder.confirm_contact(patient, "" if isinstance(patient.email, Withheld) else patient.email)
        except HolderError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("The e-mail is confirmed. Codes can be sent to it now."))
        return HttpResponseRedirect(request.path)
    request.current_app = admin.admin_site.name  # as Django's own admin does
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Access to “My data”"),
        "subtitle": admin.choice_label(patient),
        "opts": admin.opts,
        "object": patient,
        "email": patient.email,
        "confirmed": bool(holder.confirmed_contact(patient)),
        "link": made,
        "qr": qr_path(made) if made else None,
        "until": timezone.now() + holder.LINK_LASTS,
        "page_url": request.build_absolute_uri(reverse("holder:home", args=[place_of(request).id])),
        "back_url": page_url(patient.pk),
        "media": admin.media,
    }
    response = TemplateResponse(request, "admin/patients/patient/my_data.html", context)
    # The link is in it: no copy stays in the browser.
    response["Cache-Control"] = "no-store, private"
    return response


def qr_path(text: str) -> tuple[str, int]:
    """A QR code as the path of an SVG of squares, and how wide it is with its white border."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    size = code.getModuleCount()
    path = "".join(
        f"M{column + BORDER},{row + BORDER}h1v1h-1z"
        for row in range(size)
        for column in range(size)
        if code.isDark(row, column)
    )
    return path, size + 2 * BORDER
