"""`manage.py load_demo`: two clinics with people in them, and an agenda around today. Running it again adds what a new
day lacks, and changes nothing else.

A job of its own does it, clinic by clinic, under the same row policies as everybody.
"""

import hashlib
import tomllib
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import Func, TextField
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.licences import latest_recheck
from clinics.models import (
    Clinic,
    LicenceStatus,
    Membership,
    Professional,
    Service,
    User,
    VerificationMethod,
)
from clinics.roles import Role
from clinics.scope import sign_off, start_matrix
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.pades import demonstration
from patients import import_mapping, people
from patients.demo_prescriptions import write_prescriptions
from patients.demo_products import write_products
from patients.demo_records import write_records
from patients.demo_signing import sign_records
from patients.import_files import ImportRefused
from patients.imports import import_appointments
from patients.management.commands.import_appointments import default_rejects, progress_bar, summary
from patients.models import (
    FREES_THE_TIME,
    LAWFUL,
    Absence,
    AbsenceKind,
    Appointment,
    AppointmentStatus,
    Patient,
    WaitingEntry,
    WorkingHours,
)
from patients.people import Draw, Place
from patients.search import known

JOB = Job("load_demo")
PASSWORD = "demonstracao-neonpro"  # noqa: S105  public on purpose; the command refuses to run outside a demonstration
SOURCE = "demo"

DAYS_BEFORE, DAYS_AFTER = 30, 14
LUNCH = time(12), time(13)
SUNDAY = 6

NO_SHOW_PERCENT, CANCELLED_PERCENT = 16, 9
OVER = (AppointmentStatus.COMPLETED, *FREES_THE_TIME)
CANCEL_REASONS = ("Paciente remarcou", "Imprevisto do paciente", "Profissional ausente", "Paciente sem transporte")

Definition = dict[str, Any]
"""A clinic as `data/demo.toml` describes it."""


class Command(BaseCommand):
    help = str(gettext_lazy("Load the demonstration: two clinics, their people and an agenda around today."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help=_("a real export (CSV) to import into the first clinic"))

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                _("The demonstration has a public password: it loads only where NEONPRO_DEMO is set. Nothing was done.")
            )
        load(now=timezone.now())
        if options["data"] is not None:
            self._import(options["data"], verbosity=options["verbosity"])
        if options["verbosity"]:
            self.stdout.write(logins())

    def _import(self, file: Path, *, verbosity: int) -> None:
        first = clinic_id(definitions()[0])
        try:
            if _was_imported(file, first):
                return
            rejects = default_rejects(file)
            with progress_bar(file, verbosity=verbosity) as bar:
                report = import_appointments(
                    file, import_mapping.load("noshow"), actor=JOB, clinic=first, rejects=rejects, progress=bar.update
                )
        except ImportRefused as error:
            raise CommandError(f"{error}\n{_('Nothing was imported.')}") from error
        if verbosity:
            self.stdout.write(summary(report, rejects))


def load(*, now: datetime) -> None:
    """Make the demonstration, or bring its agenda up to a moment.

    Args:
        now: the moment around which the agenda is made.
    """
    with context.enter(JOB, None):
        _account(_document()["platform"], superuser=True)
    for definition in definitions():
        place = clinic_id(definition)
        with context.enter(JOB, place):
            is_new = not Clinic.objects.filter(pk=place).exists()
            if is_new:
                _found(definition, place, now)
            _Agenda(definition, now).bring_up_to_date()
            write_records(place)
            write_prescriptions(place)
            sign_records(place, settings.DEMO_CERTIFICATES)
            _keep_agenda(now)
            if is_new:
                # What the floors above show of themselves.
                for part in settings.DEMO_PARTS:
                    import_string(part)(place, now)
            write_products(place, now)


