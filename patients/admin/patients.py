"""The patients' pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from guardian.admin import GuardedModelAdminMixin
from guardian.utils import get_user_obj_perms_model
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from clinics import withheld
from clinics.adminbase import ClinicAdmin, place_of
from clinics.identifiers import format_phone
from clinics.models import Membership, User
from clinics.roles import Role
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Status
from patients import accesses_page
from patients.admin.patient_page import PatientPageViews, page_url
from patients.admin.patient_products import PatientProducts
from patients.admin.patient_records import PatientRecords
from patients.admin.prescriptions import PatientPrescriptions
from patients.admin.search import PatientSearch
from patients.forms.grants import PERMISSIONS, GrantForm, MemberForm
from patients.forms.patients import PatientForm
from patients.models import Patient
from patients.page import age_on
from patients.search import SORTED, Found, alphabetical

MAY_READ_LOG = "compliance.view_auditlog"
"""The permission to read the audit log."""

MAY_GRANT = "compliance.add_resourcepermission"
"""The permission to open single records to a colleague."""


class RegisteredFilter(DropdownFilter):
    """Since when a patient is registered."""

    title = gettext_lazy("registration")
    parameter_name = "registered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Today")), ("7", _("Last 7 days")), ("30", _("Last 30 days")), ("365", _("Last 12 months"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Patient]) -> QuerySet[Patient]:
        days = dict(self.lookup_choices).keys() & {self.value()}
        if not days:
            return queryset
        first = timezone.localdate() - timedelta(days=int(days.pop()) - 1)
        return queryset.filter(created_at__gte=timezone.make_aware(datetime.combine(first, datetime.min.time())))


class RestrictedFilter(DropdownFilter):
    """Whose data are closed to all but the DPO; for the DPO."""

    title = gettext_lazy("access")
    parameter_name = "restricted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Restricted")), ("0", _("Not restricted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Patient]) -> QuerySet[Patient]:
        chosen = self.value()
        return queryset.filter(restricted_at__isnull=chosen == "0") if chosen in ("0", "1") else queryset


@admin.register(Patient)
class PatientAdmin(
    PatientPageViews,
    PatientPrescriptions,
    PatientRecords,
    PatientProducts,
    PatientSearch,
    GuardedModelAdminMixin,
    ClinicAdmin,
):
    """The clinic's patients, newest first: names cannot be sorted, and search finds them."""

    form = PatientForm
    list_display = ("name_column", "record_column", "born_column", "phone_column", "registered_column")
    list_filter = (RegisteredFilter,)
    list_filter_submit = True
    # Django wants a field here to show the box; `get_search_results` is what searches.
    search_fields = ("id",)
    search_help_text = gettext_lazy("Name, CPF, CNS, phone, e-mail or record number")
    ordering = ("-created_at", "pk")
    lists = ("identification", "contact")
    names = ("identification",)
    opens = ("identification", "contact")
    SEARCHED = "pk"
    refusals: ClassVar[dict[str, Any]] = {
        "patients_one_per_cpf": gettext_lazy("This clinic already has a patient with this CPF.")
    }
    empty_hint = gettext_lazy("Register the first patient, or import an agenda with “manage.py import_appointments”.")
    actions_detail = (
        "records",
        "prescriptions",
        "alerts",
        "apply",
        "products",
        "care",
        "book",
        "accesses",
        "restrict",
        "lift",
    )
    fieldsets = (
        (
            gettext_lazy("Identification"),
            {"fields": ("name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex")},
        ),
        (gettext_lazy("Contact"), {"fields": ("phone", "other_phone", "email", "no_reminders")}),
        (gettext_lazy("Documents"), {"fields": ("cpf", "cns", "passport")}),
        (gettext_lazy("Birthplace"), {"fields": ("birthplace_city", "birthplace_uf")}),
        (gettext_lazy("Address"), {"fields": ("street", "district", "city", "uf", "cep")}),
    )
    change_form_template = "admin/patients/patient/change_form.html"
    obj_perms_manage_template = "admin/patients/patient/permissions.html"

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        return [RegisteredFilter, RestrictedFilter] if is_dpo(request) else [RegisteredFilter]

    def in_found_order(self, request: HttpRequest, rows: QuerySet[Patient]) -> Sequence[Patient] | None:
        found: Found | None = getattr(request, "found", None)
        if found is None:
            return None
        if len(found) <= SORTED:
            # Only opened names can be sorted.
            return alphabetical(rows)
        return InGivenOrder(rows, found)

    def choice_label(self, record: Patient) -> str:
        return " · ".join(part for part in (record.display_name, str(record), born_on(record)) if part)

    def closed(self, request: HttpRequest, record: Patient) -> list[str]:
        if record.restricted_at and is_dpo(request):
            return [
                _(
                    "Access to the personal data of this patient has been restricted since %(since)s:"
                    " you alone see them, until you lift the restriction."
                )
                % {"since": date_format(timezone.localtime(record.restricted_at), "SHORT_DATETIME_FORMAT")},
                *super().closed(request, record),
            ]
        if record.restricted_at:
            # Also where nothing was filled in that could be closed.
            return [withheld.explanation(Status.RESTRICTED)]
        return super().closed(request, record)

    @display(description=gettext_lazy("name"))  # type: ignore[untyped-decorator]
    def name_column(self, patient: Patient) -> str:
        return patient.display_name

    @display(description=gettext_lazy("record number"))  # type: ignore[untyped-decorator]
    def record_column(self, patient: Patient) -> str:
        return str(patient)

    @display(description=gettext_lazy("age"))  # type: ignore[untyped-decorator]
    def born_column(self, patient: Patient) -> str:
        today = timezone.localdate()
        if isinstance(patient.birth_date, Withheld):
            return patient.birth_date
        if patient.birth_date:
            years = age_on(patient.birth_date, today)
            return ngettext("%(years)s year (%(born)s)", "%(years)s years (%(born)s)", years) % {
                "years": years,
                "born": date_format(patient.birth_date, "SHORT_DATE_FORMAT"),
            }
        if patient.birth_year:
            years = today.year - patient.birth_year
            return ngettext("about %(years)s year (%(born)s)", "about %(years)s years (%(born)s)", years) % {
                "years": years,
                "born": patient.birth_year,
            }
        return ""

    @display(description=gettext_lazy("phone"))  # type: ignore[untyped-decorator]
    def phone_column(self, patient: Patient) -> str:
        return format_phone(patient.phone)

    @display(description=gettext_lazy("registered on"))  # type: ignore[untyped-decorator]
    def registered_column(self, patient: Patient) -> str:
        return date_format(timezone.localtime(patient.created_at), "SHORT_DATE_FORMAT")

    def has_book_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may book appointments."""
        return bool(request.user.has_perm("patients.add_appointment"))

    @action(description=gettext_lazy("Book an appointment"), url_path="book", permissions=["book"])  # type: ignore[untyped-decorator]
    def book(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the form of a new appointment, with this patient in it."""
        patient = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        return HttpResponseRedirect(f"{reverse('admin:patients_appointment_add')}?patient={patient.pk}")

    # --- closing a patient's data, and opening them again -----------------------------------------------------------

    def has_restrict_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may close this patient's data now: the button is there only then."""
        return self._may_restrict(request, object_id, closed=False)

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may open this patient's data again now."""
        return self._may_restrict(request, object_id, closed=True)

    def _may_restrict(self, request: HttpRequest, object_id: str | None, *, closed: bool) -> bool:
        if not is_dpo(request):
            return False
        patient = self.get_object(request, unquote(object_id)) if object_id else None
        return patient is None or bool(patient.restricted_at) is closed

    @action(
        description=gettext_lazy("Restrict access"),
        url_path="restrict",
        permissions=["restrict"],
        variant=ActionVariant.DANGER,
    )  # type: ignore[untyped-decorator]
    def restrict(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then close a patient's data to everybody but the DPO (LGPD art. 18, IV)."""
        return self._restriction(
            request,
            object_id,
            since=timezone.now(),
            title=_("Restrict access"),
            text=_(
                "Nobody but the data protection officer will see the personal data of this patient, and no search will"
                " find them. Nothing is deleted; appointments stay and can still be booked. You can lift the"
                " restriction at any time. The audit log keeps who did so, and when."
            ),
            done=_("Access to the personal data of this patient is restricted."),
            kind="np-danger",
        )

    @action(description=gettext_lazy("Lift the restriction"), url_path="lift", permissions=["lift"])  # type: ignore[untyped-decorator]
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then open a patient's data again to the roles that have them."""
        return self._restriction(
            request,
            object_id,
            since=None,
            title=_("Lift the restriction"),
            text=_(
                "The team will see the personal data of this patient again, each role what it always sees, and searches"
                " will find them. The audit log keeps who did so, and when."
            ),
            done=_("The restriction was lifted."),
            kind="np-primary",
        )

    def _restriction(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        since: datetime | None,
        title: str,
        text: str,
        done: str,
        kind: str,
    ) -> HttpResponse:
        patient = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        if request.method == "POST":
            patient.restricted_at = since
            patient.save(update_fields=["restricted_at"])
            messages.success(request, done)
            return HttpResponseRedirect(page_url(patient.pk))
        return self.confirmation(request, patient, title=title, text=text, submit=title, kind=kind)

    def has_accesses_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may read the audit log and know patients by name: the manager and the DPO."""
        return bool(request.user.has_perm(MAY_READ_LOG) and self.has_view_permission(request))

    @action(description=gettext_lazy("Who accessed"), url_path="accesses", permissions=["accesses"])  # type: ignore[untyped-decorator]
    def accesses(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Who opened, listed or changed this patient's data; by POST, a copy of it for the patient."""
        patient = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        return accesses_page.answer(self, request, patient)

    # --- permissions on one patient: guardian's pages, with the clinic's team in place of all accounts -------------

    def obj_perms_manage_view(self, request: HttpRequest, object_pk: str) -> HttpResponseBase:
        """Who may do what with this patient beyond their role, and a way to add somebody."""
        patient = self._to_grant_on(request, object_pk)
        form = MemberForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return HttpResponseRedirect(
                reverse(
                    "admin:patients_patient_permissions_manage_user",
                    args=[patient.pk, form.cleaned_data["member"].user_id],
                )
            )
        held = (
            get_user_obj_perms_model()
            .objects.filter(content_type=ContentType.objects.get_for_model(Patient), object_pk=str(patient.pk))
            .select_related("permission")
            .order_by("created_at")
        )
        members = {
            member.user_id: member for member in Membership.objects.filter(user__in=[row.user_id for row in held])
        }
        grants = [
            {
                "member": members.get(row.user_id),
                "permission": PERMISSIONS.get(row.permission.codename, row.permission.name),
                "reason": row.reason,
                "expires_at": row.expires_at,
                "user_id": row.user_id,
            }
            for row in held
        ]
        context = {
            **self.get_obj_perms_base_context(request, patient),
            "subtitle": self.choice_label(patient),
            "grants": grants,
            "form": form,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.obj_perms_manage_template, context)

    def obj_perms_manage_user_view(self, request: HttpRequest, object_pk: str, user_id: str) -> HttpResponseBase:
        """What one member of the team may do with this patient."""
        patient = self._to_grant_on(request, object_pk)
        try:
            member = get_object_or_404(Membership, user_id=user_id)
        except ValidationError as error:
            raise Http404 from error
        # The account itself is not the clinic's to read; its id is all that guardian needs.
        form = GrantForm(User(pk=member.user_id), patient, request.POST or None)
        if request.method == "POST" and form.is_valid():
            form.save_for(request.user)
            messages.success(request, _("The permissions were saved."))
            return HttpResponseRedirect(reverse("admin:patients_patient_permissions", args=[patient.pk]))
        context = {
            **self.get_obj_perms_base_context(request, patient),
            "title": _("Permissions on one record"),
            "text": member.display_name,
            "subtitle": self.choice_label(patient),
            "form": form,
            "submit": _("Save"),
            "back_url": reverse("admin:patients_patient_permissions", args=[patient.pk]),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/confirm.html", context)

    def obj_perms_manage_group_view(self, request: HttpRequest, object_pk: str, group_id: str) -> HttpResponseBase:
        """Nothing: grants are made to people, there are no groups."""
        raise Http404

    def _to_grant_on(self, request: HttpRequest, object_pk: str) -> Patient:
        if not request.user.has_perm(MAY_GRANT):
            raise PermissionDenied
        patient: Patient | None = self.get_object(request, unquote(object_pk))
        if patient is None:
            raise Http404
        return patient


def is_dpo(request: HttpRequest) -> bool:
    """Whether the encarregado asks: the one role to which restricted patients stay open."""
    return place_of(request).role == Role.DPO


def born_on(patient: Patient) -> str:
    """The day of birth as people write it, or what stands in its place."""
    born = patient.birth_date
    return born if isinstance(born, Withheld) else date_format(born, "SHORT_DATE_FORMAT") if born else ""


class InGivenOrder(Sequence[Any]):
    """Rows in the order of a list of ids; only those of the page that is asked for are read."""

    def __init__(self, rows: QuerySet[Any], order: Sequence[UUID]) -> None:
        self._rows = rows
        there = set(rows.order_by().values_list("pk", flat=True))
        self._keys = [key for key in order if key in there]

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, place: Any) -> Any:
        keys = self._keys[place] if isinstance(place, slice) else [self._keys[place]]
        rows = self._rows.in_bulk(keys)
        found = [rows[key] for key in keys]
        return found if isinstance(place, slice) else found[0]
