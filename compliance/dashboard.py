"""What the first page shows the encarregado besides what it shows everybody: the requests that wait."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext

from clinics.middleware import ClinicRequest
from compliance import requests
from patients import dashboard


def fill(request: ClinicRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: the floor below fills the page, and this adds its figure for who may see it."""
    context = dashboard.fill(request, context)
    if request.user.has_perm("compliance.view_datarequest"):
        waiting, over = requests.waiting()
        figure = dashboard.Figure(
            gettext_lazy("Requests of holders, open"), waiting, "contact_mail",
            reverse("admin:compliance_datarequest_changelist"),
            ngettext("%(n)d overdue", "%(n)d overdue", over) % {"n": over} if over else "",
        )  # fmt: skip
        context["figures"] = [figure, *context.get("figures", [])]
    return context
