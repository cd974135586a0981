"""The consents' pages: on the patient, the DPO's lists, and the texts."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from clinics import trail
from clinics.adminbase import ClinicAdmin
from compliance import consent_page, consents
from compliance.consent_forms import ConsentTextForm
from compliance.consents import ConsentError
from compliance.models import Consent, ConsentRecord, ConsentText
from neonpro.vault.keys import Act
from patients.models import Patient

STATE_LABELS = {
    "granted": "success",
    "asked": "info",
    "refused": "danger",
    "withdrawn": "danger",
    "expired_by_policy": "warning",
}


class _OfPatients(ClinicAdmin):
    """A list of what is shown on the page of its patient."""

    list_filter_submit = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never here: on the patient's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: PostgreSQL derives the one and keeps the other."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        patients = Patient.objects.opening("identification", act=Act.LIST)
        return super().get_queryset(request).prefetch_related(Prefetch("patient", patients), "service")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """To the patient's page, which shows it among the rest."""
        if object_id is None or not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        return HttpResponseRedirect(consent_page.address(found.patient_id))

    def choice_label(self, record: Any) -> str:
        return f"{record.patient.display_name} · {record.get_purpose_display()}"

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, record: Any) -> str:
        return f"{record.patient.display_name} · {record.patient}"

    @display(description=gettext_lazy("purpose"))  # type: ignore[untyped-decorator]
    def purpose_column(self, record: Any) -> str:
        label = record.get_purpose_display()
        return f"{label}: {record.service}" if record.service else label


@admin.register(Consent)
class ConsentAdmin(_OfPatients):
    """How the patients stand: newest change first."""

    list_display = ("patient_column", "purpose_column", "state_badge", "since_column")
    list_filter = (("purpose", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter))
    ordering = ("-since", "pk")
    empty_hint = gettext_lazy("Nobody was asked for anything yet. Consents are recorded on the patient's page.")

    @display(description=gettext_lazy("state"), label=STATE_LABELS)  # type: ignore[untyped-decorator]
    def state_badge(self, record: Consent) -> tuple[str, str]:
        return record.state, record.get_state_display()

    @display(description=gettext_lazy("since"))  # type: ignore[untyped-decorator]
    def since_column(self, record: Consent) -> str:
        return date_format(timezone.localtime(record.since), "SHORT_DATETIME_FORMAT") if record.since else ""


@admin.register(ConsentRecord)
class ConsentRecordAdmin(_OfPatients):
    """Every event, newest first."""

    list_display = ("when_column", "patient_column", "purpose_column", "event_badge", "channel", "recorded_column")
    list_filter = (
        ("purpose", ChoicesDropdownFilter),
        ("event", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
    )
    ordering = ("-created_at", "pk")
    lists = ("identification",)
    opens = ("identification",)
    empty_hint = gettext_lazy("Nothing has happened yet. Consents are recorded on the patient's page.")

    def prepare(self, request: HttpRequest, records: list[Any]) -> list[Any]:
        people = trail.names()
        for record in records:
            record.recorded_name = people.get(str(record.recorded_by), "–")
        return records

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, record: ConsentRecord) -> str:
        return date_format(timezone.localtime(record.happened_at), "SHORT_DATETIME_FORMAT")

    @display(description=gettext_lazy("event"), label=STATE_LABELS)  # type: ignore[untyped-decorator]
    def event_badge(self, record: ConsentRecord) -> tuple[str, str]:
        return record.event, record.get_event_display()

    @display(description=gettext_lazy("recorded by"))  # type: ignore[untyped-decorator]
    def recorded_column(self, record: Any) -> str:
        return str(record.recorded_name)


