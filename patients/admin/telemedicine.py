"""The pages of telemedicine: planning a session, and each step of it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from clinics import withheld
from clinics.adminbase import ClinicAdmin, place_of, read_alone
from clinics.models import Clinic
from clinics.roles import Role
from neonpro.vault.keys import Act
from patients import records, telemedicine
from patients.admin.search import PatientSearch
from patients.admin.telemedicine_steps import STATUS_LABELS, STEPS
from patients.forms.telemedicine import ConvertForm, InPersonForm, RefuseForm, SessionForm, ShareForm, StartForm
from patients.models import Patient, SessionStatus, TelemedicineSession
from patients.telemedicine import TelemedicineError


@admin.register(TelemedicineSession)
class TelemedicineSessionAdmin(PatientSearch, ClinicAdmin):
    """Sessions at a distance, newest first."""

    form = SessionForm
    list_display = ("when_column", "patient_column", "professional_column", "modality", "status_badge")
    list_filter = (("status", ChoicesDropdownFilter), ("modality", ChoicesDropdownFilter))
    list_filter_submit = True
    search_fields = ("id",)
    search_help_text = gettext_lazy("Patient: name, CPF, CNS, phone, e-mail or record number")
    SEARCHED = "patient_id"
    ordering = ("-created_at", "pk")
    lists = ()
    names = ("identification",)
    opens = ("identification", "contact")
    autocomplete_fields = ("patient", "appointment")
    empty_hint = gettext_lazy("No session yet: plan one here, or from the page of an appointment.")
    actions_detail = (
        "room", "start", "entry", "finish", "refuse", "convert", "in_person", "record_on", "record_off", "share",
        "cancel",
    )  # fmt: skip
    refusals: ClassVar[dict[str, Any]] = {
        "telemedicine_sessions_own_appointment": gettext_lazy("The appointment is another patient's."),
    }

    # --- the form -----------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[TelemedicineSession]:
        patients = Patient.objects.opening("identification", act=Act.LIST)
        found: QuerySet[TelemedicineSession] = super().get_queryset(request)
        return found.prefetch_related(Prefetch("patient", patients), "professional", "appointment")

    def has_change_permission(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> bool:
        """What was planned can be planned otherwise; afterwards there are steps."""
        return super().has_change_permission(request, obj) and (obj is None or obj.status == SessionStatus.PLANNED)

    def has_delete_permission(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> bool:
        """Never: a session is kept."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None and is_professional(request):
            read_alone(obj, (*self.opens, "clinical"))
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> tuple[str, ...]:
        return () if obj is None else self._shown(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> Any:
        fields = ("patient", "professional", "appointment", "modality", "room_url")
        if obj is None:
            return [(None, {"fields": fields})]
        planned = ("patient_link", "professional", "appointment_link", "modality", "room_url")
        shown = self._shown(request, obj)
        sets = [
            (None, {"fields": planned}),
            (_("Situation"), {"fields": tuple(name for name in SITUATION if name in shown)}),
        ]
        begun = tuple(name for name in BEGUN if name in shown)
        return [*sets, (_("The session"), {"fields": begun})] if begun else sets

    def _shown(self, request: HttpRequest, obj: TelemedicineSession) -> tuple[str, ...]:
        """What of a session there is to show to this reader."""
        names = ["patient_link", "appointment_link", "status_words", "consent_words", "missing_words"]
        if obj.in_person_appointment_id:
            names.append("in_person_link")
        if obj.started_at:
            names += ["patient_identity", "professional_location", "recording_words"]
        if is_professional(request):
            names.append("follow_up_words")
            clinical = ("patient_location", "emergency_reason", "overdue_reason", "reason", "shared_with")
            names += [name for name in clinical if getattr(obj, name)]
        return tuple(names)

    # --- the steps ----------------------------------------------------------------------------------------------

    def _can(self, request: HttpRequest, object_id: str | None, name: str) -> bool:
        if not super().has_change_permission(request):
            return False
        found = self._there(request, object_id) if object_id else None
        if found is None:
            return object_id is None
        step = STEPS[name]
        own = is_own(found)
        if found.status not in step.states or (step.own and not own):
            return False
        if name == "convert" and found.status == SessionStatus.RUNNING and not own:
            return False
        if name == "in_person":
            return found.in_person_appointment_id is None and bool(request.user.has_perm("patients.add_appointment"))
        if name in ("record_on", "record_off"):
            return found.is_recording is (name == "record_off") and (
                name == "record_off" or found.recording_started_at is None
            )
        return True

    def _there(self, request: HttpRequest, object_id: str) -> TelemedicineSession | None:
        """A session, fetched once a request: every button asks."""
        kept: dict[str, Any] = vars(request).setdefault("_sessions", {})
        key = unquote(object_id)
        if key not in kept:
            try:
                kept[key] = TelemedicineSession.objects.filter(pk=key).first()
                if kept[key] is not None:
                    read_alone(kept[key], self.opens)
            except ValidationError:
                kept[key] = None
        found: TelemedicineSession | None = kept[key]
        return found

    def _step(
        self,
        request: HttpRequest,
        object_id: str,
        name: str,
        act: Callable[..., Any],
        form: forms.Form | None = None,
        text: Any = "",
    ) -> HttpResponse:
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if not self._can(request, object_id, name):
            raise PermissionDenied
        step = STEPS[name]
        form = form or forms.Form(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                act(form)
            except TelemedicineError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, str(step.done))
                return HttpResponseRedirect(self._page(found))
        return self.confirmation(
            request, found, title=str(step.title), text=text or str(step.text), submit=str(step.title), form=form,
            kind=step.kind,
        )  # fmt: skip

    def _page(self, found: TelemedicineSession) -> str:
        return reverse("admin:patients_telemedicinesession_change", args=[found.pk])

    def has_start_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the button is there; so each of these."""
        return self._can(request, object_id, "start")

    @action(description=STEPS["start"].label, url_path="start", permissions=["start"], variant=ActionVariant.PRIMARY)  # type: ignore[untyped-decorator]
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Begin, once identities and places are said; warn of the rule of 180 days."""
        found = self._there(request, object_id)
        if found is None:
            raise Http404
        standing = telemedicine.follow_up(found.patient_id, found.professional_id)
        agreed = telemedicine.consents(found.patient_id, telemedicine.TERM)
        clinic = Clinic.objects.get(pk=place_of(request).id)
        form = StartForm(
            request.POST if request.method == "POST" else None,
            standing=standing,
            agreed=agreed,
            initial={"professional_location": " – ".join(part for part in (clinic.city, clinic.uf) if part)},
        )
        for name in ("overdue_reason", "emergency_reason"):
            if name in form.fields:
                # PostgreSQL asks for it where it is needed, and the workflow says so in words.
                form.fields[name].required = False
        parts = [str(STEPS["start"].text)]
        if standing.overdue:
            parts.append(standing.warning)
        if not agreed:
            parts.append(
                format_html(
                    '{} <a class="np-link" href="{}">{}</a>',
                    _("The patient has not agreed to the telemedicine term."),
                    consents_page(found.patient_id),
                    _("Record the consent"),
                )
            )
        text = format_html_join(mark_safe("<br><br>"), "{}", ((part,) for part in parts))
        return self._step(
            request, object_id, "start", lambda form: telemedicine.start(found.pk, **form.cleaned_data), form, text
        )

    def has_finish_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "finish")

    @action(description=STEPS["finish"].label, url_path="finish", permissions=["finish"])  # type: ignore[untyped-decorator]
    def finish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end it."""
        return self._step(request, object_id, "finish", lambda _form: telemedicine.end(self._id(object_id)))

    def has_refuse_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "refuse")

    @action(description=STEPS["refuse"].label, url_path="refuse", permissions=["refuse"])  # type: ignore[untyped-decorator]
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask who refuses and why."""
        found = self._there(request, object_id)
        form = RefuseForm(
            request.POST if request.method == "POST" else None,
            own=found is not None and is_own(found),
            clinical=is_professional(request),
        )
        return self._step(
            request,
            object_id,
            "refuse",
            lambda form: telemedicine.refuse(self._id(object_id), **form.cleaned_data),
            form,
        )

    def has_convert_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "convert")

    @action(description=STEPS["convert"].label, url_path="convert", permissions=["convert"])  # type: ignore[untyped-decorator]
    def convert(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then change it to a visit in person."""
        form = ConvertForm(request.POST if request.method == "POST" else None, clinical=is_professional(request))
        return self._step(
            request,
            object_id,
            "convert",
            lambda form: telemedicine.convert(self._id(object_id), **form.cleaned_data),
            form,
        )

    def has_in_person_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "in_person")

    @action(
        description=STEPS["in_person"].label,
        url_path="in-person",
        permissions=["in_person"],
        variant=ActionVariant.PRIMARY,
    )  # type: ignore[untyped-decorator]
    def in_person(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask when, then book it."""
        form = InPersonForm(request.POST if request.method == "POST" else None)
        return self._step(
            request,
            object_id,
            "in_person",
            lambda form: telemedicine.book_in_person(
                self._id(object_id),
                starts_at=form.starts_at(),
                minutes=form.cleaned_data["minutes"],
                service=form.cleaned_data["service"],
            ),
            form,
        )

    def has_record_on_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "record_on")

    @action(description=STEPS["record_on"].label, url_path="record-on", permissions=["record_on"])  # type: ignore[untyped-decorator]
    def record_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then write down that the room records."""
        return self._step(request, object_id, "record_on", lambda _f: telemedicine.start_recording(self._id(object_id)))

    def has_record_off_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "record_off")

    @action(
        description=STEPS["record_off"].label,
        url_path="record-off",
        permissions=["record_off"],
        variant=ActionVariant.DANGER,
    )  # type: ignore[untyped-decorator]
    def record_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then write down that it stopped."""
        return self._step(request, object_id, "record_off", lambda _f: telemedicine.stop_recording(self._id(object_id)))

    def has_share_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "share")

    @action(description=STEPS["share"].label, url_path="share", permissions=["share"])  # type: ignore[untyped-decorator]
    def share(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask with whom."""
        form = ShareForm(request.POST if request.method == "POST" else None)
        return self._step(
            request, object_id, "share", lambda form: telemedicine.share(self._id(object_id), **form.cleaned_data), form
        )

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """See `has_start_permission`."""
        return self._can(request, object_id, "cancel")

    @action(description=STEPS["cancel"].label, url_path="cancel", permissions=["cancel"], variant=ActionVariant.DANGER)  # type: ignore[untyped-decorator]
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take it back."""
        return self._step(request, object_id, "cancel", lambda _form: telemedicine.cancel(self._id(object_id)))

    def has_entry_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the session has begun and is this professional's."""
        found = self._there(request, object_id) if object_id else None
        return object_id is None or (found is not None and found.started_at is not None and is_own(found))

    @action(description=pgettext_lazy("session", "Entry"), url_path="entry", permissions=["entry"])  # type: ignore[untyped-decorator]
    def entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the session's entry in the medical record, begun if there is none."""
        found = self._there(request, object_id)
        if found is None:
            raise Http404
        if not self.has_entry_permission(request, object_id):
            raise PermissionDenied
        try:
            written = telemedicine.write_record(found.pk)
        except TelemedicineError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self._page(found))
        return HttpResponseRedirect(reverse("admin:patients_medicalrecord_change", args=[written.pk]))

    def has_room_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether there is a room to go to, and the session is open."""
        found = self._there(request, object_id) if object_id else None
        return object_id is None or (found is not None and found.is_open and bool(found.room_url))

    @action(
        description=pgettext_lazy("session", "Video room"),
        url_path="room",
        permissions=["room"],
        attrs={"target": "_blank", "rel": "noopener noreferrer"},
    )  # type: ignore[untyped-decorator]
    def room(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the clinic's own room."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if not self.has_room_permission(request, object_id) or not found.room_url.startswith("https://"):
            raise PermissionDenied
        return HttpResponseRedirect(found.room_url)

    @staticmethod
    def _id(object_id: str) -> Any:
        return unquote(object_id)

    # --- columns and what the page says -------------------------------------------------------------------------

    def choice_label(self, record: TelemedicineSession) -> str:
        return f"{self.when_column(record)} · {record.patient.display_name}"

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, record: TelemedicineSession) -> str:
        if record.started_at:
            return moment(record.started_at)
        visit = record.appointment
        if visit is None:
            return _("no hour yet")
        return moment(visit.starts_at) if visit.starts_at else date_format(visit.day, "SHORT_DATE_FORMAT")

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, record: TelemedicineSession) -> str:
        name: str = record.patient.display_name
        return name

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def professional_column(self, record: TelemedicineSession) -> str:
        return str(record.professional)

    @display(description=gettext_lazy("status"), label=STATUS_LABELS)  # type: ignore[untyped-decorator]
    def status_badge(self, record: TelemedicineSession) -> tuple[str, str]:
        return record.status, record.get_status_display()

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_link(self, record: TelemedicineSession) -> str:
        return format_html(
            '<a class="np-link" href="{}">{}</a>',
            reverse("admin:patients_patient_change", args=[record.patient_id]),
            withheld.shown(record.patient.display_name),
        )

    @display(description=gettext_lazy("appointment"))  # type: ignore[untyped-decorator]
    def appointment_link(self, record: TelemedicineSession) -> str:
        return visit_link(record.appointment)

    @display(description=gettext_lazy("appointment in person"))  # type: ignore[untyped-decorator]
    def in_person_link(self, record: TelemedicineSession) -> str:
        return visit_link(record.in_person_appointment)

    @display(description=gettext_lazy("status"))  # type: ignore[untyped-decorator]
    def status_words(self, record: TelemedicineSession) -> str:
        words = str(record.get_status_display())
        if record.status == SessionStatus.REFUSED:
            return _("refused by %(who)s, %(when)s") % {
                "who": record.get_refused_by_display(), "when": moment(record.refused_at),
            }  # fmt: skip
        if record.status == SessionStatus.CONVERTED:
            return f"{words}, {moment(record.converted_to_in_person_at)}"
        if record.started_at and record.ended_at:
            return f"{words}: {moment(record.started_at)} – {date_format(timezone.localtime(record.ended_at), 'H:i')}"
        return f"{words}: {moment(record.started_at)}" if record.started_at else words

    @display(description=gettext_lazy("telemedicine term"))  # type: ignore[untyped-decorator]
    def consent_words(self, record: TelemedicineSession) -> str:
        if record.consent:
            words = _("in force when the session began")
        elif record.started_at:
            words = _("not there: the session began as an emergency")
        elif telemedicine.consents(record.patient_id, telemedicine.TERM):
            words = _("granted")
        else:
            words = _("not granted: no session begins without it")
        return format_html(
            '{} · <a class="np-link" href="{}">{}</a>', words, consents_page(record.patient_id), _("Consents")
        )

    @display(description=gettext_lazy("in person"))  # type: ignore[untyped-decorator]
    def follow_up_words(self, record: TelemedicineSession) -> str:
        standing = telemedicine.follow_up(record.patient_id, record.professional_id)
        if standing.overdue:
            return standing.warning
        if standing.due_on:
            return _("next visit in person by %(day)s") % {"day": date_format(standing.due_on, "SHORT_DATE_FORMAT")}
        return _("first contact with this professional")

    @display(description=gettext_lazy("still missing"))  # type: ignore[untyped-decorator]
    def missing_words(self, record: TelemedicineSession) -> str:
        return "; ".join(telemedicine.missing(record)) or "–"

    @display(description=gettext_lazy("recording"))  # type: ignore[untyped-decorator]
    def recording_words(self, record: TelemedicineSession) -> str:
        if record.recording_started_at is None:
            return _("not recorded")
        if record.recording_stopped_at is None:
            return _("being recorded since %(when)s") % {"when": moment(record.recording_started_at)}
        return _("recorded from %(since)s to %(until)s") % {
            "since": moment(record.recording_started_at), "until": moment(record.recording_stopped_at),
        }  # fmt: skip


SITUATION = ("status_words", "consent_words", "follow_up_words", "missing_words", "in_person_link")
BEGUN = (
    "patient_identity", "patient_location", "professional_location", "recording_words", "emergency_reason",
    "overdue_reason", "reason", "shared_with",
)  # fmt: skip
"""What the page shows, in this order."""


def is_professional(request: HttpRequest) -> bool:
    """Whether a professional asks: the one role that opens what is clinical."""
    return place_of(request).role == Role.PROFESSIONAL


def is_own(session: TelemedicineSession) -> bool:
    """Whether a session is of the professional who acts."""
    own = records.current_professional()
    return own is not None and session.professional_id == own


def moment(value: Any) -> str:
    """A day and an hour on the clinic's clock."""
    return date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT") if value else ""


def visit_link(visit: Any) -> str:
    """An appointment by its hour, as a link."""
    if visit is None:
        return "–"
    words = moment(visit.starts_at) if visit.starts_at else date_format(visit.day, "SHORT_DATE_FORMAT")
    return format_html(
        '<a class="np-link" href="{}">{}</a>', reverse("admin:patients_appointment_change", args=[visit.pk]), words
    )


def consents_page(patient: Any) -> str:
    """The page of a patient's consents, which a floor above brings; the patient's own where it is not there."""
    try:
        return reverse("admin:patients_patient_consents", args=[patient])
    except NoReverseMatch:
        return reverse("admin:patients_patient_change", args=[patient])
