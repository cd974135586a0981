"""What the list and the page of a telemedicine session say, in words."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from clinics import withheld
from clinics.adminbase import place_of
from clinics.roles import Role
from patients import records, telemedicine
from patients.admin.record_pages import consents_page
from patients.admin.telemedicine_steps import STATUS_LABELS
from patients.models import SessionStatus, TelemedicineSession

SITUATION = ("status_words", "consent_words", "follow_up_words", "missing_words", "in_person_link")
BEGUN = (
    "patient_identity", "patient_location", "professional_location", "recording_words", "emergency_reason",
    "overdue_reason", "reason", "shared_with",
)  # fmt: skip
"""What the page shows, in this order."""


class SessionWords:
    """The columns of the list and the fields that are read alone; a mix-in of the sessions' admin."""

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
