"""The first page: today's schedule, counts and no-shows, for whom patients are; the first steps of a new clinic."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinics.models import Professional, Service
from clinics.roles import ACCESS, Role
from neonpro.db import context
from patients.dashboard import AGENDA_ROWS, DAYS, Chart
from patients.models import Appointment, AppointmentStatus, Patient
from tests import factories
from tests.factories import World, make_world
from tests.pages import Page
from tests.visits import signed_in

INDEX = "/admin/"


def today(world: World) -> date:
    return timezone.localdate(timezone=ZoneInfo(world.clinic.time_zone))


def at(world: World, hour: int, *, day: int = 0) -> datetime:
    """An hour of the clinic's own clock, on a day counted from its today."""
    there = today(world) + timedelta(days=day)
    return datetime(there.year, there.month, there.day, hour, tzinfo=ZoneInfo(world.clinic.time_zone))


def book(world: World, status: str, *, hour: int | None = None, day: int = 0, patient: int = 0) -> Appointment:
    """An appointment of the world's only professional; without an hour, by order of arrival."""
    starts_at = at(world, hour, day=day) if hour is not None else None
    with context.enter(factories.JOB, world.clinic.pk):
        return Appointment.objects.create(
            patient=world.patients[patient],
            professional=world.professional,
            service=world.service,
            day=today(world) + timedelta(days=day),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=30) if starts_at else None,
            status=status,
        )


def index(world: World, role: str = Role.RECEPTION) -> Any:
    answer = signed_in(world.user(role)).get(INDEX)
    assert answer.status_code == 200
    return answer


def test_the_agenda_is_todays_by_the_hour_and_what_is_over_comes_last(clinic_a: World) -> None:
    over = book(clinic_a, "completed", hour=8)
    late = book(clinic_a, "scheduled", hour=11)
    waiting = book(clinic_a, "arrived", hour=10)
    arrival = book(clinic_a, "scheduled")
    gone = book(clinic_a, "no_show", hour=9)
    book(clinic_a, "scheduled", hour=9, day=1)
    book(clinic_a, "scheduled", hour=9, day=-1)
    answer = index(clinic_a)
    assert [line.appointment for line in answer.context["agenda"]] == [waiting, late, arrival, over, gone]
    row = Page(answer.content.decode()).rows[1]
    assert row[0].startswith("10:00")
    assert row[1:4] == ["Paciente ALFAZEMA 0", "Dra. ALFAZEMA", "Consulta ALFAZEMA"]
    assert row[4], "the status in words, not by colour or icon alone"


@pytest.mark.parametrize("time_zone", ["America/Noronha", "America/Rio_Branco"])
def test_today_is_the_clinics_own(db: None, time_zone: str) -> None:
    world = make_world("CANELA", time_zone=time_zone)
    for hour in (0, 23):
        book(world, "scheduled", hour=hour)
    rows = Page(index(world).content.decode()).rows[1:3]
    assert [row[0][:5] for row in rows] == ["00:00", "23:00"]


def test_a_long_day_is_cut_and_says_so(clinic_a: World) -> None:
    for _number in range(AGENDA_ROWS + 2):
        book(clinic_a, "scheduled")
    answer = index(clinic_a)
    assert len(answer.context["agenda"]) == AGENDA_ROWS
    assert answer.context["agenda_total"] == AGENDA_ROWS + 2
    assert str(AGENDA_ROWS + 2) in answer.content.decode().split("</table>")[1].split("</section>")[0]


def test_the_counts(clinic_a: World, clinic_b: World) -> None:
    for status in ("scheduled", "arrived", "cancelled"):
        book(clinic_a, status)
        book(clinic_b, status)
    with context.enter(factories.JOB, clinic_a.clinic.pk):
        Patient.objects.create(name="Paciente antigo", created_at=timezone.now() - timedelta(days=40))
    figures = index(clinic_a).context["figures"]
    assert [figure.value for figure in figures] == [2, 1, 4, 3]


