"""The agenda: states, encaixes, free times, waiting list, reminders, and the pages."""

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinics.models import Clinic, Membership, Professional
from clinics.roles import Role
from neonpro.db import context
from patients.agenda import read_day
from patients.booking import BookingError
from patients.flow import events, move_on
from patients.models import (
    LAWFUL,
    Absence,
    Appointment,
    AppointmentStatus,
    Patient,
    Reminder,
    WaitingEntry,
    WorkingHours,
)
from patients.overbooking import may_overbook
from patients.reminders import as_csv, due, mark, send_reminders
from patients.slots import Timetable, free_slots
from patients.waiting_list import book_from_list, matches
from tests.db.test_races import together
from tests.factories import JOB, PATHS, World, bring_to, make_world
from tests.visits import errors_of, filled, signed_in

ADD = "/admin/patients/appointment/add/"
NINE = datetime(2030, 1, 7, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


# --- states ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", AppointmentStatus.values)
def test_the_database_lets_through_what_is_lawful_and_nothing_else(clinic_a: World, before: str) -> None:
    visit = clinic_a.appointments[0]
    for after in set(AppointmentStatus.values) - {before}:
        with clinic_a.enter(Role.MANAGER):
            try:
                with transaction.atomic():
                    bring_to(visit, before)
                    if after in LAWFUL[before]:
                        Appointment.objects.filter(pk=visit.pk).update(status=after)
                    else:
                        with pytest.raises(IntegrityError, match="does not become"), transaction.atomic():
                            Appointment.objects.filter(pk=visit.pk).update(status=after)
                    raise InterruptedError
            except InterruptedError:
                pass
    assert set(PATHS) == set(LAWFUL)


def test_a_step_is_refused_in_words_and_told_afterwards(clinic_a: World) -> None:
    with clinic_a.enter():
        visit = clinic_a.appointments[0].pk
        assert move_on(visit, "confirmed").status == "confirmed"
        with pytest.raises(BookingError, match="não passa a «Atendido»"):
            move_on(visit, "completed")
        with pytest.raises(BookingError, match="dia ainda não chegou"):
            move_on(visit, "arrived")
        with pytest.raises(BookingError, match="Outra pessoa"):
            move_on(visit, "no_show", expected="scheduled")
        found = Appointment.objects.get(pk=visit)
        found.starts_at, found.ends_at = NINE + timedelta(days=1), NINE + timedelta(days=1, minutes=30)
        found.save()
        told = [event.what for event in events(found)]
    assert told[0] == "agendado para 07/01/2030 09:00"
    assert told[-1] == "remarcado de 07/01/2030 09:00 para 08/01/2030 09:00"


# --- encaixe ---------------------------------------------------------------------------------------------------------


def overbook(world: World, role: str, reason: str = "dor forte") -> None:
    with world.enter(role), transaction.atomic():
        Appointment.objects.create(
            patient=world.patients[2], professional=world.professional, starts_at=NINE, ends_at=NINE + HALF_HOUR,
            overbooked=True, overbook_reason=reason,
        )  # fmt: skip


def test_an_encaixe_needs_permission_and_a_reason(clinic_a: World) -> None:
    with pytest.raises(IntegrityError, match="overbooking_reason"):
        overbook(clinic_a, Role.MANAGER, reason="")
    for role in (Role.RECEPTION, Role.PROFESSIONAL):
        with pytest.raises(IntegrityError, match="may not overbook"):
            overbook(clinic_a, role)
    with clinic_a.enter(Role.MANAGER):
        Membership.objects.filter(role=Role.RECEPTION).update(may_overbook=True)
        assert may_overbook()
    with clinic_a.enter(Role.PROFESSIONAL):
        assert not may_overbook()
    overbook(clinic_a, Role.RECEPTION)
    # Without the mark it is a clash like any other, by SQL too.
    with clinic_a.enter(Role.MANAGER), connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="professional_free"), transaction.atomic():
            cursor.execute("UPDATE appointments SET overbooked = false WHERE overbooked")
    with clinic_a.enter(Role.PROFESSIONAL), connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="may not overbook"), transaction.atomic():
            cursor.execute("UPDATE appointments SET starts_at = starts_at + interval '5 min' WHERE overbooked")


