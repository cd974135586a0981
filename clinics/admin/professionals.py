"""The professionals and their licences."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from clinics.adminbase import ClinicAdmin, ClinicForm, FormattedTextInput
from clinics.identifiers import clean_cpf, format_cpf
from clinics.licences import (
    MAY_ACT,
    LicenceError,
    Standing,
    Verification,
    explanation,
    latest_recheck,
    standing,
    to_check,
    verify,
)
from clinics.models import (
    LICENCE_RULES,
    Council,
    LicenceStatus,
    Professional,
    ProfessionalIdentity,
    VerificationMethod,
)

BY_STATE = frozenset({Council.CRM, Council.CRO, Council.COREN, Council.CRF})
"""Councils whose registrations belong to a state."""

BY_REGION = frozenset({Council.CRBM, Council.CREFITO, Council.CRN, Council.CRP})
"""Councils whose registrations belong to a numbered region. Of the others we know neither: either is taken."""


class ProfessionalForm(ClinicForm[Professional]):
    """A professional; each licence rule is said at the field it is about."""

    cpf = forms.CharField(
        label=gettext_lazy("CPF"),
        required=False,
        widget=FormattedTextInput(format_cpf),
        help_text=gettext_lazy(
            "Needed for signing: it has to be that of the certificate. Only managers and the person see it."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["cpf"] = self.instance.cpf

    def clean_cpf(self) -> str:
        """Eleven digits that add up and are no other professional's here."""
        cpf = clean_cpf(self.cleaned_data["cpf"])
        others = ProfessionalIdentity.objects.filter(cpf=cpf).exclude(professional=self.instance.pk)
        if cpf and others.exists():
            raise ValidationError(_("This clinic already has a professional with this CPF."))
        return cpf

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own, which its stubs leave out
        if "cpf" in self.cleaned_data and self.cleaned_data["cpf"] != self.initial.get("cpf", ""):
            self.instance.cpf = self.cleaned_data["cpf"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        council = data.get("council", "")
        if council in BY_STATE:
            data["council_region"] = None
        elif council in BY_REGION:
            data["council_uf"] = ""
        uf, region = data.get("council_uf"), data.get("council_region")
        if not council:
            for name in ("council_number", "council_uf", "council_region"):
                if data.get(name):
                    self.add_error(name, _("Choose the council, or leave this empty."))
        else:
            label = Council(council).label
            if not data.get("council_number") and "council_number" not in self.errors:
                self.add_error("council_number", _("Give the number of the %(council)s licence.") % {"council": label})
            if not uf and council in BY_STATE:
                self.add_error("council_uf", _("%(council)s is organised by state: choose it.") % {"council": label})
            elif not region and council in BY_REGION and "council_region" not in self.errors:
                self.add_error(
                    "council_region", _("%(council)s is organised by region: give its number.") % {"council": label}
                )
            elif not uf and not region and "council_region" not in self.errors:
                self.add_error("council_uf", _("Give the state or the region of the licence."))
            elif uf and region:
                self.add_error("council_region", _("Give the state or the region, not both."))
        return data


class VerificationForm(forms.Form):
    """What a council said of a licence."""

    status = forms.ChoiceField(
        label=gettext_lazy("The council says"),
        choices=[pair for pair in LicenceStatus.choices if pair[0] != LicenceStatus.UNVERIFIED],
        widget=UnfoldAdminSelectWidget,
    )
    method = forms.ChoiceField(
        label=gettext_lazy("How it was verified"),
        choices=VerificationMethod.choices,
        widget=UnfoldAdminSelectWidget,
    )
    evidence = forms.CharField(
        label=gettext_lazy("Evidence"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Where it can be seen again: address, protocol or number of the certificate."),
    )
    recheck_on = forms.DateField(
        label=gettext_lazy("Check again on"),
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text=gettext_lazy("Empty: the latest day that counts."),
    )
    valid_until = forms.DateField(
        label=gettext_lazy("Licence valid until"),
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text=gettext_lazy("Only where the council gave it for a time, as a provisional one."),
    )

    def __init__(self, *args: Any, professional: Professional, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if professional.status != LicenceStatus.UNVERIFIED:
            self.initial["status"] = professional.status

    def found(self) -> Verification:
        """What was typed, for `clinics.licences.verify`."""
        return Verification(**self.cleaned_data)


class ToCheckFilter(DropdownFilter):
    """Whose licence somebody has to ask the council about."""

    title = gettext_lazy("check with the council")
    parameter_name = "check"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("Now: not verified, or not any more")), ("soon", _("Now or soon"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Professional]) -> QuerySet[Professional]:
        if self.value() not in ("now", "soon"):
            return queryset
        due = to_check(on=timezone.localdate())
        return queryset.filter(pk__in=[one.pk for one, found in due if self.value() == "soon" or found != Standing.DUE])


_COUNCILS_BY = {
    name: sorted(str(council.value) for council in group)
    for name, group in (("state", BY_STATE), ("region", BY_REGION))
}


@admin.register(Professional)
class ProfessionalAdmin(ClinicAdmin):
    """Who cares for the patients."""

    form = ProfessionalForm
    list_display = ("full_name", "specialty", "licence_column", "status_badge", "active")
    list_filter = (("council", ChoicesDropdownFilter), ToCheckFilter, ("status", ChoicesDropdownFilter), "is_active")
    search_fields = ("full_name", "specialty", "council_number")
    search_help_text = gettext_lazy("Name, occupation or council number")
    ordering = ("-is_active", "full_name", "pk")
    empty_hint = gettext_lazy("Register the professionals: appointments are booked with them.")
    conditional_fields: ClassVar[dict[str, str]] = {
        "council_uf": f"!{_COUNCILS_BY['region']!r}.includes(council)",
        "council_region": f"!{_COUNCILS_BY['state']!r}.includes(council)",
    }
    actions_detail = ("verify",)
    refusals = {
        **LICENCE_RULES,
        "professional_identities_one_per_cpf": gettext_lazy("This clinic already has a professional with this CPF."),
    }
    readonly_fields = (
        "standing_text", "status", "verified_at", "verification_method", "verification_source", "verified_by",
        "recheck_on", "valid_until",
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Professional | None = None) -> Any:
        person = ["full_name", "specialty", "membership", "is_active"]
        if obj is None or self.has_change_permission(request) or obj.cpf:
            # Whoever may not see it finds nothing of it.
            person.insert(1, "cpf")
        sets = [
            (None, {"fields": person}),
            (
                _("Council licence"),
                {"fields": ("council", "council_number", "council_uf", "council_region", "council_category", "rqe")},
            ),
        ]
        if obj is not None and obj.council:
            shown = ["standing_text", "status"]
            shown += [
                name
                for name in (
                    "verified_at", "verified_by", "verification_method", "verification_source", "recheck_on",
                    "valid_until",
                )
                if getattr(obj, name)
            ]  # fmt: skip
            sets.append((_("Verification with the council"), {"fields": shown}))
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Professional | None = None) -> tuple[str, ...]:
        may_change = self.has_change_permission(request) if obj else self.has_add_permission(request)
        return self.readonly_fields if may_change else (*self.readonly_fields, "cpf")

    def has_verify_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may write down what a council said; only where there is a council to ask."""
        if not self.has_change_permission(request):
            return False
        professional = self.get_object(request, unquote(object_id)) if object_id else None
        return professional is None or bool(professional.council)

    @action(description=gettext_lazy("Verified now"), url_path="verify", permissions=["verify"])  # type: ignore[untyped-decorator]
    def verify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask what the council said of the licence, and write it down in this person's name."""
        professional = self.get_object(request, unquote(object_id))
        if professional is None:
            raise Http404
        today = timezone.localdate()
        form = VerificationForm(request.POST if request.method == "POST" else None, professional=professional)
        if form.is_bound and form.is_valid():
            try:
                verify(professional, form.found(), on=today)
            except LicenceError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("Written down: what the council says of this licence, by you, now."))
                return HttpResponseRedirect(reverse("admin:clinics_professional_change", args=[professional.pk]))
        return self.confirmation(
            request,
            professional,
            title=_("Licence verified with the council"),
            text=_(
                "Look %(licence)s up at the council, then write down what it says. It is kept with your name and this"
                " moment, and counts at most until %(day)s (a rule of this product, not of law)."
            )
            % {
                "licence": professional.licence,
                "day": date_format(latest_recheck(on=today), "SHORT_DATE_FORMAT"),
            },
            submit=_("Verified now"),
            form=form,
        )

    @display(description=gettext_lazy("may sign and prescribe"))  # type: ignore[untyped-decorator]
    def standing_text(self, professional: Professional) -> str:
        found = standing(professional, on=timezone.localdate())
        if found in MAY_ACT and professional.recheck_on:
            return _("Yes, until %(day)s") % {"day": date_format(professional.recheck_on, "SHORT_DATE_FORMAT")}
        return explanation(professional, found)

    @display(description=gettext_lazy("CPF"))  # type: ignore[untyped-decorator]
    def cpf(self, professional: Professional) -> str:
        return format_cpf(professional.cpf)

    @display(description=gettext_lazy("licence"))  # type: ignore[untyped-decorator]
    def licence_column(self, professional: Professional) -> str:
        return professional.licence

    @display(
        description=gettext_lazy("licence status"),
        label={
            Standing.VALID: "success", Standing.DUE: "warning", Standing.STALE: "danger", Standing.EXPIRED: "danger",
            Standing.NOT_ACTIVE: "danger", Standing.UNVERIFIED: "warning",
        },
    )  # type: ignore[untyped-decorator]  # fmt: skip
    def status_badge(self, professional: Professional) -> tuple[str, str]:
        found = standing(professional, on=timezone.localdate())
        words = {
            Standing.VALID: professional.get_status_display(),
            Standing.DUE: _("check again soon"),
            Standing.STALE: _("check again"),
            Standing.EXPIRED: _("expired"),
            Standing.NOT_ACTIVE: professional.get_status_display(),
            Standing.UNVERIFIED: _("not verified"),
        }
        return found, words.get(found, "")

    @display(description=gettext_lazy("active"), boolean=True)  # type: ignore[untyped-decorator]
    def active(self, professional: Professional) -> bool:
        return professional.is_active
