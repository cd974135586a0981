"""The clinic, its team, its professionals and its services."""

import re
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers the groups that are taken out here
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from clinics import team
from clinics.adminbase import ClinicAdmin, ClinicForm, place_of
from clinics.models import TEAM_RULES, Clinic, Council, Membership, Professional, Service
from clinics.roles import Role

# Roles are memberships; and an account is its owner's, not a clinic's to list.
admin.site.unregister(Group)

BY_STATE = frozenset({Council.CRM, Council.CRO, Council.COREN, Council.CRF})
"""Councils whose registrations belong to a state."""

BY_REGION = frozenset({Council.CRBM, Council.CREFITO, Council.CRN, Council.CRP})
"""Councils whose registrations belong to a numbered region. Of the others we know neither: either is taken."""


def format_reais(cents: int | None) -> str:
    """R$ 1.250,00; '' for no price."""
    return "" if cents is None else f"R$ {formats.number_format(Decimal(cents) / 100, 2)}"


class ReaisField(forms.DecimalField):
    """A price as people write it: 250, 250,00, R$ 1.250,00."""

    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_digits=10, decimal_places=2, localize=True, **options)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        return super().to_python(re.sub(r"^\s*R\$\s*", "", value) if isinstance(value, str) else value)


@admin.register(Clinic)
class ClinicPageAdmin(ClinicAdmin):
    """The clinic itself: one page, no list."""

    fieldsets = (
        (gettext_lazy("Identification"), {"fields": ("trade_name", "legal_name", "cnpj", "cnes", "kind")}),
        (
            gettext_lazy("Sanitary surveillance"),
            {
                "fields": (
                    "licence_number", "licence_authority", "licence_issued_on", "licence_expires_on",
                    "technical_director",
                )
            },
        ),
        (
            gettext_lazy("Data protection officer"),
            {"fields": ("dpo_name", "dpo_email", "dpo_substitute", "anpd_small_agent", "anpd_small_agent_reason")},
        ),
        (gettext_lazy("Contact"), {"fields": ("phone", "email", "street", "city", "uf", "cep")}),
        (gettext_lazy("Time zone"), {"fields": ("time_zone",)}),
    )  # fmt: skip

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Straight to the page: a person works in one clinic at a time."""
        return HttpResponseRedirect(reverse("admin:clinics_clinic_change", args=[place_of(request).id]))


class InvitationForm(ClinicForm[Membership]):
    """Whom to take into the team."""

    def clean_email(self) -> str:
        """The address in lower case; an error that says what to do when the person is or was in the team."""
        email: str = self.cleaned_data["email"].strip().lower()
        member = Membership.objects.filter(email=email).first()
        if member is not None and member.is_active:
            raise ValidationError(_("This person is already in the team."))
        if member is not None:
            raise ValidationError(_("This person was in the team: open that record in the list and give access again."))
        return email


@admin.register(Membership)
class MembershipAdmin(ClinicAdmin):
    """The team: who works here, and as what."""

    list_display = ("display_name", "email", "role_badge", "access")
    list_filter = (("role", ChoicesDropdownFilter), "is_active")
    search_fields = ("display_name", "email")
    search_help_text = gettext_lazy("Name or e-mail")
    ordering = ("-is_active", "display_name", "pk")
    empty_hint = gettext_lazy("Invite the people who work here.")
    refusals = TEAM_RULES
    actions_detail = ("send_again",)
    add_fieldsets = (
        (
            None,
            {
                "fields": ("display_name", "email", "role"),
                "description": gettext_lazy("The person gets a message with a link to set a password and sign in."),
            },
        ),
    )
    fieldsets = (
        (None, {"fields": ("display_name", "email", "role")}),
        (
            gettext_lazy("Access"),
            {
                "fields": ("is_active",),
                "description": gettext_lazy(
                    "Without access the person stays in the records of what was done here, and cannot enter any more."
                ),
            },
        ),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = InvitationForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        # The address is the account's, and the account is not the clinic's. Nobody changes their own role.
        return ("email", "role", "is_active") if obj.user_id == request.user.pk else ("email",)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        invitation = team.invite(name=obj.display_name, email=obj.email, role=obj.role)
        obj.pk = invitation.membership.pk
        team.send_invitation(invitation, clinic=place_of(request).name, absolute=request.build_absolute_uri)

    @action(description=gettext_lazy("Send the invitation again"), url_path="send-again", permissions=["change"])  # type: ignore[untyped-decorator]
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write to a member once more, with a new link to set a password."""
        member = self.get_object(request, unquote(object_id))
        if member is None:
            raise Http404
        if request.method == "POST":
            invitation = team.Invitation(member, team.password_path(member.user_id))
            team.send_invitation(invitation, clinic=place_of(request).name, absolute=request.build_absolute_uri)
            messages.success(request, _("The message is on its way."))
            return HttpResponseRedirect(reverse("admin:clinics_membership_change", args=[member.pk]))
        return self.confirmation(
            request,
            member,
            title=_("Send the invitation again"),
            text=_("%(name)s gets a new message at %(email)s with a link to set a password.")
            % {"name": member.display_name, "email": member.email},
            submit=_("Send"),
        )

    @display(
        description=gettext_lazy("role"),
        label={Role.MANAGER: "primary", Role.DPO: "info", Role.AUDITOR: "warning"},
    )  # type: ignore[untyped-decorator]
    def role_badge(self, member: Membership) -> tuple[str, str]:
        return member.role, member.get_role_display()

    @display(description=gettext_lazy("access"), label={True: "success", False: "danger"})  # type: ignore[untyped-decorator]
    def access(self, member: Membership) -> tuple[bool, str]:
        return member.is_active, _("Active") if member.is_active else _("Ended")


