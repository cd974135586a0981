"""The page «consents» of a patient: the state of each purpose, the steps, the term to sign and the scans."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics import trail
from clinics.adminbase import place_of
from clinics.models import Clinic, Service
from compliance import consent_pdf, consents
from compliance.consent_forms import AnswerForm, GrantConsentForm, ProcedureForm, StepForm
from compliance.consents import ConsentError, Standing
from compliance.models import ConsentEvent, ConsentRecord
from compliance.purposes import TERMS, Purpose
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, purpose
from neonpro.vault.models import link
from patients.admin.patient_page import page_url
from patients.models import Patient

PAGE = "admin:patients_patient_consents"

STEPS = {
    "ask": (ConsentEvent.ASKED, gettext_lazy("Ask"), gettext_lazy("Ask for the consent")),
    "grant": (ConsentEvent.GRANTED, gettext_lazy("Record yes"), gettext_lazy("Record that the patient consents")),
    "refuse": (ConsentEvent.REFUSED, gettext_lazy("Record no"), gettext_lazy("Record that the patient refuses")),
    "withdraw": (ConsentEvent.WITHDRAWN, gettext_lazy("Withdraw"), gettext_lazy("Withdraw the consent")),
}
"""Each step's event, its button and its title."""

NEXT: dict[str, tuple[str, ...]] = {
    "": ("grant", "refuse", "ask"),
    "asked": ("grant", "refuse"),
    "granted": ("withdraw",),
    "refused": ("grant", "ask"),
    "withdrawn": ("grant", "ask"),
    "expired_by_policy": ("grant", "ask"),
}
"""The steps that make sense in a state."""

KINDS = {
    "granted": "success",
    "asked": "info",
    "refused": "danger",
    "withdrawn": "danger",
    "expired_by_policy": "warning",
}
"""How a state looks."""

_TYPES = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}


def answer(admin: Any, request: HttpRequest, patient: Patient) -> HttpResponse:
    """The page, one of its steps, or one of its files: the address says which (`do`).

    Args:
        admin: the patients' admin.
        request: of somebody who may see consents.
        patient: fetched for this page, and nothing of it opened yet.
    """
    do = request.GET.get("do", "")
    if do == "statement":
        return _statement(request, patient)
    if do == "evidence":
        return _evidence(request, patient)
    if do in STEPS or do == "term":
        chosen = _chosen(request)
        return _term(request, patient, *chosen) if do == "term" else _step(admin, request, patient, do, *chosen)
    return _overview(admin, request, patient)


def address(patient: UUID, **query: Any) -> str:
    """The address of a patient's page of consents, or of one of its steps."""
    return reverse(PAGE, args=[patient], query={name: str(value) for name, value in query.items() if value} or None)


def _chosen(request: HttpRequest) -> tuple[Purpose, Service | None]:
    """The purpose, and the procedure, that an address names.

    Raises:
        Http404: there is none.
    """
    name = request.GET.get("purpose", "")
    if name not in TERMS:
        raise Http404
    service = ProcedureForm.chosen(request.GET.get("service", "")) if TERMS[name].by_service else None
    if TERMS[name].by_service and service is None:
        raise Http404
    return Purpose(name), service


def _context(admin: Any, request: HttpRequest, patient: Patient) -> dict[str, Any]:
    request.current_app = admin.admin_site.name  # as Django's own admin does
    return {
        **admin.admin_site.each_context(request),
        "subtitle": admin.choice_label(patient),
        "opts": admin.opts,
        "object": patient,
    }


def _overview(admin: Any, request: HttpRequest, patient: Patient) -> HttpResponse:
    link([patient], ("identification",), Act.READ)
    may = consents.recordable([event for event, _b, _t in STEPS.values()], Purpose)
    texts = consents.texts_in_force()
    context = {
        **_context(admin, request, patient),
        "title": _("Consents"),
        "rows": [_row(one, patient, may, texts) for one in consents.standings(patient.pk)],
        "procedures": ProcedureForm() if (ConsentEvent.GRANTED, Purpose.PROCEDURE) in may else None,
        "events": [_event(event, trail.names(), patient) for event in _opened(patient)],
        "statement_url": address(patient.pk, do="statement"),
        "texts_url": reverse("admin:compliance_consenttext_changelist"),
        "no_texts": not texts,
        "back_url": page_url(patient.pk),
        "media": admin.media,
    }
    return TemplateResponse(request, "admin/patients/patient/consents.html", context)


def _row(one: Standing, patient: Patient, may: set[tuple[str, str]], texts: set[tuple[str, Any]]) -> dict[str, Any]:
    service = one.service.pk if one.service else None
    published = (str(one.purpose), service) in texts or (str(one.purpose), None) in texts
    where = {"purpose": one.purpose.value, "service": service}
    return {
        "purpose": capfirst(consent_pdf.label(one)),
        "family": capfirst(one.terms.family.label),
        "state": capfirst(consent_pdf.state_words(one)),
        "kind": KINDS.get(one.state, "default"),
        "since": one.since,
        "published": published,
        "term_url": address(patient.pk, do="term", **where) if published else "",
        "steps": [
            {"label": STEPS[step][1], "url": address(patient.pk, do=step, **where)}
            for step in NEXT[one.state]
            if (STEPS[step][0], one.purpose) in may and (published or step not in ("ask", "grant"))
        ],
    }


def _opened(patient: Patient) -> list[ConsentRecord]:
    events = list(consents.history(patient.pk))
    link(events, ("identification",), Act.READ)
    return events


