"""The buttons of a telemedicine session's page: each step of it, the room, and its entry in the medical record."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from clinics.adminbase import ClinicAdmin, place_of, read_alone
from clinics.models import Clinic
from patients import telemedicine
from patients.admin.record_pages import consents_page
from patients.admin.telemedicine_steps import STEPS
from patients.admin.telemedicine_words import is_own, is_professional
from patients.forms.telemedicine import ConvertForm, InPersonForm, RefuseForm, ShareForm, StartForm
from patients.models import SessionStatus, TelemedicineSession
from patients.telemedicine import TelemedicineError


class SessionActions(ClinicAdmin):
    """What can be done with a session, and by whom; a mix-in of the sessions' admin."""

    actions_detail = (
        "room", "start", "entry", "finish", "refuse", "convert", "in_person", "record_on", "record_off", "share",
        "cancel",
    )  # fmt: skip

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
