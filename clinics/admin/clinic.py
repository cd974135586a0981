"""The clinic and its team."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers the groups that are taken out here
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from clinics import team
from clinics.adminbase import ClinicAdmin, ClinicForm, place_of
from clinics.models import TEAM_RULES, Clinic, Membership
from clinics.roles import Role

# Roles are memberships; and an account is its owner's, not a clinic's to list.
admin.site.unregister(Group)


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