def logins() -> str:
    """Who can sign in where, as a table for the terminal."""
    rows = [(_("E-mail"), _("Clinic"), _("Role"))]
    for definition in definitions():
        for member in definition["team"]:
            rows.append((member["email"], definition["trade_name"], str(Role(member["role"]).label)))
    rows.append((_document()["platform"], "—", _("platform account, member of no clinic")))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    table = [f"  {email:{widths[0]}}  {place:{widths[1]}}  {role}" for email, place, role in rows]
    lines = ["", *table, "", "  " + _("Password of all of them: %(password)s") % {"password": PASSWORD}]
    certificate = settings.DEMO_CERTIFICATES / demonstration.PERSON
    if certificate.exists():
        lines.append("  " + _("To sign as Marina Valadares: %(file)s, with the same password") % {"file": certificate})
    return "\n".join(lines)


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((people.DATA / "demo.toml").read_text(encoding="utf-8"))


def definitions() -> list[Definition]:
    """The demonstration's clinics."""
    clinics: list[Definition] = _document()["clinics"]
    return clinics


def clinic_id(definition: Definition) -> UUID:
    """The id of a clinic of the demonstration: always the same, so that running again finds it."""
    return uuid5(NAMESPACE_DNS, f"{definition['key']}.example")


# --- A clinic, once ---------------------------------------------------------------------------------------------


def _found(definition: Definition, place: UUID, now: datetime) -> None:
    """Make a clinic with its team, professionals, services and patients. Later it is its people's to change."""
    today = now.date()
    plain = (
        "trade_name", "legal_name", "cnes", "licence_number", "licence_authority", "dpo_name", "dpo_email", "phone",
        "email", "street", "city", "uf", "cep",
    )  # fmt: skip
    clinic = Clinic.objects.create(
        id=place,
        cnpj=people.cnpj(definition["cnpj_number"]),
        licence_issued_on=today - timedelta(days=200),
        licence_expires_on=today + timedelta(days=165),
        **{name: definition[name] for name in plain},
    )
    members: dict[str, Membership] = {}
    for member in definition["team"]:
        with context.enter(JOB, None):
            account = _account(member["email"])
        members[member["email"]] = Membership.objects.create(
            user=account, display_name=member["name"], email=member["email"], role=member["role"]
        )
    Service.objects.bulk_create(Service(**service) for service in definition["services"])
    licence = (
        "full_name", "specialty", "council", "council_number", "council_uf", "council_region", "council_category",
        "rqe",
    )  # fmt: skip
    for person in definition["professionals"]:
        professional = Professional.objects.create(
            membership=members.get(person.get("member", "")),
            **{name: person[name] for name in licence if name in person},
            **_verification(person),
        )
        if person["full_name"] == definition["director"]:
            clinic.technical_director = professional
    clinic.save()
    # What the clinic decides, it decides on the day on which the demonstration is made.
    start_matrix(on=timezone.localdate())
    _sign_off(definition, place, timezone.localdate())
    _add_patients(definition, now)


def _verification(person: Definition) -> dict[str, Any]:
    """What the clinic knows of a licence: verified lately, too long ago, or not at all."""
    if not person.get("verified") and not person.get("stale"):
        return {}
    # Whether a verification still counts is PostgreSQL's to say, by its own clock.
    verified_at, made_on = timezone.now() - timedelta(days=200 if person.get("stale") else 20), timezone.localdate()
    return {
        "status": LicenceStatus.ACTIVE,
        "verified_at": verified_at,
        "verification_method": VerificationMethod.WEBSITE,
        "verification_source": "Consulta ao site do conselho (demonstração)",
        "recheck_on": verified_at.date() + (latest_recheck(on=made_on) - made_on),
    }


def _sign_off(definition: Definition, place: UUID, today: date) -> None:
    """What the technical director has signed off, signed in with their own access."""
    if "sign_offs" not in definition:
        return
    (email,) = (
        person["member"] for person in definition["professionals"] if person["full_name"] == definition["director"]
    )
    with context.enter(JOB, None):
        director = _account(email)
    with context.enter(director, place):
        for given in definition["sign_offs"]:
            sign_off(
                professional=Professional.objects.get(full_name=given["professional"]),
                procedure_class=given["procedure_class"],
                reason=given["reason"],
                until=today + timedelta(days=180),
                on=today,
            )