def test_nobody_gives_it_to_themselves(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        assert Membership.objects.filter(role=Role.RECEPTION).update(may_overbook=True) == 0


# --- free times ------------------------------------------------------------------------------------------------------


def test_the_next_free_times_leave_out_what_is_taken_and_closed(clinic_a: World) -> None:
    with clinic_a.enter():
        WorkingHours.objects.create(
            professional=clinic_a.professional, weekday=0, starts=time(9), ends=time(12), valid_from=date(2030, 1, 1)
        )
        Absence.objects.create(
            professional=None, kind="holiday", starts_at=NINE + timedelta(days=7), ends_at=NINE + timedelta(days=8)
        )
        found = free_slots(professional=clinic_a.professional.pk, minutes=30, after=NINE, count=4)
    # 9:00, 10:00 and 11:00 are the world's; the week after is a holiday.
    assert [f"{timezone.localtime(slot, ZoneInfo('America/Sao_Paulo')):%d %H:%M}" for slot in found] == [
        "07 09:30", "07 10:30", "07 11:30", "21 09:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        # Summer time ended in São Paulo on 18 February 2018 at midnight, and began on 4 November 2018.
        ("America/Sao_Paulo", date(2018, 2, 17), (11 * 60, 24 * 60 + 60)),
        ("America/Manaus", date(2030, 1, 7), (11 * 60, 24 * 60)),
        ("America/Noronha", date(2030, 1, 7), (11 * 60, 24 * 60)),
    ],
)
def test_hours_until_midnight_end_with_the_day(
    clinic_a: World, zone: str, day: date, expected: tuple[int, int]
) -> None:
    with clinic_a.enter(), timezone.override(ZoneInfo(zone)):
        WorkingHours.objects.create(
            professional=clinic_a.professional, weekday=day.weekday(), starts=time(11), ends=time(0),
            valid_from=date(2000, 1, 1),
        )  # fmt: skip
        ((begins, ends),) = Timetable(day, day, [clinic_a.professional.pk]).hours(clinic_a.professional.pk, day)
        midnight = timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)
    assert begins - midnight == timedelta(minutes=expected[0])
    assert ends - midnight == timedelta(minutes=expected[1])


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/Manaus", "America/Noronha"])
def test_a_visit_over_midnight_is_in_both_days(clinic_a: World, zone: str) -> None:
    with clinic_a.enter(Role.MANAGER):
        Clinic.objects.update(time_zone=zone)
    with clinic_a.enter(), timezone.override(ZoneInfo(zone)):
        starts = datetime(2031, 3, 3, 23, 30, tzinfo=ZoneInfo(zone))
        Appointment.objects.create(
            patient=clinic_a.patients[0], professional=clinic_a.professional, starts_at=starts,
            ends_at=starts + timedelta(hours=1),
        )  # fmt: skip
        evening, morning = (
            next(one for one in read_day(date(2031, 3, day)) if one.professional == clinic_a.professional.pk)
            for day in (3, 4)
        )
        assert [(v.starts, v.ends) for v in evening.visits] == [(1410, 1440)]
        assert [(v.starts, v.ends, v.clock) for v in morning.visits] == [(0, 30, "23:30")]


# --- the form --------------------------------------------------------------------------------------------------------


def booking(client: Client, world: World, **changes: Any) -> Any:
    data = {
        "patient": world.patients[1].pk, "professional": world.professional.pk, "service": world.service.pk,
        "day": "07/01/2030", "time": "09:00",
    }  # fmt: skip
    return client.post(ADD, filled(client, ADD, **(data | changes)))


