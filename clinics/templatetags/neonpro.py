"""What the admin's templates ask of the clinic context and of the lists."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.template import Context, Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clinics.base import current_clinic
from clinics.listing import Table
from clinics.middleware import FORM_FIELD, ClinicRequest, Place
from clinics.roles import Role
from clinics.withheld import shown

register = Library()


@register.simple_tag
def clinic_field_name() -> str:
    """The name of the hidden field that `clinics.middleware` checks."""
    return FORM_FIELD


@register.simple_tag
def clinic_field() -> SafeString | str:
    """The hidden field for every form that posts: a form opened in one clinic cannot be sent into another."""
    clinic = current_clinic()
    return format_html('<input type="hidden" name="{}" value="{}">', FORM_FIELD, clinic) if clinic else ""


@register.filter
def personal(value: Any) -> Any:
    """A personal value, set apart where something stands in its place (`clinics.withheld`)."""
    return shown(value)


@register.filter
def role_label(role: str) -> str:
    """A role's name for people."""
    return str(Role(role).label)


@register.inclusion_tag("admin/result_table.html", takes_context=True)
def result_table(context: Context, changes: ChangeList) -> dict[str, Any]:
    """A change list's table (`clinics.listing`)."""
    return {
        "cl": changes,
        "table": Table(changes),
        "actions_row": context.get("actions_row"),
        "has_add_permission": context.get("has_add_permission"),
        "request": context["request"],
    }


@dataclass(frozen=True, slots=True)
class RefusedForm:
    """A form that was sent while another clinic was open than the one it was opened in."""

    place: Place | None
    """Its clinic, if the user still works there."""
    fields: list[tuple[str, str]]
    complete: bool
    """Whether `fields` is all there was, so that it can be sent again; a file cannot."""


@register.simple_tag(takes_context=True)
def refused_form(context: Context) -> RefusedForm:
    """The form that `clinics.middleware` refused, for the page that says so."""
    request: ClinicRequest = context["request"]
    clinic = request.POST[FORM_FIELD]
    return RefusedForm(
        place=next((place for place in request.clinics if str(place.id) == clinic), None),
        fields=[
            (name, str(value))
            for name, values in request.POST.lists()
            if name not in (FORM_FIELD, "csrfmiddlewaretoken")
            for value in values
        ],
        complete=not request.FILES,
    )
