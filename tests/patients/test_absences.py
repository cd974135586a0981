"""Time in the schedule that a recall needs: proposed, blocked by who may, over visits only knowingly, given back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from clinics.roles import Role
from compliance.models import AuditLog
from neonpro.db import context
from patients.absences import AbsenceError, VisitsInTheWay, block_for_recall, blocks_of, in_the_way, proposal, unblock
from patients.models import Absence, Appointment, ProductLot, WorkingHours
from patients.slots import at
from patients.stock import set_status
from tests.factories import JOB, World, bring_to, make_world
from tests.pages import Page
from tests.products import make_application, make_lot, make_product
from tests.visits import filled, signed_in

VISIT = datetime(2030, 1, 7, 12, tzinfo=UTC)
"""When the first patient's visit begins: a Monday, nine o'clock in São Paulo."""

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    return make_world("ALFAZEMA")


@pytest.fixture
def lot(world: World) -> ProductLot:
    return recalled(world)


def recalled(world: World) -> ProductLot:
    """A recalled lot that one patient got something from."""
    with world.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product())
        make_application(lot, world.patients[0], world, quantity=Decimal(10))
        set_status(lot.pk, "recalled", reason="alerta do fabricante")
    return lot


def page(lot: ProductLot) -> str:
    return reverse("admin:patients_productlot_recalled", args=[lot.pk])


def sent(world: World, starts: datetime = VISIT + 12 * HOUR, **changes: Any) -> dict[str, Any]:
    """What the form sends: an hour of the professional, on the clinic's clock."""
    local = starts.astimezone(ZoneInfo("America/Sao_Paulo"))
    data = {
        "block": "1",
        "who": str(world.professional.pk),
        "starts_at": f"{local:%Y-%m-%dT%H:%M}",
        "ends_at": f"{local + HOUR:%Y-%m-%dT%H:%M}",
    }
    return data | changes


# --- The workflow ----------------------------------------------------------------------------------------------------


def test_free_time_is_blocked_and_given_back_and_both_are_in_the_log(world: World, lot: ProductLot) -> None:
    with world.enter(Role.MANAGER):
        made = block_for_recall(
            lot.pk, professional=world.professional.pk, starts_at=VISIT + 12 * HOUR, ends_at=VISIT + 13 * HOUR
        )
        assert (made.kind, made.lot_id) == ("recall", lot.pk)
        assert made.reason == f"Recolhimento de {lot.product}, lote {lot.number}"
        (block,) = blocks_of(lot.pk)
        assert (block.absence, block.visits, block.is_over) == (made, 0, False)
        unblock(lot.pk, made.pk)
        assert blocks_of(lot.pk) == []
        with pytest.raises(AbsenceError):
            unblock(lot.pk, made.pk)
        log = AuditLog.objects.filter(table_name="absences", record_id=made.pk).order_by("created_at")
        assert [row.action for row in log] == ["INSERT", "DELETE"]


def test_what_cannot_be_blocked(world: World, lot: ProductLot) -> None:
    def refused(starts: datetime, ends: datetime) -> str:
        with pytest.raises(AbsenceError) as error:
            block_for_recall(lot.pk, professional=world.professional.pk, starts_at=starts, ends_at=ends)
        return str(error.value)

    now = timezone.now()
    with world.enter(Role.MANAGER):
        assert "depois do início" in refused(now + HOUR, now + HOUR)
        assert "já passou" in refused(now - 2 * HOUR, now - timedelta(seconds=1))
        assert "31 dias" in refused(now, now + timedelta(days=31, seconds=1))
        block_for_recall(
            lot.pk, professional=world.professional.pk, starts_at=VISIT + 12 * HOUR, ends_at=VISIT + 13 * HOUR
        )
        # A second click.
        assert "já está bloqueado" in refused(VISIT + 12 * HOUR, VISIT + 13 * HOUR)
        set_status(lot.pk, "available", reason="alarme falso")
        assert "recolhido" in refused(VISIT + 15 * HOUR, VISIT + 16 * HOUR)
        assert Absence.objects.filter(lot=lot.pk).count() == 1


