"""What the demonstration shows of consents, telemedicine, requests and «Meus dados»; called for each clinic."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from clinics.models import Membership, Professional, Service, User
from clinics.roles import Role
from compliance import consents, holder, requests
from compliance.consents import Guardian
from compliance.models import Channel, ConsentText, DataRequest, IdentityCheck, RequestChannel, RequestType
from compliance.purposes import Purpose
from neonpro.db import context
from neonpro.vault.keys import Act
from patients import telemedicine
from patients.models import Appointment, AppointmentStatus, Patient, RefusedBy
from patients.people import Draw
from patients.search import known_cpf

SOURCE = "demo"
ASKED = 40
"""Patients of a clinic who have been asked for something."""

TCLE = """\
A profissional me explicou, em linguagem que entendi, o procedimento {service}, para que serve, como é feito e que o
resultado varia de pessoa para pessoa.

Riscos e complicações possíveis: dor, vermelhidão, inchaço ou manchas no local, infecção e assimetria, entre outros que
me foram explicados.

Alternativas: outros tratamentos ou não fazer o procedimento.

Informei as doenças, alergias e medicamentos que tenho ou uso. Pude fazer perguntas e todas foram respondidas. Sei que
posso desistir a qualquer momento antes do procedimento, sem que isso prejudique o meu atendimento.
"""


def load(place: UUID, now: datetime) -> None:
    """Publish texts, ask patients, and plan sessions at a distance, in the context of the demonstration's own job.

    Args:
        place: the clinic, whose context is open and whose agenda is made.
        now: the moment around which the demonstration is made.
    """
    _publish()
    _ask(now)
    _plan(place, now)
    _open_page(now)
    load_requests(place, now)


HOLDER = ("52998224725", date(1980, 3, 5), "ana.demo@exemplo.example")
"""CPF, date of birth and e-mail of the patient by whom the page «Meus dados» is tried (README)."""


def _open_page(now: datetime) -> None:
    """Make one of those who were asked the patient by whom the page is tried: known data, a confirmed e-mail."""
    cpf, born, email = HOLDER
    if known_cpf(cpf) is not None:
        return
    adults = Patient.objects.filter(source=SOURCE, restricted_at__isnull=True, birth_year__lt=now.year - 19)
    found = adults.opening("identification", "contact").order_by("created_at", "pk").first()
    if found is None:
        return
    found.cpf, found.birth_date, found.birth_year, found.email = cpf, born, born.year, email
    found.save()
    holder.confirm_contact(found, email)
    if not consents.allows(found.pk, Purpose.MARKETING):
        consents.grant(found, Purpose.MARKETING, channel=Channel.PAPER)


def _publish() -> None:
    for text in consents.add_starters():
        # The two that a clinic has to complete first stay drafts.
        if text.purpose not in (Purpose.PROCEDURE, Purpose.DRUG_RISK):
            consents.publish(text)
    service = Service.objects.filter(is_active=True).order_by("-price_cents", "name").first()
    if service is not None:
        text = ConsentText.objects.create(
            purpose=Purpose.PROCEDURE,
            service=service,
            title=f"Termo de consentimento – {service.name}",
            body=TCLE.format(service=service.name)
            .replace("\n\n", "\0")
            .replace("\n", " ")
            .replace("\0", "\n\n")
            .strip(),
        )
        consents.publish(text)


def _ask(now: datetime) -> None:
    adults = Patient.objects.filter(source=SOURCE, restricted_at__isnull=True, birth_year__lt=now.year - 19).order_by(
        "created_at", "pk"
    )
    for order, patient in enumerate(adults.opening("identification", act=Act.LIST)[:ASKED]):
        draw = Draw(SOURCE, "consent", patient.record_number)
        # Between nine and three on the clinic's clock.
        day = timezone.localtime(now) - timedelta(days=1 + draw.below(60))
        when = day.replace(hour=9 + draw.below(6), minute=draw.below(60))
        for purpose, percent in (
            (Purpose.MARKETING, 60),
            (Purpose.IMAGE_RECORD, 45),
            (Purpose.IMAGE_PUBLICATION, 12),
            (Purpose.TELEMEDICINE, 35),
        ):
            if draw.chance(percent):
                consents.grant(patient, purpose, channel=Channel.PAPER, happened_at=when)
            elif draw.chance(20):
                consents.refuse(patient, purpose, channel=Channel.IN_PERSON, happened_at=when)
        if order % 9 == 4 and consents.allows(patient.pk, Purpose.MARKETING):
            consents.withdraw(patient, Purpose.MARKETING, channel=Channel.MESSAGE)
        if order % 11 == 3 and not consents.allows(patient.pk, Purpose.TELEMEDICINE):
            consents.ask(patient, Purpose.TELEMEDICINE, channel=Channel.EMAIL)
    child = Patient.objects.filter(source=SOURCE, birth_year__gt=now.year - 17, restricted_at__isnull=True).first()
    if child is not None:
        mother = Guardian(name="Helena Duarte", relation="mother", proof="certidão de nascimento")
        consents.grant(child, Purpose.IMAGE_RECORD, channel=Channel.PAPER, guardian=mother)


def _plan(place: UUID, now: datetime) -> None:
    """Three coming sessions: one that may begin, one that waits for the term, one that the patient refused."""
    desk = Membership.objects.filter(role=Role.RECEPTION, is_active=True).first()
    doctor = Professional.objects.filter(membership__isnull=False, is_active=True).order_by("created_at").first()
    if desk is None or doctor is None:
        return
    today = timezone.localdate(now)
    coming = list(
        Appointment.objects.filter(
            professional=doctor, day__gte=today, starts_at__gt=now,
            status__in=(AppointmentStatus.SCHEDULED, AppointmentStatus.CONFIRMED),
        ).order_by("starts_at")[:3]
    )  # fmt: skip
    with context.enter(context.SignIn(), None):
        account = User.objects.get(pk=desk.user_id)
    with context.enter(account, place):
        for order, visit in enumerate(coming):
            patient = Patient.objects.opening("identification", "contact").get(pk=visit.patient_id)
            if order == 0 and patient.birth_year and patient.birth_year < now.year - 19:
                consents.grant(patient, Purpose.TELEMEDICINE, channel=Channel.PAPER)
            session = telemedicine.plan(
                patient=patient, professional=doctor.pk, appointment=visit.pk,
                room_url=f"https://video.clinica.example/sala-{order + 1}",
            )  # fmt: skip
            if order == 2:
                telemedicine.refuse(session.pk, by=RefusedBy.PATIENT)


def load_requests(place: UUID, now: datetime) -> None:
    """Some requests of holders: overdue, due soon, new, answered and refused; in the demonstration job's context."""
    if DataRequest.objects.exists():
        return
    people = list(Patient.objects.filter(source=SOURCE, restricted_at__isnull=True).order_by("created_at", "pk")[:6])
    told: tuple[tuple[RequestType, RequestChannel, int, IdentityCheck | str, str], ...] = (
        (
            RequestType.ACCESS,
            RequestChannel.EMAIL,
            18,
            IdentityCheck.CODE,
            "Quero uma cópia de tudo o que há sobre mim.",
        ),
        (RequestType.CORRECTION, RequestChannel.IN_PERSON, 13, IdentityCheck.DOCUMENT, "Mudei de sobrenome ao casar."),
        (RequestType.PORTABILITY, RequestChannel.LETTER, 4, "", "Vou me mudar e quero levar meus dados."),
        (RequestType.SHARING_INFO, RequestChannel.PHONE, 1, "", ""),
        (RequestType.CONFIRMATION, RequestChannel.EMAIL, 20, IdentityCheck.CODE, "Vocês têm meus dados?"),
        (RequestType.ERASURE, RequestChannel.EMAIL, 30, "", "Apaguem tudo."),
    )
    for patient, (kind, channel, ago, check, words) in zip(people, told, strict=False):
        request = requests.open_request(
            patient_id=patient.pk, kind=kind, channel=channel, received_at=now - timedelta(days=ago),
            identity_check=check, details=words,
        )  # fmt: skip
        if kind is RequestType.CONFIRMATION:
            requests.answer_request(
                request, "Confirmamos que a clínica trata dados seus; a carta detalha quais.", channel="email"
            )
        if kind is RequestType.ERASURE:
            requests.refuse_request(
                request, "Não foi possível confirmar a identidade de quem pediu; o e-mail não é o do cadastro.",
                channel="email",
            )  # fmt: skip