@admin.register(ConsentText)
class ConsentTextAdmin(ClinicAdmin):
    """What patients are asked to agree to, version by version."""

    form = ConsentTextForm
    list_display = ("title", "purpose", "service", "version", "status_badge")
    list_filter = (("purpose", ChoicesDropdownFilter),)
    list_select_related = ("service",)
    list_filter_submit = True
    ordering = ("purpose", "-version", "pk")
    fieldsets = ((None, {"fields": ("purpose", "service", "title", "body")}),)
    actions_list = ("starters",)
    actions_detail = ("publish", "renew")
    empty_hint = gettext_lazy("No text yet: take the starter set above, review it, and publish what you use.")
    refusals: ClassVar[dict[str, Any]] = {
        "consent_texts_guard": gettext_lazy("A published text never changes. Write a new version."),
    }

    def get_readonly_fields(self, request: HttpRequest, obj: ConsentText | None = None) -> tuple[str, ...]:
        return () if obj is None else ("purpose", "service")

    def has_change_permission(self, request: HttpRequest, obj: ConsentText | None = None) -> bool:
        """Only of drafts."""
        return super().has_change_permission(request, obj) and (obj is None or obj.published_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: ConsentText | None = None) -> bool:
        """Only of drafts."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.published_at is None)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "body":
            field.widget.attrs["rows"] = 18
        return field

    @display(description=gettext_lazy("status"), label={"draft": "info", "in_force": "success", "retired": "warning"})  # type: ignore[untyped-decorator]
    def status_badge(self, text: ConsentText) -> tuple[str, str]:
        if text.published_at is None:
            return "draft", _("draft")
        return ("in_force", _("in force")) if text.in_force else ("retired", _("replaced"))

    def has_starters_permission(self, request: HttpRequest) -> bool:
        """Whether this person may write texts."""
        return bool(self.has_add_permission(request))

    @action(description=gettext_lazy("Add the starter set"), url_path="starters", permissions=["starters"])  # type: ignore[untyped-decorator]
    def starters(self, request: HttpRequest) -> HttpResponse:
        """Ask, then add drafts for the purposes that have no text yet."""
        if request.method == "POST":
            made = len(consents.add_starters())
            if made:
                messages.success(request, _("%(count)s drafts were added: review and publish them.") % {"count": made})
            else:
                messages.info(request, _("There is a text for every purpose already."))
            return HttpResponseRedirect(reverse("admin:compliance_consenttext_changelist"))
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Add the starter set"),
            "text": _(
                "A draft is added for each purpose that has no text yet. They are models: review each with whoever"
                " advises the clinic, complete what is left blank, and publish it. Nothing is in force before that."
            ),
            "submit": _("Add the drafts"),
            "opts": self.opts,
            "back_url": reverse("admin:compliance_consenttext_changelist"),
        }
        return TemplateResponse(request, "admin/confirm.html", context)

    def has_publish_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may publish this draft: the button is there only then."""
        text = self.get_object(request, unquote(object_id)) if object_id else None
        return bool(super().has_change_permission(request) and (text is None or text.published_at is None))

    @action(description=gettext_lazy("Publish"), url_path="publish", permissions=["publish"])  # type: ignore[untyped-decorator]
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then put a draft in force."""
        text = self.get_object(request, unquote(object_id))
        if text is None:
            raise Http404
        if request.method == "POST":
            try:
                consents.publish(text)
            except ConsentError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("The text is in force: patients are asked with it from now on."))
            return HttpResponseRedirect(reverse("admin:compliance_consenttext_change", args=[text.pk]))
        return self.confirmation(
            request,
            text,
            title=_("Publish the text"),
            text=_(
                "From now on patients are asked with this version, and it can never be changed. Whoever agreed to an"
                " earlier version agreed to that one: ask again where the new text asks for more."
            ),
            submit=_("Publish"),
        )

    def has_renew_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may write another version of this text."""
        text = self.get_object(request, unquote(object_id)) if object_id else None
        return bool(self.has_add_permission(request) and (text is None or text.published_at is not None))

    @action(description=gettext_lazy("New version"), url_path="renew", permissions=["renew"])  # type: ignore[untyped-decorator]
    def renew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then make a draft that begins as this text."""
        text = self.get_object(request, unquote(object_id))
        if text is None:
            raise Http404
        if request.method == "POST":
            draft = ConsentText.objects.create(
                purpose=text.purpose, service=text.service, title=text.title, body=text.body
            )
            messages.success(request, _("A draft was made from this text. Change it, then publish it."))
            return HttpResponseRedirect(reverse("admin:compliance_consenttext_change", args=[draft.pk]))
        return self.confirmation(
            request,
            text,
            title=_("New version"),
            text=_(
                "A draft is made that begins as this text. This version stays in force until the draft is published."
            ),
            submit=_("Make the draft"),
        )
