"""Requests of holders, with the plan of an erasure, its approval and its certificate; and legal holds."""

from datetime import date
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from clinics.adminbase import ClinicAdmin, ClinicForm, place_of
from clinics.roles import Role
from compliance import requests
from compliance.erasure import (
    plan_erasure,
    propose_erasure,
)
from compliance.erasure_page import ErasurePages, patient_word
from compliance.models import ERASING, OPEN, DataRequest, Erasure, LegalHold
from compliance.plans import ErasurePlan
from compliance.request_admin import RequestPages
from neonpro.vault.keys import Act
from patients.models import Patient

REFUSED: dict[str, Any] = {name: lazy(said, str)() for name, said in requests.REFUSALS.items()}  # type: ignore[no-untyped-call]
"""What the database refuses of requests, in words."""


class OfPatientForm(ClinicForm[Any]):
    """Whose it is: by the number of the record, on a new one."""

    record_number = forms.CharField(
        label=gettext_lazy("Record number"),
        max_length=12,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Eight digits; it stands on the patient's page."),
    )

    def clean_record_number(self) -> Any:
        digits = "".join(letter for letter in self.cleaned_data["record_number"] if letter.isdigit())
        found = Patient.objects.filter(record_number=digits).values_list("pk", flat=True).first()
        if found is None:
            raise forms.ValidationError(_("No patient of this clinic has this record number."))
        self.instance.patient_id = found
        return digits


class OfPatientAdmin(ClinicAdmin):
    """What the two share: a record number on a new row, a pseudonym on one that is there."""

    form = OfPatientForm
    shown: ClassVar[tuple[str, ...]] = ()
    asked: ClassVar[tuple[str, ...]] = ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": ("patient_column", *self.shown) if obj else ("record_number", *self.asked)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("patient_column", *self.shown) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["fields"] = list(self.asked) if obj is None else []
        if obj is not None:
            kwargs["form"] = ClinicForm
        return super().get_form(request, obj, change=change, **kwargs)

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, record: Any) -> str:
        return patient_word(record)

    def choice_label(self, record: Any) -> str:
        return patient_word(record)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        record = super().get_object(request, object_id, from_field)
        return self.prepare(request, [record], Act.READ)[0] if record is not None else None

    def prepare(self, request: HttpRequest, records: list[Any], act: Act = Act.LIST) -> list[Any]:
        ids = {record.patient_id for record in records}
        patients = Patient.objects.opening("identification", act=act).in_bulk(list(ids))
        for record in records:
            record.of_patient = patients.get(record.patient_id)
        return records


@admin.register(DataRequest)
class DataRequestAdmin(ErasurePages, RequestPages, OfPatientAdmin):
    """The queue of requests: those that wait first, and of them the first due."""

    ordering = (Case(When(status__in=OPEN, then=0), default=1), "due_on", "pk")
    lists = ()
    opens = ("identification",)
    refusals = REFUSED
    asked = ("kind", "channel", "received_at", "identity_check", "details")
    shown = ("kind", "channel", "received_at", "due_on", "identity_check", "status", "answered_at")
    actions_detail = ("answering", "erasure")

    def prepare(self, request: HttpRequest, records: list[Any], act: Act = Act.LIST) -> list[Any]:
        return self.with_clocks(super().prepare(request, records, act))

    def save_model(self, request: HttpRequest, obj: DataRequest, form: Any, change: bool) -> None:
        if not change:
            obj.owner_id = cast("UUID", request.user.pk)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        messages.success(request, _("The request is noted: it is due on %(day)s.") % {"day": f"{obj.due_on:%d/%m/%Y}"})
        return HttpResponseRedirect(f"../{obj.pk}/answering/")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """A new one has a form; one that is there has its page, which every list leads to."""
        if object_id is not None and request.method == "GET" and self._is_here(request, object_id):
            return HttpResponseRedirect("../answering/")
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _is_here(self, request: HttpRequest, object_id: str) -> bool:
        """Whether this person has the request at all, without reading whose it is."""
        try:
            key = UUID(unquote(object_id))
        except ValueError:
            return False
        return self.has_answering_permission(request) and DataRequest.objects.filter(pk=key).exists()

    def has_answering_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person answers requests."""
        return place_of(request).role == Role.DPO

    @action(description=gettext_lazy("Request"), url_path="answering", permissions=["answering"])  # type: ignore[untyped-decorator]
    def answering(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of one request."""
        return super().answering(request, object_id)

    def has_erasure_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this is a request that an erasure answers, and this person the encarregado."""
        if place_of(request).role != Role.DPO:
            return False
        found = self.get_object(request, unquote(object_id)) if object_id else None
        return found is None or found.kind in ERASING

    @action(description=gettext_lazy("Erasure"), url_path="erasure", permissions=["erasure"])  # type: ignore[untyped-decorator]
    def erasure(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The plan, its approval by another person, its execution, and what proves it."""
        found: DataRequest | None = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if found.kind not in ERASING:
            raise PermissionDenied
        return self.erasure_page(request, found)

    def erasures_of(self, found: DataRequest) -> "QuerySet[Erasure]":
        return Erasure.objects.filter(request=found)

    def plan_of(self, found: DataRequest, on: date | None = None) -> ErasurePlan:
        return plan_erasure(found.patient_id, on=on)

    def propose(self, found: DataRequest, plan: ErasurePlan, user: Any) -> None:
        propose_erasure(found, plan, acting_user=user)


@admin.register(LegalHold)
class LegalHoldAdmin(OfPatientAdmin):
    """What stops erasures and every other deletion; placed and lifted by the encarregado."""

    list_display = ("patient_column", "until", "created_at", "lifted_at")
    ordering = ("-created_at", "pk")
    empty_hint = gettext_lazy("No legal hold. Place one as soon as there is a lawsuit or an order to preserve data.")
    lists = ()
    opens = ("identification",)
    asked = ("reason", "until")
    shown = ("reason", "until", "lifted_at")
    actions_detail = ("lift",)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.opening("identification", act=Act.READ)

    def save_model(self, request: HttpRequest, obj: LegalHold, form: Any, change: bool) -> None:
        if not change:
            obj.placed_by_id = cast("UUID", request.user.pk)
        super().save_model(request, obj, form, change)

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may lift it, and it still stands."""
        if not self.has_change_permission(request):
            return False
        found = self.get_object(request, unquote(object_id)) if object_id else None
        return found is None or found.lifted_at is None

    @action(description=gettext_lazy("Lift the hold"), url_path="lift", permissions=["lift"])  # type: ignore[untyped-decorator]
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then lift it."""
        found: LegalHold | None = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if request.method == "POST":
            found.lifted_at = timezone.now()
            found.save(update_fields=["lifted_at"])
            messages.success(request, _("The hold was lifted."))
            return HttpResponseRedirect("../change/")
        return self.confirmation(
            request, found, title=_("Lift the hold"), submit=_("Lift the hold"),
            text=_("From then on the data of this patient can be erased again. The audit log keeps who lifted it."),
        )  # fmt: skip