def _event(event: ConsentRecord, people: dict[str, str], patient: Patient) -> dict[str, Any]:
    return {
        "when": event.happened_at,
        "purpose": capfirst(consent_pdf.event_label(event)),
        "event": capfirst(event.get_event_display()),
        "channel": capfirst(event.get_channel_display()),
        "who": capfirst(consent_pdf.actor_words(event)),
        "recorded": capfirst(consent_pdf.recorded_words(event, people)),
        "recorded_at": event.created_at,
        "text": f"v{event.text_version} · {event.text_sha256[:12]}…" if event.text_version else "",
        "basis": event.get_legal_basis_display(),
        "evidence_url": address(patient.pk, do="evidence", record=event.pk) if event.evidence_kind else "",
    }


def _step(
    admin: Any, request: HttpRequest, patient: Patient, step: str, chosen: Purpose, service: Service | None
) -> HttpResponse:
    event, button, title = STEPS[step]
    if (event, chosen) not in consents.recordable([event], [chosen]):
        raise PermissionDenied
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    link([patient], ("identification",), Act.READ)
    form: StepForm
    if step == "grant":
        form = GrantConsentForm(data, files, patient=patient)
    else:
        form = StepForm(data) if step == "ask" else AnswerForm(data, files)
    if form.is_bound and form.is_valid():
        try:
            _take(step, patient, chosen, service, form)
        except ConsentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _done(step, chosen))
            return HttpResponseRedirect(address(patient.pk))
    text = consents.text_in_force(chosen, service.pk if service else None)
    label = consent_pdf.label(Standing(purpose=chosen, service=service))
    context = {
        **_context(admin, request, patient),
        "title": title,
        "lead": f"{capfirst(TERMS[chosen].family.label)} · {label}",
        "text": text if step in ("ask", "grant") else None,
        "highlighted": TERMS[chosen].highlighted,
        "stops": TERMS[chosen].stops if step in ("withdraw", "refuse") else "",
        "term_url": address(patient.pk, do="term", purpose=chosen.value, service=service.pk if service else "")
        if text and step != "withdraw"
        else "",
        "form": form,
        "submit": button if step == "ask" else title,
        "kind": "np-danger" if step == "withdraw" else "np-primary",
        "back_url": address(patient.pk),
        "media": admin.media + form.media,
    }
    return TemplateResponse(request, "admin/patients/patient/consent_step.html", context)


def _take(step: str, patient: Patient, chosen: Purpose, service: Service | None, form: StepForm) -> None:
    data = form.cleaned_data
    options: dict[str, Any] = {"channel": data["channel"], "service": service.pk if service else None}
    if step == "ask":
        consents.ask(patient, chosen, **options)
        return
    upload = data.get("evidence")
    options["evidence"] = upload.read(consents.LARGEST + 1) if upload else b""
    day = data.get("happened_on")
    if day and day != timezone.localdate():
        # Of the hour nothing is known; noon is of this day on every clock.
        options["happened_at"] = timezone.make_aware(datetime.combine(day, time(12)))
    if step == "grant":
        assert isinstance(form, GrantConsentForm)
        consents.grant(patient, chosen, guardian=form.guardian(), adult=bool(data.get("adult")), **options)
    elif step == "refuse":
        consents.refuse(patient, chosen, **options)
    else:
        options.pop("happened_at", None)
        consents.withdraw(patient, chosen, **options)


def _done(step: str, chosen: Purpose) -> str:
    if step == "withdraw":
        return f"{_('The consent was withdrawn.')} {TERMS[chosen].stops}"
    return {
        "ask": _("It is written down that the patient was asked."),
        "grant": _("The consent was recorded."),
        "refuse": _("The refusal was recorded."),
    }[step]


# --- Files ------------------------------------------------------------------------------------------------------------


def _term(request: HttpRequest, patient: Patient, chosen: Purpose, service: Service | None) -> HttpResponse:
    text = consents.text_in_force(chosen, service.pk if service else None)
    if text is None:
        raise Http404
    name = _named(patient, "term")
    content = consent_pdf.term(
        text,
        patient,
        name=name,
        clinic=Clinic.objects.get(pk=place_of(request).id),
        service=service,
        guardian=consents.is_minor(patient, on=timezone.localdate()) is not False,
    )
    return _file(content, "pdf", _("term-%(number)s.pdf") % {"number": patient.record_number})


def _statement(request: HttpRequest, patient: Patient) -> HttpResponse:
    name = _named(patient, "statement")
    content = consent_pdf.statement(
        patient,
        consents.standings(patient.pk),
        _opened(patient),
        name=name,
        clinic=Clinic.objects.get(pk=place_of(request).id),
        people=trail.names(),
    )
    return _file(content, "pdf", _("consents-%(number)s.pdf") % {"number": patient.record_number})


def _named(patient: Patient, what: str) -> str:
    link([patient], ("identification",), Act.EXPORT)
    with purpose(f"{PAGE}.{what}"):
        name: str = patient.display_name
    return name


def _evidence(request: HttpRequest, patient: Patient) -> HttpResponse:
    try:
        wanted = UUID(request.GET.get("record", ""))
    except ValueError as error:
        raise Http404 from error
    event = consents.history(patient.pk).filter(pk=wanted).exclude(evidence_kind="").first()
    if event is None:
        raise Http404
    link([event], ("clinical" if event.evidence_field == "clinical_evidence" else "identification",), Act.EXPORT)
    with purpose(f"{PAGE}.evidence"):
        content = getattr(event, event.evidence_field)
    if isinstance(content, Withheld):
        raise PermissionDenied
    name = _("signed-term-%(number)s.%(kind)s") % {"number": patient.record_number, "kind": event.evidence_kind}
    return _file(bytes(content), event.evidence_kind, name)


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=_TYPES[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
