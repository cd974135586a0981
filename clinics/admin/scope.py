"""Who may perform what: the matrix on one page, and the technical director's sign-offs."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from clinics.adminbase import ClinicAdmin, ClinicForm
from clinics.models import SIGN_OFF_RULES, Council, ProcedureClass, Professional, ScopeLevel, ScopeRule, ScopeSignOff
from clinics.scope import (
    ROWS,
    Cell,
    ScopeError,
    decide,
    end_sign_off,
    is_director,
    latest_end,
    matrix,
    sign_off,
    start_matrix,
    suggestion,
)


def council_name(council: str) -> str:
    """How the matrix names a row."""
    return str(Council(council).label) if council else _("without council")


@admin.register(ScopeRule)
class ScopeRuleAdmin(ClinicAdmin):
    """The matrix: its list is the matrix itself."""

    fields = ("procedure_class", "council", "level", "limits")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The matrix as a table, to read for the team and to write for the manager."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        may_change = self.has_change_permission(request)
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            return self._write(request)
        today = timezone.localdate()
        decided = matrix()
        here = set(Professional.objects.filter(is_active=True).values_list("council", flat=True))
        # First those who work here, then what else was decided; the rest can be opened.
        first = [row for row in ROWS if row in here]
        rest = [row for row in ROWS if row not in here]
        signed = ScopeSignOff.objects.filter(ended_at=None, until__gte=today).select_related("professional", "director")
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Scope of practice"),
            "opts": self.opts,
            "classes": [{"value": item.value, "label": item.label} for item in ProcedureClass],
            "levels": [("", _("not decided")), *ScopeLevel.choices],
            "first": [self._row(council, decided) for council in first],
            "rest": [self._row(council, decided) for council in rest],
            "empty": not decided,
            "suggests": not suggestion(on=today).keys() <= decided.keys(),
            "may_change": may_change,
            "signed": signed,
            "is_director": is_director(request.user.pk),
            "may_end": may_change or is_director(request.user.pk),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/clinics/scoperule/matrix.html", context)

    def _row(self, council: str, decided: dict[tuple[str, str], Cell]) -> dict[str, Any]:
        cells = [decided.get((item.value, council), Cell(item.value, council)) for item in ProcedureClass]
        return {
            "council": council or "none",
            "name": council_name(council),
            "cells": [
                {
                    "cell": cell,
                    "level": ScopeLevel(cell.level).label if cell.level else _("not decided"),
                    "class_name": ProcedureClass(cell.procedure_class).label,
                    "name": f"{cell.procedure_class}.{council or 'none'}",
                }
                for cell in cells
            ],
        }

    def _write(self, request: HttpRequest) -> HttpResponse:
        if "start" in request.POST:
            count = start_matrix(on=timezone.localdate())
            messages.success(
                request,
                ngettext(
                    "%(count)d empty cell was filled with our suggestion. Review it: it is your clinic's decision.",
                    "%(count)d empty cells were filled with our suggestion. Review them: they are your clinic's"
                    " decision.",
                    count,
                )
                % {"count": count},
            )
            return HttpResponseRedirect(request.path)
        changes = {}
        for item in ProcedureClass:
            for council in ROWS:
                name = f"{item.value}.{council or 'none'}"
                if name in request.POST:
                    limits = request.POST.get(f"{name}.limits", "").replace("\x00", "").strip()[:120]
                    changes[item.value, council] = (request.POST[name], limits)
        try:
            count = decide(changes)
        except ScopeError as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request,
                ngettext("%(count)d cell was changed.", "%(count)d cells were changed.", count) % {"count": count}
                if count
                else _("Nothing was changed."),
            )
        return HttpResponseRedirect(request.path)


class SignOffForm(ClinicForm[ScopeSignOff]):
    """The director's sign-off; what is wrong is said at its field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "until" in self.fields:
            last = latest_end(on=timezone.localdate())
            self.fields["until"].help_text = _("At most until %(day)s.") % {
                "day": date_format(last, "SHORT_DATE_FORMAT")
            }

    def save_signed(self) -> ScopeSignOff:
        """Sign off, by the workflow. Raises `ScopeError`."""
        data = self.cleaned_data
        return sign_off(
            professional=data["professional"],
            procedure_class=data["procedure_class"],
            reason=data["reason"],
            until=data["until"],
            on=timezone.localdate(),
        )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and self.instance._state.adding:
            try:
                self.signed = self.save_signed()
            except ScopeError as error:
                raise forms.ValidationError(str(error)) from error
        return data


@admin.register(ScopeSignOff)
class ScopeSignOffAdmin(ClinicAdmin):
    """The technical director's sign-offs: given by the director alone, ended, never changed."""

    form = SignOffForm
    list_display = ("professional_column", "class_column", "director_column", "until", "state")
    list_filter = (("procedure_class", ChoicesDropdownFilter),)
    ordering = ("-signed_at", "pk")
    fields = ("professional", "procedure_class", "reason", "until")
    empty_hint = gettext_lazy("The technical director signs off disputed procedures here.")
    refusals = SIGN_OFF_RULES
    actions_detail = ("end",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("professional", "director")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        # The menu asks for permissions on every page, and the database is not asked there who the director is.
        may_add = self.has_add_permission(request) and is_director(request.user.pk)
        return super().changelist_view(request, {"has_add_permission": may_add, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form, for the technical director alone: others are led back and told why."""
        if self.has_add_permission(request) and not is_director(request.user.pk):
            messages.error(request, str(SIGN_OFF_RULES["scope_signoffs_director_only"]))
            return HttpResponseRedirect(reverse("admin:clinics_scoperule_changelist"))
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A sign-off ends, by its own page; it does not change.
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is None else (*self.fields, "director", "signed_at", "ended_at")

    def has_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may end this sign-off now."""
        may = super().has_change_permission(request) and (
            request.user.has_perm("clinics.change_scoperule") or is_director(request.user.pk)
        )
        found = self.get_object(request, unquote(object_id)) if may and object_id else None
        return may and (found is None or found.ended_at is None)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # The workflow has saved it, as it validated.
        obj.pk = form.signed.pk

    @action(description=gettext_lazy("End the sign-off"), url_path="end", permissions=["end"])  # type: ignore[untyped-decorator]
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end it from now on."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if request.method == "POST":
            try:
                end_sign_off(found.pk)
            except ScopeError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("The sign-off has ended. Care that began under it stays as it is."))
            return HttpResponseRedirect(reverse("admin:clinics_scoperule_changelist"))
        return self.confirmation(
            request,
            found,
            title=_("End the sign-off"),
            text=_("From now on this professional does not begin this procedure any more."),
            submit=_("End the sign-off"),
            kind="np-danger",
        )

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def professional_column(self, found: ScopeSignOff) -> str:
        return str(found.professional)

    @display(description=gettext_lazy("procedure class"))  # type: ignore[untyped-decorator]
    def class_column(self, found: ScopeSignOff) -> str:
        return found.get_procedure_class_display()

    @display(description=gettext_lazy("technical director"))  # type: ignore[untyped-decorator]
    def director_column(self, found: ScopeSignOff) -> str:
        return str(found.director)

    @display(description=gettext_lazy("status"), label={"holds": "success", "ended": "danger"})  # type: ignore[untyped-decorator]
    def state(self, found: ScopeSignOff) -> tuple[str, str]:
        if found.ended_at is not None or found.until < timezone.localdate():
            return "ended", pgettext("sign-off", "ended")
        return "holds", pgettext("sign-off", "holds")
