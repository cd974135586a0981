"""The steps of a telemedicine session, and what the page of its appointment says of it."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.decorators import action, display

from patients.models import SessionStatus, TelemedicineSession

OPEN = (SessionStatus.PLANNED, SessionStatus.RUNNING)


STATUS_LABELS = {
    SessionStatus.PLANNED: "info",
    SessionStatus.RUNNING: "warning",
    SessionStatus.ENDED: "success",
    SessionStatus.REFUSED: "danger",
    SessionStatus.CONVERTED: "primary",
    SessionStatus.CANCELLED: "default",
}
"""How a status looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A button of a session's page.

    Attributes:
        label: on the button, which has little room.
        title: of the page that asks.
        text: what it means.
        done: said afterwards.
        states: in which the button is there.
        own: only for the session's professional.
        kind: the button's class.
    """

    label: Any
    title: Any
    text: Any
    done: Any
    states: tuple[str, ...]
    own: bool = True
    kind: str = "np-primary"


STEPS: dict[str, Step] = {
    "start": Step(
        label=pgettext_lazy("session", "Begin"),
        title=gettext_lazy("Begin the session"),
        text=gettext_lazy("Both say who they are and where they are. The hour is written down by itself."),
        done=gettext_lazy("The session has begun."),
        states=(SessionStatus.PLANNED,),
    ),
    "finish": Step(
        label=pgettext_lazy("session", "End"),
        title=gettext_lazy("End the session"),
        text=gettext_lazy("The hour is written down by itself. The entry in the medical record can follow."),
        done=gettext_lazy("The session has ended. Complete its entry in the medical record."),
        states=(SessionStatus.RUNNING,),
    ),
    "refuse": Step(
        label=pgettext_lazy("session", "Refusal"),
        title=gettext_lazy("Record a refusal"),
        text=gettext_lazy(
            "The patient may always refuse care at a distance and be seen in person; so may the professional, on a"
            " first visit too (Lei 14.510/2022). The session ends here."
        ),
        done=gettext_lazy("The refusal was recorded. Book the visit in person."),
        states=OPEN,
        own=False,
        kind="np-danger",
    ),
    "convert": Step(
        label=pgettext_lazy("session", "In person"),
        title=gettext_lazy("Change to in person"),
        text=gettext_lazy("The session ends here, and the patient is seen in person."),
        done=gettext_lazy("The session was changed. Book the visit in person."),
        states=OPEN,
        own=False,
    ),
    "in_person": Step(
        label=pgettext_lazy("session", "Book in person"),
        title=gettext_lazy("Book the visit in person"),
        text=gettext_lazy("With the same professional."),
        done=gettext_lazy("The visit in person is booked."),
        states=(SessionStatus.REFUSED, SessionStatus.CONVERTED),
        own=False,
    ),
    "record_on": Step(
        label=pgettext_lazy("session", "Recording"),
        title=gettext_lazy("Recording begins"),
        text=gettext_lazy(
            "A recording is not required, and needs a consent of its own. NeonPro does not record: this writes down"
            " that the clinic's room does, from now on."
        ),
        done=gettext_lazy("It is written down that the session is being recorded."),
        states=(SessionStatus.RUNNING,),
    ),
    "record_off": Step(
        label=pgettext_lazy("session", "Stop recording"),
        title=gettext_lazy("Recording stops"),
        text=gettext_lazy("Stop the recording in the room, then confirm here."),
        done=gettext_lazy("It is written down that the recording stopped."),
        states=(SessionStatus.RUNNING,),
    ),
    "share": Step(
        label=pgettext_lazy("session", "Sharing"),
        title=gettext_lazy("Sharing"),
        text=gettext_lazy("Sharing images and data with other professionals needs a consent of its own."),
        done=gettext_lazy("The sharing was recorded."),
        states=(SessionStatus.RUNNING,),
    ),
    "cancel": Step(
        label=pgettext_lazy("session", "Cancel"),
        title=gettext_lazy("Cancel the session"),
        text=gettext_lazy("The session was only planned; the appointment stays as it is."),
        done=gettext_lazy("The session was cancelled."),
        states=(SessionStatus.PLANNED,),
        own=False,
        kind="np-danger",
    ),
}


class SessionOnAppointment:
    """The telemedicine session on the page of its appointment; a mix-in of the appointments' admin."""

    def has_session_permission(self: Any, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may see sessions."""
        return bool(request.user.has_perm("patients.view_telemedicinesession"))

    @action(description=gettext_lazy("Telemedicine"), url_path="session", permissions=["session"])  # type: ignore[untyped-decorator]
    def session(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the session of this appointment, or to the form of a new one."""
        visit = self.get_object(request, unquote(object_id))
        if visit is None:
            raise Http404
        found = session_of(visit)
        if found is not None:
            return HttpResponseRedirect(reverse("admin:patients_telemedicinesession_change", args=[found.pk]))
        query = {"appointment": str(visit.pk), "patient": str(visit.patient_id)}
        if visit.professional_id:
            query["professional"] = str(visit.professional_id)
        return HttpResponseRedirect(reverse("admin:patients_telemedicinesession_add", query=query))

    @display(description=gettext_lazy("telemedicine"))  # type: ignore[untyped-decorator]
    def session_state(self: Any, visit: Any) -> str:
        found = session_of(visit)
        if found is None:
            return ""
        return format_html(
            '<a class="np-link" href="{}">{} · {}</a>',
            reverse("admin:patients_telemedicinesession_change", args=[found.pk]),
            found.get_modality_display(),
            found.get_status_display(),
        )


def session_of(visit: Any) -> TelemedicineSession | None:
    """The session of an appointment that says most of it: one that is open or over, before one that was given up."""
    found = TelemedicineSession.objects.filter(appointment=visit.pk).order_by("-created_at")
    order = [*OPEN, SessionStatus.ENDED]
    return next((one for one in found if one.status in order), found.first())