def test_visits_in_the_way_must_have_been_seen_each_of_them(world: World, lot: ProductLot) -> None:
    time: dict[str, Any] = {"professional": world.professional.pk, "starts_at": VISIT, "ends_at": VISIT + 3 * HOUR}
    with world.enter(Role.MANAGER):
        with pytest.raises(VisitsInTheWay) as refused:
            block_for_recall(lot.pk, **time)
        visits = refused.value.visits
        assert [one.id for one in visits] == [one.pk for one in world.appointments]
        with pytest.raises(VisitsInTheWay):
            block_for_recall(lot.pk, **time, seen=[one.id for one in visits[:2]])
        assert Absence.objects.filter(lot=lot.pk).count() == 0
        block_for_recall(lot.pk, **time, seen=[one.id for one in visits])
        assert blocks_of(lot.pk)[0].visits == 3


def test_in_the_way_is_what_is_still_to_come_and_ends_at_the_border(world: World) -> None:
    with world.enter(Role.MANAGER):
        first: dict[str, Any] = {"professional": world.professional.pk, "starts_at": VISIT, "ends_at": VISIT + HOUR / 2}
        assert [one.id for one in in_the_way(**first)] == [world.appointments[0].pk]
        before = first | {"starts_at": VISIT - HOUR, "ends_at": VISIT}
        after = first | {"starts_at": VISIT + HOUR / 2, "ends_at": VISIT + HOUR}
        assert in_the_way(**before) == in_the_way(**after) == []
        assert in_the_way(**first | {"professional": world.director.pk}) == []
        assert len(in_the_way(**first | {"professional": None})) == 1
        bring_to(world.appointments[0], "cancelled")
        assert in_the_way(**first) == []


@pytest.mark.parametrize("role", [Role.DPO, Role.PROFESSIONAL, Role.RECEPTION, Role.AUDITOR])
def test_who_does_not_keep_the_schedule_or_the_recall_blocks_nothing(world: World, lot: ProductLot, role: str) -> None:
    with world.enter(role), pytest.raises(AbsenceError):
        block_for_recall(
            lot.pk, professional=world.professional.pk, starts_at=VISIT + 12 * HOUR, ends_at=VISIT + 13 * HOUR
        )
    with context.enter(JOB, world.clinic.pk):
        assert not Absence.objects.filter(lot=lot.pk).exists()


def test_another_clinics_lot_or_professional_is_not_there(world: World, lot: ProductLot) -> None:
    other = make_world("BERGAMOTA")
    theirs = recalled(other)
    time: dict[str, Any] = {"starts_at": VISIT + 12 * HOUR, "ends_at": VISIT + 13 * HOUR}
    with world.enter(Role.MANAGER):
        for which, who in ((theirs.pk, world.professional.pk), (lot.pk, other.professional.pk)):
            with pytest.raises(AbsenceError):
                block_for_recall(which, professional=who, **time)
        # In SQL too: the same error as for a lot that is nowhere.
        with pytest.raises(IntegrityError, match="absences_lot_same_clinic"), transaction.atomic():
            Absence.objects.create(kind="recall", lot_id=theirs.pk, **time)
    with other.enter(Role.MANAGER):
        made = block_for_recall(theirs.pk, professional=None, **time)
    with world.enter(Role.MANAGER):
        assert blocks_of(theirs.pk) == []
        with pytest.raises(AbsenceError):
            unblock(theirs.pk, made.pk)


def test_the_database_ties_the_kind_to_its_lot(world: World, lot: ProductLot) -> None:
    time: dict[str, Any] = {"starts_at": VISIT, "ends_at": VISIT + HOUR}
    for fields in ({"kind": "recall"}, {"kind": "meeting", "lot_id": lot.pk}):
        with (
            world.enter(Role.MANAGER),
            pytest.raises(DatabaseError, match="absences_recall_names_its_lot"),
            transaction.atomic(),
        ):
            Absence.objects.create(**fields, **time)


# --- The time that is proposed ----------------------------------------------------------------------------------------


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return at(day, datetime(2000, 1, 1, hour, minute).time())  # noqa: DTZ001  # a clock's hour alone


