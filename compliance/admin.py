"""The audit log, to read; and permissions on single records."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.decorators import display

from clinics import trail
from clinics.adminbase import ClinicAdmin
from clinics.signals import record_event
from compliance import consent_admin as consent_admin
from compliance import keyset, seals
from compliance.forms import AuditFilterForm, GrantForm
from compliance.models import AuditLog, ResourcePermission
from neonpro.vault.keys import Act
from patients.forms.grants import PERMISSIONS
from patients.models import Patient


def patient_labels(request: HttpRequest, patients: set[UUID], act: Act = Act.LIST) -> dict[UUID, str]:
    """Patients as this reader may know them: by name and record number, or by a pseudonym alone."""
    labels = {patient: _("patient %(id)s") % {"id": str(patient)[:8]} for patient in patients}
    return labels | {key: named(patient) for key, patient in known(request, patients, act).items()}


def known(request: HttpRequest, patients: set[UUID], act: Act = Act.LIST) -> dict[UUID, Patient]:
    """Those of these patients whom this reader may know by name; nothing of them is opened yet."""
    if not request.user.has_perm("patients.view_patient"):
        return {}
    return Patient.objects.opening("identification", act=act).in_bulk(list(patients))


def named(patient: Patient) -> str:
    """A patient as the pages about the log name them."""
    return f"{patient.display_name} · {patient}"


@admin.register(AuditLog)
class AuditLogAdmin(ClinicAdmin):
    """Who did what, when: read-only, newest first, one page after the other."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditLog | None:
        key = keyset.Key.parse(object_id)
        return keyset.find(key) if key else None

    def address(self, record: AuditLog) -> str:
        return str(keyset.key_of(record))

    def choice_label(self, record: AuditLog) -> str:
        return f"{trail.action_word(record.action)} · {trail.table_word(record.table_name)}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """One page of the log."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = AuditFilterForm(request.GET, patients=request.user.has_perm("patients.view_patient"))
        page = keyset.page(
            form.rows(),
            size=self.list_per_page,
            before=keyset.Key.parse(request.GET.get("before", "")),
            after=keyset.Key.parse(request.GET.get("after", "")),
        )
        people = trail.names()
        patients = patient_labels(request, {row.patient_id for row in page.rows if row.patient_id})
        filters = {name: value for name in form.fields if (value := form.data.get(name))}
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name_plural,
            "subtitle": None,
            "opts": self.opts,
            "cl": None,
            "form": form,
            "filtered": bool(filters),
            "rows": [
                {
                    "link": reverse("admin:compliance_auditlog_change", args=[self.address(row)]),
                    "when": row.created_at,
                    "who": trail.who(row.actor_kind, row.actor, people),
                    "role": trail.role_word(row.role),
                    "action": trail.action_word(row.action),
                    "table": trail.table_word(row.table_name) if row.table_name else "",
                    "record": str(row.record_id)[:8] if row.record_id else "",
                    "record_link": f"?record={row.record_id}",
                    "patient": patients.get(row.patient_id, "") if row.patient_id else "",
                    "patient_link": f"?patient={row.patient_id}",
                    "patients": len(row.patients or ()),
                    "purpose": "" if row.action in trail.CHANGES else trail.purpose_of(row.changes),
                    # A new record has all its fields: the action says it already.
                    "fields": trail.fields_of(row.table_name, row.changes) if row.action == "UPDATE" else [],
                }
                for row in page.rows
            ],
            "sealed": seals.state(),
            "newest": f"?{urlencode(filters)}" if page.newer else "",
            "newer": f"?{urlencode({**filters, 'after': page.newer})}" if page.newer else "",
            "older": f"?{urlencode({**filters, 'before': page.older})}" if page.older else "",
            "media": self.media + form.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/compliance/auditlog/change_list.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """One entry, with what it says of each field."""
        if object_id is None or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if request.method != "GET":
            raise PermissionDenied
        is_change = row.action in trail.CHANGES
        sealed = seals.seal_of(row.id, row.created_at)
        told = row.changes or {}
        if not is_change:
            told = {name: value for name, value in told.items() if name not in trail.FACTS}
        (changes,) = trail.changes_of([(row.table_name, told)])
        patients = patient_labels(request, {row.patient_id} if row.patient_id else set(), Act.READ)
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name,
            "subtitle": self.choice_label(row),
            "opts": self.opts,
            "facts": [
                (_("When"), date_format(timezone.localtime(row.created_at), "d/m/Y H:i:s")),
                (_("Who"), trail.who(row.actor_kind, row.actor, trail.names())),
                (_("Role"), trail.role_word(row.role)),
                (_("Action"), trail.action_word(row.action)),
                (_("Table"), capfirst(trail.table_word(row.table_name))),
                (_("Record"), row.record_id or ""),
                (_("Patient"), patients.get(row.patient_id, "") if row.patient_id else ""),
                (_("Patients"), "" if row.patient_id else len(row.patients or ()) or ""),
                *([] if is_change else trail.facts_of(row.changes)),
                (_("Request"), row.request_id or ""),
                (_("Seal"), _("no. %(number)s") % {"number": sealed} if sealed else _("not sealed yet")),
            ],
            "proof": reverse("admin:compliance_auditlog_proof", args=[self.address(row)]) if sealed else "",
            "changes": changes,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/compliance/auditlog/change_form.html", context)

    def get_urls(self) -> list[URLPattern]:
        proof = self.admin_site.admin_view(self.proof_view)
        return [path("<path:object_id>/proof/", proof, name="compliance_auditlog_proof"), *super().get_urls()]

    def proof_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The proof that this entry stands in the sealed log, as a file."""
        if not self.has_view_permission(request) or request.method != "GET":
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        proof = seals.proof_of(row.id, row.created_at) if row is not None else None
        if row is None or proof is None:
            raise Http404
        record_event("EXPORT", detail={"what": "audit_proof", "row": str(row.id)})
        name = f"prova-{str(row.id)[:8]}.json"
        answer = JsonResponse(proof, json_dumps_params={"ensure_ascii": False, "indent": 1})
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> TemplateResponse:
        """None: the log has no history but itself."""
        raise Http404


@admin.register(ResourcePermission)
class ResourcePermissionAdmin(ClinicAdmin):
    """Who may do what with one patient, beyond their role."""

    form = GrantForm
    list_display = ("who_column", "permission_column", "patient_column", "kind", "reason", "until")
    list_select_related = ("permission",)
    ordering = ("-created_at", "pk")
    empty_hint = gettext_lazy("Nobody has more than their role allows. Permissions are given on one patient at a time.")
    refusals: ClassVar[dict[str, Any]] = {
        "resource_permissions_one_each": gettext_lazy("This person has this permission on this patient already.")
    }
    add_fieldsets = ((None, {"fields": ("member", "patient", "may", "reason", "until")}),)
    fieldsets = ((None, {"fields": ("who_column", "permission_column", "patient_column", "kind", "reason", "until")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("who_column", "permission_column", "patient_column", "kind")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # The fields that the form makes itself are no columns of the table.
        kwargs["fields"] = ["reason"]
        return super().get_form(request, obj, change=change, **kwargs)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        grant = super().get_object(request, object_id, from_field)
        return self._with_names(request, [grant], Act.READ)[0] if grant is not None else None

    def save_model(self, request: HttpRequest, obj: ResourcePermission, form: Any, change: bool) -> None:
        if not change:
            obj.granted_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    def prepare(self, request: HttpRequest, records: list[Any]) -> list[Any]:
        return self._with_names(request, records)

    def _with_names(self, request: HttpRequest, grants: list[Any], act: Act = Act.LIST) -> list[Any]:
        people = trail.names()
        patients = known(request, {UUID(grant.object_pk) for grant in grants}, act)
        for grant in grants:
            grant.member_name = people.get(str(grant.user_id), _("former team member"))
            # Not by name: the page that asks before deleting shows none, and so must open none.
            grant.of_patient = patients.get(UUID(grant.object_pk))
        return grants

    def choice_label(self, record: Any) -> str:
        return str(record.member_name) if hasattr(record, "member_name") else str(record)

    @display(description=gettext_lazy("team member"))  # type: ignore[untyped-decorator]
    def who_column(self, grant: Any) -> str:
        return str(grant.member_name)

    @display(description=pgettext_lazy("permission", "may"))  # type: ignore[untyped-decorator]
    def permission_column(self, grant: ResourcePermission) -> str:
        return str(PERMISSIONS.get(grant.permission.codename, grant.permission.name))

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, grant: Any) -> str:
        return named(grant.of_patient) if grant.of_patient else _("patient %(id)s") % {"id": grant.object_pk[:8]}

    @display(description=gettext_lazy("until"))  # type: ignore[untyped-decorator]
    def until(self, grant: ResourcePermission) -> str:
        return date_format(timezone.localtime(grant.expires_at), "SHORT_DATETIME_FORMAT") if grant.expires_at else ""


# Registers requests and holds with the same site.
from compliance import disposal_admin, erasure_admin  # noqa: E402, F401