def test_no_shows_are_counted_by_day_without_today_and_without_the_cancelled(clinic_a: World) -> None:
    for day in (-1, -DAYS):
        for status in ("no_show", "completed", "completed", "cancelled"):
            book(clinic_a, status, day=day)
    book(clinic_a, "no_show", day=0)
    book(clinic_a, "no_show", day=-DAYS - 1)
    answer = index(clinic_a)
    chart: Chart = answer.context["chart"]
    assert (chart.missed, chart.expected) == (2, 6)
    assert [(day.day, day.missed, day.expected) for day in chart.days if day.expected] == [
        (today(clinic_a) - timedelta(days=DAYS), 1, 3),
        (today(clinic_a) - timedelta(days=1), 1, 3),
    ]
    html = answer.content.decode()
    assert html.count('class="np-bar-all"') == html.count('class="np-bar-missed"') == 2
    table = [row for row in Page(html).rows if row[1:] == ["3", "1", "33%"]]
    assert len(table) == 2, "and the same as a table"


def test_every_bar_stays_inside_the_drawing() -> None:
    day = date(2026, 3, 31)
    counted = {day - timedelta(days=number): (number * 700, number) for number in range(1, DAYS + 1)}
    chart = Chart(counted, day)
    assert len(chart.days) == DAYS
    for bar in chart.days:
        assert 0 <= bar.top <= bar.missed_top < Chart.FLOOR
        assert bar.height + bar.top == Chart.FLOOR
        assert bar.x < chart.width
    assert max(bar.height for bar in chart.days) == Chart.TALLEST
    assert Chart({}, day).share == 0


@pytest.mark.parametrize("role", Role.values)
def test_patients_are_shown_to_whom_patients_are(clinic_a: World, role: str) -> None:
    book(clinic_a, "scheduled", hour=10)
    html = index(clinic_a, role).content.decode()
    assert ("Paciente ALFAZEMA" in html) == (role in ACCESS["patients"]["view"])
    assert ("np-chart" in html or "no-shows" in html) == (role in ACCESS["appointments"]["view"])


def test_another_clinics_day_is_not_ours(clinic_a: World, clinic_b: World) -> None:
    book(clinic_b, "scheduled", hour=10)
    answer = index(clinic_a)
    assert answer.context["agenda"] == []
    assert "BERGAMOTA" not in answer.content.decode()


def test_every_status_has_an_icon(clinic_a: World) -> None:
    for status in AppointmentStatus.values:
        book(clinic_a, status)
    icons = [line.icon for line in index(clinic_a).context["agenda"]]
    assert len(set(icons)) == len(AppointmentStatus.values)


def queries_of(client: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(INDEX)
    return len(queries)


def test_the_number_of_queries_does_not_grow(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    book(clinic_a, "scheduled", hour=10)
    client.get(INDEX)
    few = queries_of(client)
    for hour in range(11, 20):
        book(clinic_a, "scheduled", hour=hour)
        book(clinic_a, "no_show", hour=hour, day=-hour, patient=hour % 3)
    assert queries_of(client) == few


def test_a_new_clinic_is_told_what_to_do_first(db: None) -> None:
    world = make_world("DAMASCO", patients=0)
    manager = index(world, Role.MANAGER)
    assert [step.done for step in manager.context["steps"]] == [True, True, False, False]
    assert [bool(step.link) for step in manager.context["steps"]] == [False, False, True, True]
    with context.enter(factories.JOB, world.clinic.pk):
        world.patients.append(Patient.objects.create(name="Paciente DAMASCO"))
    assert [step.done for step in index(world).context["steps"]] == [True, True, True, False]
    book(world, "scheduled", hour=9)
    assert index(world).context["steps"] == []


def test_a_step_links_only_where_the_role_may_take_it(db: None) -> None:
    world = make_world("ERVILHA", patients=0, director=False)
    with world.enter(Role.MANAGER):
        Service.objects.all().delete()
        Professional.objects.all().delete()
    links = [bool(step.link) for step in index(world, Role.RECEPTION).context["steps"]]
    tables = ("professionals", "services", "patients", "appointments")
    assert links == [Role.RECEPTION in ACCESS[table]["add"] for table in tables]


def test_an_empty_day_says_what_to_do_next(clinic_a: World) -> None:
    add = "/admin/patients/appointment/add/"
    assert add in Page(index(clinic_a, Role.RECEPTION).content.decode()).links
    assert add not in Page(index(clinic_a, Role.DPO).content.decode()).links