class ProfessionalForm(ClinicForm[Professional]):
    """A professional; each licence rule is said at the field it is about."""

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
        if (
            data.get("status", "unverified") != "unverified"
            and not data.get("verified_at")
            and "verified_at" not in self.errors
        ):
            self.add_error("verified_at", _("Say when the council confirmed this status."))
        return data


_COUNCILS_BY = {
    name: sorted(str(council.value) for council in group)
    for name, group in (("state", BY_STATE), ("region", BY_REGION))
}


@admin.register(Professional)
class ProfessionalAdmin(ClinicAdmin):
    """Who cares for the patients."""

    form = ProfessionalForm
    list_display = ("full_name", "specialty", "licence_column", "status_badge", "active")
    list_filter = (("council", ChoicesDropdownFilter), ("status", ChoicesDropdownFilter), "is_active")
    search_fields = ("full_name", "specialty", "council_number")
    search_help_text = gettext_lazy("Name, occupation or council number")
    ordering = ("-is_active", "full_name", "pk")
    empty_hint = gettext_lazy("Register the professionals: appointments are booked with them.")
    conditional_fields: ClassVar[dict[str, str]] = {
        "council_uf": f"!{_COUNCILS_BY['region']!r}.includes(council)",
        "council_region": f"!{_COUNCILS_BY['state']!r}.includes(council)",
    }
    fieldsets = (
        (None, {"fields": ("full_name", "specialty", "membership", "is_active")}),
        (
            gettext_lazy("Council licence"),
            {"fields": ("council", "council_number", "council_uf", "council_region", "council_category", "rqe")},
        ),
        (
            gettext_lazy("Verification with the council"),
            {"fields": ("status", "verified_at", "verification_source", "recheck_on")},
        ),
    )

    @display(description=gettext_lazy("licence"))  # type: ignore[untyped-decorator]
    def licence_column(self, professional: Professional) -> str:
        return professional.licence

    @display(
        description=gettext_lazy("licence status"),
        label={
            "active": "success", "provisional": "warning", "suspended": "danger", "cancelled": "danger",
            "transferred": "warning", "deceased": "danger",
        },
    )  # type: ignore[untyped-decorator]  # fmt: skip
    def status_badge(self, professional: Professional) -> tuple[str, str]:
        return professional.status, professional.get_status_display() if professional.council else ""

    @display(description=gettext_lazy("active"), boolean=True)  # type: ignore[untyped-decorator]
    def active(self, professional: Professional) -> bool:
        return professional.is_active


class ServiceForm(ClinicForm[Service]):
    """A service, with its price in reais; the table keeps cents."""

    price = ReaisField(
        label=gettext_lazy("Price (R$)"),
        required=False,
        help_text=gettext_lazy("For example 250,00. Empty: to be agreed."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cents = self.instance.price_cents
        if cents is not None:
            self.initial["price"] = Decimal(cents) / 100

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "price" in data:
            self.instance.price_cents = None if data["price"] is None else int(data["price"] * 100)
        return data


@admin.register(Service)
class ServiceAdmin(ClinicAdmin):
    """What the clinic offers."""

    form = ServiceForm
    list_display = ("name", "category", "duration", "price", "tuss_code", "is_active")
    list_filter = (("category", ChoicesDropdownFilter), "is_active")
    search_fields = ("name", "tuss_code")
    search_help_text = gettext_lazy("Name or TUSS code")
    ordering = ("-is_active", "name", "pk")
    empty_hint = gettext_lazy("Register the services with their duration: booking fills it in.")
    fieldsets = (
        (None, {"fields": ("name", "category", "duration_minutes", "price", "is_active")}),
        (gettext_lazy("Health insurance"), {"fields": ("tuss_code",)}),
    )

    @display(description=gettext_lazy("duration"))  # type: ignore[untyped-decorator]
    def duration(self, service: Service) -> str:
        return ngettext("%(n)s minute", "%(n)s minutes", service.duration_minutes) % {"n": service.duration_minutes}

    @display(description=gettext_lazy("price"))  # type: ignore[untyped-decorator]
    def price(self, service: Service) -> str:
        return format_reais(service.price_cents)