def _account(email: str, *, superuser: bool = False) -> User:
    """An account, made if there is none: somebody may work in both clinics, and may have changed the password."""
    user = User.objects.filter(email__iexact=email).first()
    return user or User.objects.create_user(email, PASSWORD, is_superuser=superuser)


def _add_patients(definition: Definition, now: datetime) -> None:
    place = Place(
        city=definition["city"],
        uf=definition["uf"],
        ddd=definition["ddd"],
        streets=tuple(definition["streets"]),
        districts=tuple(definition["districts"]),
        ceps=(definition["ceps"][0], definition["ceps"][1]),
    )
    patients = []
    for index in range(definition["patients"]):
        person = people.person(
            SOURCE, definition["key"], number=definition["cnpj_number"] * 10_000 + index, place=place, today=now.date()
        )
        registered = now - timedelta(minutes=Draw(SOURCE, "registered", definition["key"], index).below(900 * 24 * 60))
        fields = {name: getattr(person, name) for name in people.Person.__dataclass_fields__}
        patients.append(
            Patient(source=SOURCE, external_id=str(index), created_at=registered, updated_at=registered, **fields)
        )
    Patient.objects.bulk_create(patients)
    _restrict(definition, patients, now)


def _restrict(definition: Definition, patients: list[Patient], now: datetime) -> None:
    """Close the data of one patient, as the DPO does where somebody asks for it (LGPD art. 18, IV)."""
    if "restricted" not in definition:
        return
    (email,) = (member["email"] for member in definition["team"] if member["role"] == Role.DPO)
    with context.enter(JOB, None):
        dpo = _account(email)
    with context.enter(dpo, clinic_id(definition)):
        Patient.objects.filter(pk=patients[definition["restricted"]].pk).update(restricted_at=now)


def _keep_agenda(now: datetime) -> None:
    """Hours, an absence, an encaixe and people who wait, once a clinic; later they are its people's to change."""
    if WorkingHours.objects.exists() or WaitingEntry.objects.exists():
        return
    zone = ZoneInfo(Clinic.objects.get().time_zone)
    today = now.astimezone(zone).date()
    people = list(Professional.objects.filter(is_active=True).order_by("full_name"))
    WorkingHours.objects.bulk_create(
        WorkingHours(
            professional=person, weekday=weekday, starts=starts, ends=ends, valid_from=today - timedelta(days=365)
        )
        for person in people
        for weekday in range(6)
        for starts, ends in ((time(8), LUNCH[0]), (LUNCH[1], time(18)))
    )
    away = datetime.combine(today + timedelta(days=20), time(8), tzinfo=zone)
    Absence.objects.create(
        professional=people[-1], kind=AbsenceKind.COURSE, starts_at=away, ends_at=away + timedelta(days=2)
    )
    waiting = Patient.objects.filter(restricted_at=None).order_by("record_number")[:4]
    for number, patient in enumerate(waiting):
        WaitingEntry.objects.create(
            patient=patient, professional=people[0] if number % 2 else None,
            priority="high" if number == 2 else "normal", note="Pode vir com uma hora de aviso" if number == 2 else "",
        )  # fmt: skip


# --- Its agenda, every day --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in a professional's day."""

    key: str
    professional: UUID
    service: UUID
    starts_at: datetime
    ends_at: datetime
    by_arrival: bool