def test_the_next_working_day_is_proposed(world: World) -> None:
    friday = datetime(2030, 1, 4, 15, tzinfo=UTC)
    monday = date(2030, 1, 7)
    with world.enter(Role.MANAGER), timezone.override(ZoneInfo("America/Sao_Paulo")):
        # Nine, ten and eleven o'clock are booked for half an hour each; one call takes half an hour.
        whose = world.professional.pk
        assert proposal(whose, calls=1, now=friday) == (local(monday, 8), local(monday, 8, 30))
        assert proposal(whose, calls=14, now=friday) == (local(monday, 11, 30), local(monday, 13))
        assert proposal(whose, calls=10_000, now=friday) == (local(monday, 11, 30), local(monday, 15, 30))
        # A director who works on Wednesdays only.
        WorkingHours.objects.create(
            professional=world.director, weekday=2, starts="14:00", ends="18:00", valid_from=date(2030, 1, 1)
        )
        assert proposal(world.director.pk, calls=1, now=friday)[0] == local(date(2030, 1, 9), 14)


def test_the_whole_clinic_is_proposed_a_day_on_which_it_is_open(world: World) -> None:
    with world.enter(Role.MANAGER), timezone.override(ZoneInfo("America/Sao_Paulo")):
        Absence.objects.create(kind="closed", starts_at=local(date(2030, 1, 2), 0), ends_at=local(date(2030, 1, 3), 0))
        # The first of January is a holiday of law, the second the clinic's own.
        found = proposal(None, calls=1, now=datetime(2029, 12, 31, 15, tzinfo=UTC))
        assert found == (local(date(2030, 1, 3), 8), local(date(2030, 1, 3), 8, 30))


# --- The page ---------------------------------------------------------------------------------------------------------


def test_a_manager_blocks_time_on_the_recalls_page(world: World, lot: ProductLot) -> None:
    client = signed_in(world.user(Role.MANAGER))
    first = client.get(page(lot))
    form = first.context["block_form"]
    assert form.initial["who"] == str(world.director.pk)
    assert form.initial["starts_at"] > timezone.now()
    answer = client.post(page(lot), sent(world, VISIT + 4 * HOUR))
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{page(lot)}#content")
    html = client.get(page(lot)).content.decode()
    assert "07/01/2030 13:00 – 14:00" in html
    assert "Desfazer o bloqueio" in html
    day = client.get(reverse("admin:patients_appointment_day"), {"day": "2030-01-07"}).content.decode()
    assert "Recolhimento de Toxina botulínica A 100 U, lote L1234" in day
    with world.enter(Role.MANAGER):
        made = Absence.objects.get(lot=lot.pk)
    # What it is for stands in the list of absences, and does not change there.
    change = reverse("admin:patients_absence_change", args=[made.pk])
    assert client.post(change, filled(client, change, kind="meeting", ends_at_1="14:30")).status_code == 302
    with world.enter(Role.MANAGER):
        made.refresh_from_db()
        assert (made.kind, made.ends_at) == ("recall", VISIT + 5.5 * HOUR)
    assert client.post(page(lot), {"unblock": str(made.pk)}).status_code == 302
    assert "Desfazer o bloqueio" not in client.get(page(lot)).content.decode()
    for nonsense in (str(made.pk), "x"):
        answer = client.post(page(lot), {"unblock": nonsense}, follow=True)
        assert [message.level_tag for message in answer.context["messages"]] == ["error"]


def test_nobody_is_booked_in_blocked_time(world: World, lot: ProductLot) -> None:
    signed_in(world.user(Role.MANAGER)).post(page(lot), sent(world))
    client = signed_in(world.user(Role.RECEPTION))
    add = reverse("admin:patients_appointment_add")
    data = filled(
        client, add, patient=world.patients[0].pk, professional=world.professional.pk, service=world.service.pk,
        day="07/01/2030", time="21:15",
    )  # fmt: skip
    refused = client.post(add, data)
    assert refused.status_code == 200
    assert "Recolhimento de" in str(refused.context["adminform"].form.errors["time"])


