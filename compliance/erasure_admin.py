"""Requests of holders, with the plan of an erasure, its approval and its certificate; and legal holds."""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Case, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from clinics import trail
from clinics.adminbase import ClinicAdmin, ClinicForm, place_of
from clinics.models import Clinic
from clinics.roles import Role
from compliance import requests
from compliance.erasure import (
    ErasureError,
    ResidueError,
    approve_erasure,
    execute_erasure,
    is_held,
    note_coincidences,
    only_dpo,
    plan_erasure,
    propose_erasure,
)
from compliance.erasure_letter import category_word, day, letter, outcome_word
from compliance.models import ERASING, OPEN, DataRequest, Erasure, LegalHold
from compliance.request_admin import RequestPages
from neonpro.vault.keys import Act
from patients.models import Patient

ICONS = {"ERASE": "delete_forever", "ANONYMISE": "person_off", "RESTRICT": "lock", "REFUSE": "gavel"}
TAGS = {"ERASE": "danger", "ANONYMISE": "warning", "RESTRICT": "info", "REFUSE": "success"}


REFUSED: dict[str, Any] = {name: lazy(said, str)() for name, said in requests.REFUSALS.items()}  # type: ignore[no-untyped-call]
"""What the database refuses of requests, in words."""


def patient_word(record: Any) -> str:
    """A patient by name and record number, as far as there still is one; `prepare` has looked."""
    found = getattr(record, "of_patient", None)
    if found is None:
        return _("erased patient %(id)s") % {"id": str(record.patient_id)[:8]}
    return f"{found.display_name} · {found}"


def _place(text: str) -> tuple[str, int]:
    """A place that the page offered, as it comes back: «table.column:rows».

    Raises:
        ErasureError: it is none.
    """
    if not re.fullmatch(r"[a-z_]{1,63}\.[a-z_0-9]{1,63}:[0-9]{1,9}", text):
        raise ErasureError(_("Choose what is somebody else's."))
    place, _colon, hits = text.partition(":")
    return place, int(hits)


def _place_words(place: str, hits: int) -> dict[str, Any]:
    """A place in words."""
    table, _dot, column = place.partition(".")
    names = {
        found.column: str(found.verbose_name)
        for model in apps.get_models() if model._meta.db_table == table
        for found in model._meta.local_concrete_fields
    }  # fmt: skip
    word = names.get(column, column)
    return {"value": f"{place}:{hits}", "table": trail.table_word(table), "column": word, "hits": hits}


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


class _OfPatientAdmin(ClinicAdmin):
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
class DataRequestAdmin(RequestPages, _OfPatientAdmin):
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
        latest = Erasure.objects.filter(request=found).order_by("-created_at").first()
        if request.method == "POST":
            act = request.POST.get("act", "")
            if act in {"certificate", "letter"} and latest and latest.certificate:
                return self._proof(request, latest, act)
            try:
                messages.success(request, self._do(request, found, latest, act))
            except ResidueError as error:
                # Only now is it known where: the page asks about each place.
                messages.error(request, _("Nothing was erased: what must be gone still stands elsewhere. See below."))
                return self._page(request, found, latest, residue=error.places)
            except ErasureError as error:
                messages.error(request, str(error))
            return HttpResponseRedirect(request.path)
        return self._page(request, found, latest)

    def _do(self, request: HttpRequest, found: DataRequest, latest: Erasure | None, act: str) -> str:
        if act == "propose":
            plan = plan_erasure(found.patient_id)
            if request.POST.get("seen") != plan.digest:
                raise ErasureError(_("The data changed while this page was open. Look at the new plan."))
            propose_erasure(found, plan, acting_user=request.user)
            return _("The plan is proposed. Another data protection officer approves it.")
        if latest is None or latest.executed_at:
            raise ErasureError(_("There is nothing to approve or carry out."))
        if act == "approve":
            approve_erasure(latest, acting_user=request.user, password=request.POST.get("password"))
            return _("The erasure is approved. It can be carried out now.")
        if act == "coincidences":
            note_coincidences(latest, dict(_place(text) for text in request.POST.getlist("place")))
            return _("Noted. Another data protection officer approves the erasure again, knowing of it.")
        if act == "execute":
            if request.POST.get("sure") != "on":
                raise ErasureError(_("Nothing was erased. Confirm that you know that it cannot be undone."))
            execute_erasure(latest, acting_user=request.user)
            return _("The erasure was carried out. Certificate and letter are below.")
        raise ErasureError(_("There is nothing to approve or carry out."))

    def _proof(self, request: HttpRequest, erasure: Erasure, what: str) -> HttpResponse:
        if what == "certificate":
            answer = HttpResponse(erasure.certificate, content_type="application/json")
            name = f"certificado-{str(erasure.pk)[:8]}.json"
        else:
            clinic = Clinic.objects.get(pk=place_of(request).id)
            answer = HttpResponse(letter(clinic, json.loads(erasure.certificate)), content_type="application/pdf")
            name = f"resposta-{str(erasure.pk)[:8]}.pdf"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _page(
        self,
        request: HttpRequest,
        found: DataRequest,
        latest: Erasure | None,
        *,
        residue: Mapping[str, int] | None = None,
    ) -> HttpResponse:
        done = latest is not None and latest.executed_at is not None
        fresh = (
            None
            if done
            else plan_erasure(found.patient_id, on=date.fromisoformat(latest.plan["on"]) if latest else None)
        )
        stale = latest is not None and fresh is not None and fresh.digest != latest.plan_digest
        if stale:
            # What was proposed is no longer so: the page shows what is, and proposing begins anew.
            latest, fresh = None, plan_erasure(found.patient_id)
        told: dict[str, Any] = fresh.told() if fresh else latest.plan if latest else {"lines": []}
        people = trail.names()
        own = latest is not None and latest.proposed_by_id == request.user.pk
        alone = only_dpo()
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erasure"),
            "subtitle": patient_word(found),
            "opts": self.opts,
            "object": found,
            "lines": [
                {
                    "category": category_word(line["category"]),
                    "table": trail.table_word(line["table"]),
                    "outcome": outcome_word(line["outcome"]),
                    "icon": ICONS[line["outcome"]],
                    "tag": TAGS[line["outcome"]],
                    "rows": line["rows"],
                    "versions": line["versions"],
                    "ground": line["ground"],
                    "until": line["kept_until"] and day(line["kept_until"]),
                }
                # What goes comes first: that is what is asked.
                for line in sorted(told["lines"], key=lambda line: list(ICONS).index(line["outcome"]))
            ],
            "whole": told.get("whole"),
            "stale": stale,
            "audit_rows": fresh.audit_rows if fresh else None,
            "digest": fresh.digest if fresh else "",
            "held": is_held(found.patient_id),
            "latest": latest,
            "done": done,
            "residue": [_place_words(place, hits) for place, hits in (residue or {}).items()],
            "coincidences": [_place_words(place, hits) for place, hits in latest.coincidences.items()]
            if latest
            else [],
            "sure": UnfoldBooleanWidget().render("sure", False, {"id": "id_sure", "required": True}),
            "proposed_by": people.get(str(latest.proposed_by_id), "") if latest else "",
            "approved_by": people.get(str(latest.approved_by_id), "") if latest else "",
            "may_approve": latest is not None and not latest.approved_by_id and (not own or alone),
            "password": UnfoldAdminPasswordWidget().render("password", "", {"id": "id_password", "autocomplete": "off"})
            if own and alone
            else "",
        }
        return TemplateResponse(request, "admin/compliance/datarequest/erasure.html", context)


@admin.register(LegalHold)
class LegalHoldAdmin(_OfPatientAdmin):
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