class _Agenda:
    """The agenda of one clinic around a moment."""

    def __init__(self, definition: Definition, now: datetime) -> None:
        self.definition = definition
        self.now = now
        self.zone = ZoneInfo(Clinic.objects.get().time_zone)
        self.today = now.astimezone(self.zone).date()
        self.services = {service.name: service for service in Service.objects.filter(is_active=True)}
        self.professionals = dict(Professional.objects.filter(is_active=True).values_list("full_name", "pk"))

    def bring_up_to_date(self) -> None:
        """Fill the days that were never filled, and end what was left open on days gone by."""
        self._end_past_days()
        window = [self.today + timedelta(days=offset) for offset in range(-DAYS_BEFORE, DAYS_AFTER + 1)]
        # By what an appointment was made as: somebody may have moved it since.
        made = Appointment.objects.filter(source=SOURCE, day__gte=window[0]).values_list("external_id", flat=True)
        filled = {key.split(".")[0] for key in made}
        # Nobody works on Sundays, unless the demonstration is shown on one.
        missing = [
            day for day in window if day.isoformat() not in filled and (day.weekday() != SUNDAY or day == self.today)
        ]
        if missing:
            self._fill(missing)

    def _end_past_days(self) -> None:
        open_ones = Appointment.objects.filter(source=SOURCE, day__lt=self.today).exclude(
            status__in=(AppointmentStatus.COMPLETED, *FREES_THE_TIME)
        )
        outcomes: dict[AppointmentStatus, list[UUID]] = defaultdict(list)
        begun: list[UUID] = []
        # What the clinic's matrix did not allow on that day did not take place.
        refusal = Func(
            "professional_id", "service_id", "day", function="neonpro.scope_refusal", output_field=TextField()
        )
        rows = open_ones.annotate(refusal=refusal).values_list("pk", "external_id", "status", "refusal")
        for pk, key, status, refused in rows:
            if status == AppointmentStatus.IN_CARE:
                begun.append(pk)
                continue
            outcome = AppointmentStatus.COMPLETED if status == AppointmentStatus.ARRIVED else _outcome(key)
            outcomes[AppointmentStatus.CANCELLED if refused else outcome].append(pk)
        # What had begun ends, without going back to where it began.
        Appointment.objects.filter(pk__in=begun).update(status=AppointmentStatus.COMPLETED)
        # One state after the other, as at the reception: nobody else's way leads anywhere either.
        steps = {
            AppointmentStatus.CANCELLED: (),
            AppointmentStatus.NO_SHOW: (),
            AppointmentStatus.COMPLETED: (AppointmentStatus.ARRIVED, AppointmentStatus.IN_CARE),
        }
        for outcome, keys in outcomes.items():
            for step in (*steps[outcome], outcome):
                before = [state for state, following in LAWFUL.items() if step in following and state not in OVER]
                Appointment.objects.filter(pk__in=keys, status__in=before).update(status=step)

    def _fill(self, days: list[date]) -> None:
        # By their numbers in the demonstration, which are encrypted: the search knows them. Nothing can be written for
        # those whose data are closed.
        made = known("external", ((SOURCE, str(index)) for index in range(self.definition["patients"])))
        closed = set(Patient.objects.filter(restricted_at__isnull=False).values_list("pk", flat=True))
        patients = [made[key] for key in sorted(made) if made[key] not in closed]
        # Those whom somebody has booked meanwhile: nobody may be in two places at once.
        busy: dict[tuple[date, UUID | None], list[tuple[datetime, datetime]]] = defaultdict(list)
        booked: dict[date, set[UUID]] = defaultdict(set)
        existing = Appointment.objects.filter(day__in=days)
        for day, patient, professional, start, end in existing.values_list(
            "day", "patient_id", "professional_id", "starts_at", "ends_at"
        ):
            booked[day].add(patient)
            if start and end:
                busy[day, professional].append((start, end))
        appointments = []
        for day in days:
            for slot in self._slots(day):
                if any(slot.starts_at < end and slot.ends_at > start for start, end in busy[day, slot.professional]):
                    continue
                patient = Draw(SOURCE, "patient", self.definition["key"], slot.key).one_of(patients)
                if patient not in booked[day]:
                    booked[day].add(patient)
                    appointments.append(self._appointment(day, slot, patient))
        Appointment.objects.bulk_create(appointments, batch_size=1000)

    def _slots(self, day: date) -> Iterator[_Slot]:
        """The places of a day that are taken: about three in four."""
        for order, person in enumerate(self.definition["professionals"]):
            offered = [self.services[name] for name in person["services"] if name in self.services]
            professional = self.professionals.get(person["full_name"])
            # Somebody may have renamed or ended them; their agenda is then no longer ours to make.
            if professional is None or not offered:
                continue
            draw = Draw(SOURCE, "day", self.definition["key"], day, order)
            opens, closes = (self._at(day, time(hour)) for hour in person["hours"])
            lunch_starts, lunch_ends = (self._at(day, hour) for hour in LUNCH)
            start = opens
            while True:
                service = draw.one_of(offered)
                end = start + timedelta(minutes=service.duration_minutes)
                if start < lunch_ends and end > lunch_starts:
                    start, end = lunch_ends, lunch_ends + timedelta(minutes=service.duration_minutes)
                if end > closes:
                    break
                if draw.chance(75):
                    yield _Slot(
                        f"{day.isoformat()}.{order}.{start:%H%M}", professional, service.pk, start, end,
                        person.get("by_arrival", False),
                    )  # fmt: skip
                start = end

    def _at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, tzinfo=self.zone).astimezone(UTC)

    def _appointment(self, day: date, slot: _Slot, patient: UUID) -> Appointment:
        draw = Draw(SOURCE, "booking", self.definition["key"], slot.key)
        lead = timedelta(
            days=0 if draw.chance(12) else 1 + draw.below(10) + draw.below(18), minutes=30 + draw.below(90)
        )
        # Nothing can have been booked in the future.
        booked_at = min(slot.starts_at - lead, self.now - timedelta(minutes=5 + draw.below(600)))
        status = self._status(slot)
        return Appointment(
            patient_id=patient,
            professional_id=slot.professional,
            service_id=slot.service,
            day=day,
            starts_at=None if slot.by_arrival else slot.starts_at,
            ends_at=None if slot.by_arrival else slot.ends_at,
            status=status,
            cancel_reason=draw.one_of(CANCEL_REASONS) if status == AppointmentStatus.CANCELLED else "",
            booked_at=booked_at,
            reminded=lead.days >= 2 and slot.starts_at - self.now < timedelta(days=2) and draw.chance(80),
            created_at=booked_at,
            updated_at=booked_at,
            source=SOURCE,
            external_id=slot.key,
        )

    def _status(self, slot: _Slot) -> AppointmentStatus:
        draw = Draw(SOURCE, "status", self.definition["key"], slot.key)
        if draw.chance(CANCELLED_PERCENT):
            return AppointmentStatus.CANCELLED
        if slot.ends_at <= self.now:
            return _outcome(slot.key)
        if slot.starts_at <= self.now:
            return AppointmentStatus.IN_CARE
        if slot.starts_at <= self.now + timedelta(minutes=40) and draw.chance(70):
            return AppointmentStatus.ARRIVED
        if slot.starts_at <= self.now + timedelta(days=2) and draw.chance(60):
            return AppointmentStatus.CONFIRMED
        return AppointmentStatus.SCHEDULED


def _outcome(key: str) -> AppointmentStatus:
    """How an appointment ended."""
    missed = Draw(SOURCE, "outcome", key).chance(NO_SHOW_PERCENT)
    return AppointmentStatus.NO_SHOW if missed else AppointmentStatus.COMPLETED


def _was_imported(file: Path, clinic: UUID) -> bool:
    """Whether a clinic has imported exactly this file: the audit log says so, to those who may read it."""
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImportRefused(
            _("The file %(file)s cannot be read: %(reason)s.") % {"file": file, "reason": error.strerror}
        ) from error
    with context.enter(JOB, clinic):
        managers = list(Membership.objects.filter(role=Role.MANAGER, is_active=True))
    if not managers:
        return False
    with context.enter(context.SignIn(), None):
        manager = User.objects.get(pk=managers[0].user_id)
    with context.enter(manager, clinic), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM audit_logs WHERE action = 'IMPORT' AND changes ->> 'sha256' = %s)", [digest]
        )
        return bool(cursor.fetchone()[0])