def test_the_page_names_the_visits_in_the_way_before_it_blocks(world: World, lot: ProductLot) -> None:
    client = signed_in(world.user(Role.MANAGER))
    asked = client.post(page(lot), sent(world, VISIT))
    assert asked.status_code == 200
    assert "07/01/2030 09:00 – 09:30" in asked.content.decode()
    assert (
        reverse("admin:patients_appointment_change", args=[world.appointments[0].pk])
        in Page(asked.content.decode()).links
    )
    seen = asked.context["seen"]
    # Another visit was booked meanwhile: it is named, too.
    with world.enter(Role.RECEPTION):
        Appointment.objects.create(
            patient=world.patients[1], professional=world.professional, service=world.service,
            starts_at=VISIT + HOUR / 2, ends_at=VISIT + HOUR,
        )  # fmt: skip
    again = client.post(page(lot), sent(world, VISIT, seen=seen))
    assert again.status_code == 200
    assert len(again.context["in_the_way"]) == 2
    done = client.post(page(lot), sent(world, VISIT, seen=again.context["seen"]))
    assert done.status_code == 302
    assert "2 atendimentos a remarcar" in client.get(page(lot)).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"who": ""}, "who"),
        ({"who": "00000000-0000-4000-8000-000000000000"}, "who"),
        ({"starts_at": ""}, "starts_at"),
        ({"starts_at": "ontem"}, "starts_at"),
        ({"ends_at": "2030-01-07T20:00"}, "ends_at"),
        ({"starts_at": "2020-01-07T20:00", "ends_at": "2020-01-07T21:00"}, "__all__"),
    ],
)
def test_what_is_wrong_stands_at_its_field(world: World, lot: ProductLot, changes: dict[str, Any], field: str) -> None:
    answer = signed_in(world.user(Role.MANAGER)).post(page(lot), sent(world, **changes))
    assert answer.status_code == 409
    assert list(answer.context["block_form"].errors) == [field]
    assert str(answer.context["block_form"].errors[field][0]) in answer.content.decode()


def test_the_page_blocks_for_nobody_else(world: World, lot: ProductLot) -> None:
    made = signed_in(world.user(Role.MANAGER)).post(page(lot), sent(world))
    assert made.status_code == 302
    with world.enter(Role.MANAGER):
        key = str(Absence.objects.get(lot=lot.pk).pk)
    # They lead the recall and see what is blocked, but the schedule is not theirs to keep.
    for user in (world.user(Role.DPO), world.director_user):
        client = signed_in(user)
        shown = client.get(page(lot))
        assert "07/01/2030 21:00" in shown.content.decode()
        assert shown.context["block_form"] is None
        assert "Desfazer o bloqueio" not in shown.content.decode()
        assert client.post(page(lot), sent(world, VISIT + 20 * HOUR)).status_code == 403
        assert client.post(page(lot), {"unblock": key}).status_code == 403
    for role in (Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR):
        client = signed_in(world.user(role))
        assert client.post(page(lot), sent(world, VISIT + 20 * HOUR)).status_code == 403
        assert client.post(page(lot), {"unblock": key}).status_code == 403
    stranger = signed_in(make_world("BERGAMOTA").user(Role.MANAGER))
    assert stranger.post(page(lot), sent(world, VISIT + 20 * HOUR)).status_code == 404
    with world.enter(Role.MANAGER):
        assert Absence.objects.filter(lot=lot.pk).count() == 1


def test_who_ends_a_recall_hears_of_time_still_blocked(world: World, lot: ProductLot) -> None:
    client = signed_in(world.user(Role.MANAGER))
    client.post(page(lot), sent(world), follow=True)
    release = reverse("admin:patients_productlot_release", args=[lot.pk])
    answer = client.post(release, {"reason": "alarme falso"}, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["success", "warning"]
    with world.enter(Role.MANAGER):
        made = Absence.objects.get(lot=lot.pk)
    # Whoever keeps the schedule removes it where absences are.
    delete = reverse("admin:patients_absence_delete", args=[made.pk])
    assert signed_in(world.user(Role.RECEPTION)).post(delete, {"post": "yes"}).status_code == 302
    with world.enter(Role.MANAGER):
        assert not Absence.objects.filter(lot=lot.pk).exists()


def test_blocking_opens_nobodys_data(world: World, lot: ProductLot) -> None:
    client = signed_in(world.user(Role.MANAGER))
    answer = client.post(page(lot), sent(world))
    with world.enter(Role.DPO):
        rows = AuditLog.objects.filter(request_id=answer.headers["X-Request-ID"])
        assert [row.table_name for row in rows] == ["absences"]
