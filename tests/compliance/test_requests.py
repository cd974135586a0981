"""Requests of holders: their clock, their way, and what no SQL can do to them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinics.models import Clinic
from clinics.roles import Role
from compliance import requests
from compliance.models import PACKAGED, DataRequest, RequestType, due_day
from compliance.requests import RequestError, act_by
from neonpro.rules import rule
from patients.models import Absence
from tests.factories import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world("SABUGUEIRO", patients=1)


@pytest.fixture
def as_dpo(world: World) -> Iterator[None]:
    with world.enter(Role.DPO), timezone.override("America/Sao_Paulo"):
        DataRequest.objects.count()
        yield


def ask(world: World, kind: str = "ACCESS", **options: Any) -> DataRequest:
    return requests.open_request(patient_id=world.patients[0].pk, kind=kind, channel="in_person", **options)


@pytest.mark.parametrize(
    ("kind", "received", "due"),
    [
        # Over the turn of the year, in calendar days, as art. 19 counts them.
        ("ACCESS", date(2026, 12, 22), date(2027, 1, 6)),
        # Over Carnival (8 and 9 February 2027): no day more.
        ("ACCESS", date(2027, 1, 25), date(2027, 2, 9)),
        ("CORRECTION", date(2026, 12, 31), date(2027, 1, 15)),
        ("CONFIRMATION", date(2026, 12, 31), date(2026, 12, 31)),
    ],
)
def test_the_due_day_is_the_laws(kind: str, received: date, due: date) -> None:
    assert due_day(kind, received) == due


@pytest.mark.parametrize(
    ("due", "local", "last"),
    [
        # Tuesday of Carnival 2027: the Friday before.
        (date(2027, 2, 9), (), date(2027, 2, 5)),
        # New Year, a Friday; its eve is an optional point.
        (date(2027, 1, 1), (), date(2026, 12, 30)),
        # A town's holiday on a Monday: the Friday before.
        (date(2026, 12, 14), (date(2026, 12, 14),), date(2026, 12, 11)),
        (date(2026, 12, 15), (), date(2026, 12, 15)),
    ],
)
def test_the_last_working_day_before_it(due: date, local: tuple[date, ...], last: date) -> None:
    assert act_by(due, uf="SP", local=local) == last


def test_it_is_due_by_the_clinics_midnight(world: World, as_dpo: None) -> None:
    late = datetime(2026, 11, 1, 23, 30, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert ask(world, received_at=late).due_on == date(2026, 11, 16)


def test_a_municipal_holiday_of_the_clinic_counts(world: World) -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    day = date(2026, 12, 7)
    with world.enter(Role.MANAGER):
        Absence.objects.create(
            kind="holiday", starts_at=datetime(2026, 12, 7, tzinfo=zone), ends_at=datetime(2026, 12, 8, tzinfo=zone)
        )
    with world.enter(Role.DPO), timezone.override(zone):
        request = ask(world, received_at=datetime(2026, 11, 22, 12, tzinfo=zone))
        assert request.due_on == day
        assert requests.clocks([request])[request.pk].act_by == date(2026, 12, 4)


def test_the_whole_way(world: World, as_dpo: None) -> None:
    request = ask(world, "CORRECTION", details="Meu nome está errado.")
    with pytest.raises(RequestError):
        requests.answer_request(request, "feito", channel="email")
    requests.check_identity(request, "document", acting_user=world.user(Role.DPO))
    request.refresh_from_db()
    assert (request.status, request.identity_checked_by) == ("in_progress", world.user(Role.DPO).pk)
    first = request.due_on
    requests.extend_request(request, "O fornecedor demora.")
    assert request.due_on == first + timedelta(days=15)
    with pytest.raises(RequestError):
        requests.extend_request(request, "de novo")
    requests.answer_request(request, "Corrigido.", channel="email")
    found = DataRequest.objects.get(pk=request.pk)
    assert (found.status, found.answer, found.extended_from) == ("answered", "Corrigido.", first)
    assert found.answered_at is not None
    with pytest.raises(RequestError):
        requests.refuse_request(found, "tarde", channel="email")


def test_what_the_statute_times_is_not_extended(world: World, as_dpo: None) -> None:
    request = ask(world, "ACCESS")
    with pytest.raises(RequestError):
        requests.extend_request(request, "muito trabalho")


def test_a_refusal_says_why(world: World, as_dpo: None) -> None:
    request = ask(world, "OPPOSE")
    with pytest.raises(RequestError):
        requests.refuse_request(request, " ", channel="letter")
    requests.refuse_request(request, "Quem pediu não se identificou.", channel="letter")
    assert DataRequest.objects.get(pk=request.pk).status == "refused"


@pytest.mark.parametrize(
    "change",
    [
        "due_on = due_on + 400",
        "due_on = due_on + 10, extended_at = now()",
        "status = 'answered'",
        "status = 'refused'",
        "kind = 'CONFIRMATION'",
        "received_at = received_at + interval '3 days'",
        "answered_at = now(), status = 'answered', identity_check = 'document'",
    ],
)
def test_sql_moves_no_request_past_its_guard(change: str, world: World, as_dpo: None) -> None:
    request = ask(world)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE data_requests SET {change} WHERE id = %s", [request.pk])


def test_sql_changes_nothing_of_a_closed_one(world: World, as_dpo: None) -> None:
    request = ask(world, identity_check="document")
    requests.answer_request(request, "Entregue.", channel="in_person")
    for change in ("status = 'in_progress'", "answer_channel = 'page'", "answered_at = now()"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE data_requests SET {change} WHERE id = %s", [request.pk])


def test_the_database_extends_what_the_rules_extend() -> None:
    text = Path("compliance/sql/may_extend_request.sql").read_text("utf-8")
    listed = set(rule("lgpd.requests.extendable", on=date(2026, 11, 25)).choices)
    assert {kind for kind in RequestType.values if f"'{kind}'" in text} == listed


def test_the_digest_goes_once_a_week_and_names_nobody(world: World) -> None:
    with world.enter(Role.DPO):
        request = ask(world, received_at=timezone.now() - timedelta(days=30))
    call_command("send_request_digest", clinic=world.clinic.pk, verbosity=0)
    call_command("send_request_digest", clinic=world.clinic.pk, verbosity=0)
    assert len(mail.outbox) == 1
    (sent,) = mail.outbox
    assert request.number in sent.body
    assert "SABUGUEIRO" not in sent.body
    assert "ACCESS" not in sent.body
    assert "/admin/compliance/datarequest/" in sent.body
    with world.enter(Role.DPO):
        name = Clinic.objects.get(pk=world.clinic.pk).trade_name
    assert name in sent.subject


def test_the_database_packages_what_the_application_does() -> None:
    text = Path("compliance/sql/packaged_patient.sql").read_text("utf-8")
    assert {kind for kind in RequestType.values if f"'{kind}'" in text} == {kind.value for kind in PACKAGED}
