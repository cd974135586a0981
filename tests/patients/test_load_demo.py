"""The demonstration: whole, the same when it is loaded again, and never without a today."""

import itertools
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from clinics.auth import RoleBackend
from clinics.models import Clinic, Membership, Professional, Service, User
from clinics.roles import Role
from neonpro.db import context
from neonpro.pades import demonstration
from neonpro.vault.fields import Withheld
from patients import signing
from patients.management.commands import load_demo
from patients.management.commands.load_demo import JOB, PASSWORD, clinic_id, definitions, load
from patients.models import (
    FREES_THE_TIME,
    AdverseEvent,
    Appointment,
    AppointmentStatus,
    ClinicalPhoto,
    MedicalRecord,
    Patient,
    PatientAlert,
    PrescriptionSignature,
    ProductApplication,
    RecordSignature,
)
from patients.search import find
from patients.stock import overview

IPE, VITORIA = (clinic_id(definition) for definition in definitions())
# A Wednesday, in the middle of the morning at São Paulo.
NOW = datetime(2026, 5, 13, 13, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")


def snapshot() -> dict[str, list[Any]]:
    """Everything that the demonstration made, as each clinic sees it."""
    rows: dict[str, list[Any]] = {}
    for place in (IPE, VITORIA):
        with context.enter(JOB, place):
            for model in (Clinic, Membership, Professional, Service, Patient, Appointment):
                # As PostgreSQL has them: a value that was encrypted again under its key is the same bytes.
                columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
                with connection.cursor() as cursor:
                    cursor.execute(f"SELECT {columns} FROM {model._meta.db_table}")
                    rows[f"{place} {model.__name__}"] = sorted(cursor.fetchall(), key=str)
    return rows


def test_its_professionals_have_written(loaded: None) -> None:
    with context.enter(JOB, None):
        account = User.objects.get(email="profissional@ipe.example")
    with context.enter(account, IPE):
        found = list(MedicalRecord.objects.all())
        # A colleague's signed report may be of somebody whom this one sees too.
        assert {"draft", "finalised"} <= {record.status for record in found}
        assert any(record.amends_id for record in found)
        assert any(record.diagnoses for record in found)
        assert PatientAlert.objects.count() >= 3
        assert len({record.patient_id for record in found}) >= 3


@pytest.fixture
def loaded(db: None) -> None:
    load(now=NOW)


def test_it_is_whole(loaded: None) -> None:
    with context.enter(JOB, IPE):
        assert Patient.objects.count() == 230
        people = list(Patient.objects.filter(restricted_at=None))
        assert any(patient.preferred_name for patient in people)
        assert len({patient.cpf for patient in people} - {""}) == 229
        assert Professional.objects.filter(council="", specialty="Esteticista").exists()
        assert Professional.objects.exclude(council="").values("council").distinct().count() >= 3
        assert Service.objects.exclude(tuss_code="").exists()
        director = Clinic.objects.select_related("technical_director").get().technical_director
        assert director is not None
        assert director.licence == "CRM-SP 900101"
        Clinic.objects.get().full_clean()
        for professional in Professional.objects.all():
            professional.full_clean()
    with context.enter(JOB, VITORIA):
        assert Patient.objects.count() == 170
        assert Appointment.objects.filter(starts_at=None).exists()
        assert {member.role for member in Membership.objects.all()} == set(Role.values)


def test_one_patient_is_closed_to_all_but_the_dpo(loaded: None) -> None:
    with context.enter(JOB, IPE):
        members = {member.role: member.user_id for member in Membership.objects.filter(role__in=("dpo", "manager"))}
    with context.enter(context.SignIn(), None):
        users = {role: User.objects.get(pk=pk) for role, pk in members.items()}
    with context.enter(users["manager"], IPE):
        closed = Patient.objects.get(restricted_at__isnull=False)
        assert isinstance(closed.name, Withheld)
        assert not Appointment.objects.filter(patient=closed).exists()
    with context.enter(users["dpo"], IPE):
        closed = Patient.objects.get(pk=closed.pk)
        assert not isinstance(closed.name, Withheld)
        assert closed.pk in find(closed.name)
    with context.enter(JOB, VITORIA):
        assert not Patient.objects.filter(restricted_at__isnull=False).exists()


def test_everyone_can_sign_in_and_one_works_in_both_clinics(loaded: None, rf: Any) -> None:
    places = Counter[str]()
    for definition in definitions():
        for member in definition["team"]:
            with context.enter(context.SignIn(), None):
                user = RoleBackend().authenticate(rf.post("/"), username=member["email"], password=PASSWORD)
            assert isinstance(user, User)
            with context.enter(user, clinic_id(definition)) as opened:
                assert opened.role == member["role"]
            places[member["email"]] += 1
    assert sorted(places.values())[-2:] == [1, 2]
    with context.enter(context.SignIn(), None):
        platform = User.objects.get(is_superuser=True)
        assert platform.check_password(PASSWORD)
    for place in (IPE, VITORIA):
        with pytest.raises(context.NotAMember), context.enter(platform, place):
            pass


def test_the_agenda_is_likely(loaded: None) -> None:
    today = NOW.astimezone(ZONE).date()
    for place in (IPE, VITORIA):
        with context.enter(JOB, place):
            everything = list(Appointment.objects.select_related("service"))
        days = {appointment.day for appointment in everything}
        assert min(days) <= today - timedelta(days=29)
        assert max(days) >= today + timedelta(days=13)
        assert not any(day.weekday() == 6 for day in days)
        past = Counter(a.status for a in everything if a.day < today)
        assert set(past) == {AppointmentStatus.COMPLETED, *FREES_THE_TIME}
        assert 0.1 < past[AppointmentStatus.NO_SHOW] / past.total() < 0.22
        assert len({a.status for a in everything if a.day == today}) >= 5
        coming = {a.status for a in everything if a.day > today}
        assert coming == {AppointmentStatus.SCHEDULED, AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED}
        for appointment in everything:
            assert appointment.booked_at < NOW
            if appointment.starts_at and appointment.ends_at:
                starts, ends = (
                    moment.astimezone(ZONE).time() for moment in (appointment.starts_at, appointment.ends_at)
                )
                assert time(8) <= starts
                assert ends <= time(18)
                assert ends <= time(12) or starts >= time(13)
                assert appointment.booked_at <= appointment.starts_at
        # Even those that free their time leave nobody twice in one place.
        taken = sorted(
            (a.professional_id, a.starts_at, a.ends_at) for a in everything if a.starts_at and a.professional_id
        )
        assert not [
            (first, second) for first, second in itertools.pairwise(taken)
            if first[0] == second[0] and second[1] < first[2]  # type: ignore[operator]
        ]  # fmt: skip


def test_loading_again_changes_nothing(loaded: None) -> None:
    before = snapshot()
    load(now=NOW + timedelta(hours=3))
    assert snapshot() == before


def test_what_people_changed_stays(loaded: None) -> None:
    today = NOW.astimezone(ZONE).date()
    with context.enter(JOB, IPE):
        Clinic.objects.update(trade_name="Outro nome")
        Professional.objects.filter(full_name="Lia Prado").update(full_name="Lia Prado Reis")
        moved = Appointment.objects.filter(day=today + timedelta(days=1)).first()
        assert moved is not None
        moved.status, moved.note = AppointmentStatus.CANCELLED, "ligou"
        moved.save()
        # Somebody books a whole day that the demonstration will want later.
        patient = Patient.objects.filter(restricted_at=None).latest("created_at")
        later = datetime(2026, 5, 28, 11, tzinfo=UTC)
        own = Appointment.objects.create(
            patient=patient, professional=Professional.objects.get(full_name="Caio Menezes"),
            starts_at=later, ends_at=later + timedelta(hours=10),
        )  # fmt: skip
    load(now=NOW + timedelta(days=3))
    with context.enter(JOB, IPE):
        assert Clinic.objects.get().trade_name == "Outro nome"
        assert Professional.objects.count() == 5
        assert Appointment.objects.get(pk=moved.pk).note == "ligou"
        others = Appointment.objects.filter(day=later.date()).exclude(pk=own.pk)
        assert others.exists()
        assert not others.filter(professional=own.professional).exists()
        assert not others.filter(patient=patient).exists()


def test_today_is_never_empty_and_the_past_never_open(loaded: None) -> None:
    for days in (1, 4, 5, 11, 60):  # the fourth is a Sunday
        now = NOW + timedelta(days=days)
        load(now=now)
        today = now.astimezone(ZONE).date()
        for place in (IPE, VITORIA):
            with context.enter(JOB, place):
                assert Appointment.objects.filter(day=today).count() > 15
                open_ones = Appointment.objects.filter(day__lt=today).exclude(
                    status__in=(AppointmentStatus.COMPLETED, *FREES_THE_TIME)
                )
                assert not open_ones.exists()


def test_it_is_for_demonstrations_only(db: None, settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError):
        call_command("load_demo")
    with context.enter(JOB, IPE):
        assert not Clinic.objects.exists()


def test_the_command_prints_the_logins_and_imports_an_export_once(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dirty = Path(__file__).parent / "data" / "dirty.csv"
    call_command("load_demo", data=dirty)
    said = capsys.readouterr().out
    for definition in definitions():
        assert all(member["email"] in said for member in definition["team"])
    assert PASSWORD in said
    assert (tmp_path / "dirty.rejects.csv").exists()
    (tmp_path / "dirty.rejects.csv").unlink()
    with context.enter(JOB, IPE):
        assert Appointment.objects.filter(source="noshow").count() == 4
    call_command("load_demo", data=dirty)
    assert not (tmp_path / "dirty.rejects.csv").exists(), "it was imported again"
    with context.enter(JOB, VITORIA):
        assert not Appointment.objects.filter(source="noshow").exists()
    with pytest.raises(CommandError):
        call_command("load_demo", data=tmp_path / "none.csv")


def test_the_password_is_no_secret_but_long_enough() -> None:
    from django.contrib.auth.password_validation import validate_password

    validate_password(load_demo.PASSWORD, User(email="gestao@ipe.example"))


def test_a_report_is_signed_with_the_demonstrations_certificate(db: None, tmp_path: Path, settings: Any) -> None:
    """At the level that it has, which is not ICP-Brasil's; and once."""
    demonstration.make(tmp_path)
    settings.DEMO_CERTIFICATES = tmp_path
    settings.NEONPRO_SIGNATURE_ROOTS = [str(tmp_path / demonstration.ROOT)]
    for _ in range(2):
        load(now=timezone.now())
    with context.enter(context.Job("verify_signatures"), IPE):
        (signature,) = RecordSignature.objects.all()
        assert signature.level == "ADVANCED"
        report = signing.verify_unread(signature, same_file=True)
        assert report is not None
        assert report.ok
        (electronic,) = PrescriptionSignature.objects.all()
        report = signing.verify_unread(electronic, same_file=True)
        assert report is not None
        assert report.ok


def test_its_stock_has_something_to_look_at(loaded: None) -> None:
    with context.enter(JOB, IPE):
        members = dict(Membership.objects.filter(role="professional").values_list("user_id", "display_name"))
        stock = overview(today=timezone.localdate(NOW))
        assert stock.soon
        assert stock.expired
        assert stock.held
        assert stock.unusable
    # Each sees what was done to those in their own care.
    seen = []
    for account in members:
        with context.enter(context.SignIn(), None):
            user = User.objects.get(pk=account)
        with context.enter(user, IPE):
            seen.append([model.objects.count() for model in (ProductApplication, AdverseEvent, ClinicalPhoto)])
    applied, events, photos = map(max, zip(*seen, strict=True))
    assert applied >= 5
    assert events >= 1
    assert photos >= 2
