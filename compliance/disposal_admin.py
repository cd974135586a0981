"""The acts of the committee that disposes of records whose time is over, and what carries them out."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from clinics.adminbase import ClinicAdmin, ClinicForm, place_of
from clinics.roles import Role
from compliance.disposal import DisposalError, plan_disposal, propose_disposal, record_act
from compliance.erasure_admin import OfPatientAdmin
from compliance.erasure_page import ErasurePages
from compliance.models import DisposalAct, DisposalChoice, DisposalItem, Erasure
from compliance.plans import ErasurePlan
from compliance.retention import due_records
from patients.models import Patient

NO_RECORD = gettext_lazy("No record's time is over today: there is nothing for the committee to decide about.")


class ActForm(ClinicForm[DisposalAct]):
    """An act with the records that it is about; saving it is `record_act`, which refuses in words."""

    acting_user: Any = None
    patients = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Records whose time is over"),
        coerce=UUID,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("By record number, with the last day for which the law keeps each."),
    )

    class Meta:
        model = DisposalAct
        fields = ("number", "decided_on", "members", "choice", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = list(due_records(on=timezone.localdate()))
        self.fields["patients"].choices = [  # type: ignore[attr-defined]
            (str(one.patient_id), f"{one.pseudonym} · {one.since:%d/%m/%Y}") for one in found
        ]
        if not found:
            self.fields["patients"].help_text = NO_RECORD

    def clean_decided_on(self) -> date:
        found: date = self.cleaned_data["decided_on"]
        if found > timezone.localdate():
            raise forms.ValidationError(_("The committee cannot have decided on a day that is still to come."))
        return found


@admin.register(DisposalAct)
class DisposalActAdmin(ClinicAdmin):
    """Acts: added by the encarregado, read ever after."""

    form = ActForm
    list_display = ("number", "decided_on", "choice", "created_at")
    ordering = ("-decided_on", "pk")
    empty_hint = gettext_lazy(
        "No act yet. When the law no longer keeps a record, a committee of the clinic decides whether it is eliminated,"
        " handed over to the patient or kept (Lei 13.787/2018). Note the decision here."
    )
    asked: ClassVar = ("number", "decided_on", "members", "choice", "reason")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": (*self.asked, "items") if obj else (*self.asked, "patients")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.asked, "items") if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["fields"] = [] if obj else list(self.asked)
        if obj is not None:
            kwargs["form"] = ClinicForm
        return super().get_form(request, obj, change=change, **kwargs)

    @display(description=gettext_lazy("records"))  # type: ignore[untyped-decorator]
    def items(self, act: DisposalAct) -> SafeString:
        """The records that the act is about, each with the way to its elimination."""
        found = list(DisposalItem.objects.filter(act=act).order_by("kept_until", "pk"))
        patients = Patient.objects.in_bulk([item.patient_id for item in found])
        return format_html_join(
            "",
            '<p class="mb-2">{} · {} {}</p>',
            (
                (
                    str(patients[item.patient_id])
                    if item.patient_id in patients
                    else _("erased patient %(id)s") % {"id": str(item.patient_id)[:8]},
                    f"{item.kept_until:%d/%m/%Y}",
                    self._way(act, item),
                )
                for item in found
            ),
        )

    def _way(self, act: DisposalAct, item: DisposalItem) -> SafeString | str:
        if act.choice != DisposalChoice.ELIMINATE:
            return ""
        address = reverse("admin:compliance_disposalitem_erasure", args=[item.pk])
        return format_html('<a class="np-link" href="{}">{}</a>', address, _("Elimination"))

    def save_model(self, request: HttpRequest, obj: DisposalAct, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in (*self.asked, "patients")}
        made = record_act(acting_user=request.user, **given)
        obj.pk, obj._state.adding = made.pk, False

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """What `record_act` refuses is said on the form's page, opened anew with what is due now."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DisposalError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)


@admin.register(DisposalItem)
class DisposalItemAdmin(ErasurePages, OfPatientAdmin):
    """A record of an act, with the page of its elimination; only an act adds one."""

    list_display = ("patient_column", "act", "kept_until")
    list_select_related = ("act",)
    ordering = ("-created_at", "pk")
    lists = ()
    opens = ("identification",)
    shown = ("act", "kept_until", "plan_digest")
    actions_detail = ("erasure",)
    intro = gettext_lazy(
        "The time of this record is over and the committee decided to eliminate it: all of it goes, and only the log"
        " and the proofs stay."
    )
    proofs = ("certificate", "certificate_pdf")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_erasure_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the act eliminates this record, and this person is the encarregado."""
        if place_of(request).role != Role.DPO:
            return False
        if object_id is None:
            return True
        found: DisposalItem | None = self.get_object(request, unquote(object_id))
        return found is None or found.act.choice == DisposalChoice.ELIMINATE

    @action(description=gettext_lazy("Elimination"), url_path="erasure", permissions=["erasure"])  # type: ignore[untyped-decorator]
    def erasure(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The plan, its approval by another person, its execution, and what proves it."""
        found: DisposalItem | None = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        return self.erasure_page(request, found)

    def erasures_of(self, found: DisposalItem) -> "QuerySet[Erasure]":
        return Erasure.objects.filter(disposal=found)

    def plan_of(self, found: DisposalItem, on: date | None = None) -> ErasurePlan:
        return plan_disposal(found, on=on)

    def propose(self, found: DisposalItem, plan: ErasurePlan, user: Any) -> None:
        propose_disposal(found, plan, acting_user=user)

    def back_url(self, found: DisposalItem) -> str:
        return reverse("admin:compliance_disposalact_change", args=[found.act_id])