def test_a_clash_offers_three_free_times_and_one_click_books(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    page = booking(client, clinic_a, note="vem de longe")
    assert "Paciente ALFAZEMA 0" in errors_of(page)["time"][0]
    assert [f"{slot:%H:%M}" for slot in page.context["adminform"].form.offered] == ["09:30", "10:30", "11:30"]
    html = page.content.decode()
    assert 'name="_slot" value="2030-01-07T09:30"' in html
    assert "vem de longe" in html
    # Enter in a field presses the first button: Save, and not a time that nobody chose.
    assert html.index('name="_save"') < html.index('name="_slot"')
    answer = booking(client, clinic_a, note="vem de longe", _slot="2030-01-07T09:30")
    assert answer.status_code == 302
    with clinic_a.enter():
        made = Appointment.objects.get(starts_at=NINE + HALF_HOUR)
        assert (made.patient_id, made.note) == (clinic_a.patients[1].pk, "vem de longe")


def test_an_absence_takes_encaixes_only(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        starts = NINE + timedelta(hours=6)
        Absence.objects.create(
            professional=clinic_a.professional, kind="course", starts_at=starts, ends_at=starts + timedelta(hours=1)
        )
    reception = signed_in(clinic_a.user(Role.RECEPTION))
    assert "curso" in errors_of(booking(reception, clinic_a, time="15:00"))["time"][0]
    assert errors_of(booking(reception, clinic_a, time="15:00", overbooked="on", overbook_reason="x"))
    manager = signed_in(clinic_a.user(Role.MANAGER))
    assert "overbook_reason" in errors_of(booking(manager, clinic_a, time="15:00", overbooked="on"))
    assert booking(manager, clinic_a, time="15:00", overbooked="on", overbook_reason="dor").status_code == 302


def test_of_25_who_book_one_time_24_get_the_clash_with_free_times(committed: None) -> None:
    world = make_world("ALFAZEMA", patients=25)
    clients = [signed_in(world.user(Role.RECEPTION)) for _ in range(25)]
    forms = [
        filled(
            client, ADD, patient=patient.pk, professional=world.professional.pk, service=world.service.pk,
            day="07/05/2031", time="09:00",
        )
        for client, patient in zip(clients, world.patients, strict=True)
    ]  # fmt: skip
    answers = together([partial(client.post, ADD, form) for client, form in zip(clients, forms, strict=True)])
    assert sorted(answer.status_code for answer in answers) == [200] * 24 + [302]
    for answer in answers:
        if answer.status_code == 200:
            html = answer.content.decode()
            assert html.count('name="_slot"') == 3
            assert "já tem" in html
    with world.enter():
        assert Appointment.objects.filter(day=date(2031, 5, 7)).count() == 1


# --- the pages -------------------------------------------------------------------------------------------------------


def test_the_day_and_the_week_show_the_visits(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    for page in ("day/?", f"week/?professional={clinic_a.professional.pk}&"):
        html = client.get(f"/admin/patients/appointment/{page}day=2030-01-07").content.decode()
        assert "Paciente ALFAZEMA 0" in html
        assert "livre: agendar" in html
        assert "Agendado" in html
    assert signed_in(clinic_a.user(Role.AUDITOR)).get("/admin/patients/appointment/day/").status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_visits(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    url = "/admin/patients/appointment/day/?day=2030-01-07"

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        return len(asked)

    count()
    before = count()
    with context.enter(JOB, clinic_a.clinic.pk):
        for number in range(8):
            who = Patient.objects.create(name=f"Paciente {number}")
            other = Professional.objects.create(full_name=f"Dr. {number}")
            Appointment.objects.create(patient=who, professional=other, starts_at=NINE, ends_at=NINE + HALF_HOUR)
    assert count() == before


def test_one_click_changes_a_state_and_another_undoes_it(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    visit = clinic_a.appointments[0].pk
    url = "/admin/patients/appointment/day/?day=2030-01-07"
    answer = client.post(url, {"go": f"{visit}:scheduled:confirmed"})
    page = client.get(answer.headers["Location"])
    assert f"{visit}:confirmed:scheduled" in page.content.decode()
    assert client.post(url, {"go": f"{visit}:confirmed:scheduled"}).status_code == 302
    assert "Outra pessoa" in client.post(url, {"go": f"{visit}:confirmed:arrived"}).content.decode()
    assert client.post(url, {"go": "nonsense"}).status_code == 302
    dpo = signed_in(clinic_a.user(Role.DPO))
    assert dpo.post(url, {"go": f"{visit}:scheduled:confirmed"}).status_code == 403


# --- waiting list ----------------------------------------------------------------------------------------------------


def test_a_cancelled_time_is_offered_best_match_first_and_booked_once(clinic_a: World) -> None:
    with clinic_a.enter():
        WaitingEntry.objects.all().update(status="withdrawn")
        anybody = WaitingEntry.objects.create(patient=clinic_a.patients[1])
        named = WaitingEntry.objects.create(patient=clinic_a.patients[2], professional=clinic_a.professional)
        WaitingEntry.objects.create(patient=clinic_a.patients[0], periods=4)  # evenings
        assert [entry.pk for entry in matches(professional=clinic_a.professional.pk, starts_at=NINE, minutes=30)] == [
            named.pk,
            anybody.pk,
        ]
        anybody.priority = "high"
        anybody.save()
    client = signed_in(clinic_a.user(Role.RECEPTION))
    answer = client.post(f"/admin/patients/appointment/{clinic_a.appointments[0].pk}/cancel/", {"reason": "viajou"})
    offer = answer.headers["Location"]
    assert "/waitingentry/offer/" in offer
    page = client.get(offer)
    assert [line["entry"].pk for line in page.context["lines"]] == [anybody.pk, named.pk]
    assert client.post(offer, {"entry": str(anybody.pk)}).status_code == 302
    # Taken by now: said on the page.
    assert client.post(offer, {"entry": str(named.pk)}).context["refused"]
    with clinic_a.enter():
        anybody = WaitingEntry.objects.get(pk=anybody.pk)
        assert (anybody.status, anybody.appointment.starts_at) == ("booked", NINE)
        with pytest.raises(BookingError, match="encerrado"):
            book_from_list(anybody.pk, professional=None, starts_at=NINE, minutes=30)


# --- reminders -------------------------------------------------------------------------------------------------------

THAT_DAY = date(2030, 1, 7)


def test_reminders_go_once_and_tell_nothing_of_health(committed: None) -> None:
    world = make_world("ALFAZEMA")
    with world.enter():
        Patient.objects.filter(pk=world.patients[0].pk).update(no_reminders=True)
    assert send_reminders(JOB, world.clinic.pk, day=THAT_DAY).sent == 2
    assert send_reminders(JOB, world.clinic.pk, day=THAT_DAY).sent == 0
    call_command("send_reminders", "--day", "2030-01-07", verbosity=0)
    assert len(mail.outbox) == 2
    for letter in mail.outbox:
        text = f"{letter.subject} {letter.body}"
        assert "Consulta" not in text
        assert "Dra." not in text
        assert "10:00" in text or "11:00" in text
    with world.enter():
        assert Reminder.objects.filter(for_day=THAT_DAY, status="sent", channel="email").count() == 2


def test_what_was_not_sent_is_tried_again(committed: None, settings: Any) -> None:
    world = make_world("ALFAZEMA")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert send_reminders(JOB, world.clinic.pk, day=THAT_DAY).failed == 3
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_reminders(JOB, world.clinic.pk, day=THAT_DAY).sent == 3


def test_the_list_leaves_as_a_file_with_a_trace_and_without_formulas(clinic_a: World) -> None:
    with clinic_a.enter(), timezone.override(ZoneInfo("America/Sao_Paulo")):
        clinic_a.patients[0].name = "=HYPERLINK(1)"
        clinic_a.patients[0].save()
        first = due(THAT_DAY)[0]
        assert mark([due(THAT_DAY)[1].appointment], day=THAT_DAY) == 1
        assert mark([due(THAT_DAY)[1].appointment], day=THAT_DAY) == 0
        text = as_csv(THAT_DAY).decode()
    assert first.email == "p0@alfazema.example"
    assert "'=HYPERLINK(1)" in text
    assert len(text.splitlines()) == 3
    with clinic_a.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_logs WHERE action = 'EXPORT' AND changes ->> 'what' = 'reminders'")
        assert cursor.fetchone() == (1,)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    url = f"{reverse('admin:patients_appointment_reminders')}?day=2030-01-07"
    assert "Paciente ALFAZEMA 2" in client.get(url).content.decode()
    assert client.post(url, {"export": "1"})["Content-Type"].startswith("text/csv")
