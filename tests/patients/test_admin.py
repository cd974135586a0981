"""The reception's pages: registering patients, and the agenda."""

import threading
import time
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from clinics.models import Service
from clinics.roles import Role
from compliance.models import ResourcePermission
from neonpro.db import context
from patients.models import Appointment, AppointmentStatus, Patient
from tests.conftest import superuser
from tests.factories import JOB, World, make_world, named, opened
from tests.pages import Page
from tests.visits import errors_of, filled, signed_in

PATIENTS = "/admin/patients/patient/"
AGENDA = "/admin/patients/appointment/"
CPF = "529.982.247-25"


@pytest.fixture
def reception(clinic_a: World) -> Client:
    return signed_in(clinic_a.user(Role.RECEPTION))


def save(client: Client, url: str, **changes: Any) -> dict[str, list[str]]:
    """Fill in a form and send it: its errors, or {} when it was saved."""
    answer = client.post(url, filled(client, url, **changes))
    return {} if answer.status_code == 302 else errors_of(answer)


def patient(world: World, *, name: str) -> Patient:
    with world.enter():
        return named(name)


# --- patients --------------------------------------------------------------------------------------------------------


def test_a_patient_is_registered_with_whatever_punctuation(clinic_a: World, reception: Client) -> None:
    errors = save(
        reception, f"{PATIENTS}add/", name="Ana Souza", cpf=CPF, phone="11 98765 4321", cep="01310-100",
        birth_date="31/01/1990",
    )  # fmt: skip
    assert errors == {}
    ana = patient(clinic_a, name="Ana Souza")
    assert (ana.cpf, ana.phone, ana.cep, ana.birth_date) == (
        "52998224725",
        "+5511987654321",
        "01310100",
        date(1990, 1, 31),
    )
    assert ana.birth_year == 1990


def test_a_cpf_that_is_registered_already_leads_to_that_patient(
    clinic_a: World, clinic_b: World, reception: Client
) -> None:
    with context.enter(JOB, clinic_b.clinic.pk):
        Patient.objects.create(name="Na outra clínica", cpf="52998224725")
    assert save(reception, f"{PATIENTS}add/", name="Ana Souza", preferred_name="Aninha", cpf=CPF) == {}, (
        "another clinic's counts for nothing"
    )
    ana = patient(clinic_a, name="Ana Souza")
    errors = save(reception, f"{PATIENTS}add/", name="Ana de Souza", cpf=CPF)
    assert list(errors) == ["cpf"]
    assert f'href="{PATIENTS}{ana.pk}/change/"' in errors["cpf"][0]
    assert "Aninha" in errors["cpf"][0]
    assert save(reception, f"{PATIENTS}{ana.pk}/change/", mother_name="Rita") == {}, "not a duplicate of itself"


def test_a_name_cannot_write_into_the_page_of_a_duplicate(clinic_a: World, reception: Client) -> None:
    assert save(reception, f"{PATIENTS}add/", name="<script>x</script>", cpf=CPF) == {}
    url = f"{PATIENTS}add/"
    page = reception.post(url, filled(reception, url, name="Ana", cpf=CPF)).content.decode()
    assert "&lt;script&gt;x" in page
    assert "<script>x" not in page


@pytest.mark.parametrize(
    ("fields", "year", "wrong"),
    [
        ({"birth_date": "01/02/1985", "birth_year": "1900"}, 1985, set()),
        ({"birth_date": "01/02/1985", "birth_year": "3000"}, 1985, set()),
        ({"birth_date": "", "birth_year": "1970"}, 1970, set()),
        ({"birth_date": "", "birth_year": ""}, None, set()),
        ({"birth_date": "01/02/1785"}, None, {"birth_date"}),
        ({"birth_date": "01/02/2999"}, None, {"birth_date"}),
        ({"birth_year": "1700"}, None, {"birth_year"}),
    ],
)
def test_the_year_of_birth_follows_the_date(
    clinic_a: World, reception: Client, fields: dict[str, str], year: int | None, wrong: set[str]
) -> None:
    assert set(save(reception, f"{PATIENTS}add/", name="Zélia Nova", **fields)) == wrong
    if not wrong:
        assert patient(clinic_a, name="Zélia Nova").birth_year == year


@pytest.mark.parametrize(("name", "value"), [("cpf", "111.111.111-11"), ("phone", "123"), ("cns", "1"), ("name", "")])
def test_a_wrong_identifier_is_an_error_of_its_field(reception: Client, name: str, value: str) -> None:
    assert list(save(reception, f"{PATIENTS}add/", **({"name": "Ana"} | {name: value}))) == [name]


def test_the_preferred_name_is_the_one_shown(clinic_a: World, reception: Client) -> None:
    who = clinic_a.patients[0]
    assert save(reception, f"{PATIENTS}{who.pk}/change/", preferred_name="Nome Escolhido") == {}
    for url in (PATIENTS, AGENDA, f"{AGENDA}?when=all"):
        page = reception.get(url).content.decode()
        assert "Nome Escolhido" in page
        assert who.name not in page


def test_a_name_leaves_no_trace_outside_the_page(clinic_a: World, reception: Client) -> None:
    """Neither in messages, nor in the session, nor in an address."""
    url = f"{PATIENTS}add/"
    answer = reception.post(url, filled(reception, url, name="Dona Lavanda"))
    assert "lavanda" not in answer.headers["Location"].lower()
    with context.enter(context.SignIn(), None):
        assert "lavanda" not in str(dict(reception.session.items())).lower()
    messages = [str(message) for message in reception.get(PATIENTS).context["messages"]]
    assert messages
    assert "lavanda" not in str(messages).lower()


def test_a_window_that_adds_a_patient_answers_with_the_name(clinic_a: World, reception: Client) -> None:
    url = f"{PATIENTS}add/?_popup=1"
    answer = reception.post(url, filled(reception, url, name="Dona Lavanda"))
    assert answer.status_code == 200
    assert "Dona Lavanda" in answer.content.decode()


def test_booking_from_a_patients_page_fills_in_the_patient(clinic_a: World, reception: Client) -> None:
    who = clinic_a.patients[0]
    page = reception.get(f"{PATIENTS}{who.pk}/book/", follow=True)
    assert page.status_code == 200
    assert f'value="{who.pk}" selected' in page.content.decode()
    assert who.name in page.content.decode()
    assert signed_in(clinic_a.user(Role.DPO)).get(f"{PATIENTS}{who.pk}/book/").status_code == 403


# --- the agenda ------------------------------------------------------------------------------------------------------

ADD = f"{AGENDA}add/"
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def book(client: Client, world: World, **changes: Any) -> dict[str, list[str]]:
    """Book the first patient with the professional; the clash-free default is 8 January 2030, 9:00."""
    values = {
        "patient": world.patients[0].pk, "professional": world.professional.pk, "service": world.service.pk,
        "day": "08/01/2030", "time": "09:00",
    } | changes  # fmt: skip
    return save(client, ADD, **values)


def booked(world: World, **fields: Any) -> Appointment:
    with world.enter():
        found: Appointment = opened(Appointment.objects.select_related("patient").get(**fields))
        return found


def test_an_appointment_takes_as_long_as_its_service(clinic_a: World, reception: Client) -> None:
    assert book(reception, clinic_a) == {}
    made = booked(clinic_a, day=date(2030, 1, 8))
    assert made.starts_at == datetime(2030, 1, 8, 9, tzinfo=SAO_PAULO)
    assert made.ends_at == datetime(2030, 1, 8, 9, 30, tzinfo=SAO_PAULO)


def test_a_duration_that_is_given_counts(clinic_a: World, reception: Client) -> None:
    assert book(reception, clinic_a, minutes="75") == {}
    made = booked(clinic_a, day=date(2030, 1, 8))
    assert made.starts_at
    assert made.ends_at == made.starts_at + timedelta(minutes=75)


def test_hours_are_those_of_the_clinics_clock(db: None) -> None:
    world = make_world("MANAUS", time_zone="America/Manaus")
    assert book(signed_in(world.user(Role.RECEPTION)), world, time="23:30", minutes="60") == {}
    made = booked(world, day=date(2030, 1, 8))
    assert made.starts_at == datetime(2030, 1, 8, 23, 30, tzinfo=ZoneInfo("America/Manaus"))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"time": ""}, "time"),
        ({"time": "25:00"}, "time"),
        ({"day": ""}, "day"),
        ({"day": "32/01/2030"}, "day"),
        ({"patient": ""}, "patient"),
        ({"minutes": "3"}, "minutes"),
        ({"service": ""}, "minutes"),
        ({"by_arrival": "on"}, "time"),
    ],
)
def test_what_is_missing_is_said_at_its_field(
    clinic_a: World, reception: Client, changes: dict[str, str], wrong: str
) -> None:
    assert list(book(reception, clinic_a, **changes)) == [wrong]


def test_by_order_of_arrival_there_is_a_day_and_no_hour(clinic_a: World, reception: Client) -> None:
    assert book(reception, clinic_a, by_arrival="on", time="") == {}
    made = booked(clinic_a, day=date(2030, 1, 8))
    assert (made.starts_at, made.ends_at) == (None, None)
    assert filled(reception, f"{AGENDA}{made.pk}/change/")["by_arrival"] == "on"
    assert save(reception, f"{AGENDA}{made.pk}/change/", by_arrival=None, time="10:00") == {}
    assert booked(clinic_a, pk=made.pk).starts_at is not None


def test_a_clash_of_the_professional_names_the_other_appointment(clinic_a: World, reception: Client) -> None:
    """World's first appointment is on 7 January 2030 from 12:00 UTC, 9:00 in São Paulo."""
    errors = book(reception, clinic_a, patient=clinic_a.patients[1].pk, day="07/01/2030", time="09:15")
    assert list(errors) == ["time"]
    for part in ("Dra. ALFAZEMA", "07/01/2030", "09:00", "09:30", "Paciente ALFAZEMA 0"):
        assert part in errors["time"][0]


def test_a_clash_of_the_patient_names_the_other_appointment(clinic_a: World, reception: Client) -> None:
    errors = book(reception, clinic_a, professional="", day="07/01/2030", time="09:15")
    assert list(errors) == ["time"]
    for part in ("07/01/2030", "09:00", "09:30", "Dra. ALFAZEMA"):
        assert part in errors["time"][0]


@pytest.mark.parametrize("time", ["08:30", "09:30"])
def test_one_appointment_may_begin_as_another_ends(clinic_a: World, reception: Client, time: str) -> None:
    assert book(reception, clinic_a, day="07/01/2030", time=time) == {}


def test_a_cancelled_appointment_is_in_nobodys_way(clinic_a: World, reception: Client) -> None:
    cancel = f"{AGENDA}{clinic_a.appointments[0].pk}/cancel/"
    assert reception.post(cancel, {"reason": "viajou"}).status_code == 302
    assert book(reception, clinic_a, day="07/01/2030", time="09:15") == {}


def test_an_appointment_is_moved_by_changing_its_hour(clinic_a: World, reception: Client) -> None:
    moved = clinic_a.appointments[0]
    url = f"{AGENDA}{moved.pk}/change/"
    data = filled(reception, url)
    assert (data["time"], data["minutes"], data["day"]) == ("09:00:00", "30", "07/01/2030")
    assert save(reception, url, day="09/01/2030", time="15:00") == {}
    now = booked(clinic_a, pk=moved.pk)
    assert (now.day, now.starts_at) == (date(2030, 1, 9), datetime(2030, 1, 9, 15, tzinfo=SAO_PAULO))
    # Onto the next patient's time it does not go.
    assert list(save(reception, url, day="07/01/2030", time="10:00")) == ["time"]


def test_a_clash_that_only_the_database_sees_is_named_all_the_same(committed: None) -> None:
    """Somebody books without asking first, and commits after the form has looked."""
    world = make_world("ALFAZEMA")
    client = signed_in(world.user(Role.RECEPTION))
    data = filled(
        client, ADD, patient=world.patients[0].pk, professional=world.professional.pk, service=world.service.pk,
        day="08/01/2030", time="09:00", note="recado longo",
    )  # fmt: skip
    answers: list[Any] = []

    def send() -> None:
        try:
            answers.append(client.post(ADD, data))
        finally:
            connections.close_all()

    thread = threading.Thread(target=send)
    with context.enter(JOB, world.clinic.pk):
        starts = datetime(2030, 1, 8, 9, 10, tzinfo=SAO_PAULO)
        Appointment.objects.create(
            patient=world.patients[1], professional=world.professional, starts_at=starts,
            ends_at=starts + timedelta(minutes=20),
        )  # fmt: skip
        thread.start()
        wait_until_somebody_waits_for_a_lock()
    thread.join(timeout=30)
    (answer,) = answers
    assert answer.status_code == 200
    assert "Paciente ALFAZEMA 1" in errors_of(answer)["time"][0]
    assert "recado longo" in answer.content.decode()
    with world.enter():
        assert Appointment.objects.filter(day=date(2030, 1, 8)).count() == 1


def wait_until_somebody_waits_for_a_lock() -> None:
    """Until a connection of the test database is blocked by another one."""
    with superuser() as behind:
        for _attempt in range(200):
            waiting = behind.execute(
                "SELECT FROM pg_stat_activity WHERE datname = 'neonpro_test' AND cardinality(pg_blocking_pids(pid)) > 0"
            ).fetchone()
            if waiting is not None:
                return
            time.sleep(0.05)
    raise AssertionError("nobody waits")


# --- states ----------------------------------------------------------------------------------------------------------


def test_cancelling_asks_for_a_reason_and_keeps_the_appointment(clinic_a: World, reception: Client) -> None:
    url = f"{AGENDA}{clinic_a.appointments[0].pk}/cancel/"
    page = reception.get(url)
    assert page.status_code == 200
    assert "Paciente ALFAZEMA 0" in page.content.decode()
    assert booked(clinic_a, pk=clinic_a.appointments[0].pk).status == AppointmentStatus.SCHEDULED, (
        "a link alone cancels nothing"
    )
    assert reception.post(url, {"reason": " "}).status_code == 200
    assert reception.post(url, {"reason": "viajou"}).status_code == 302
    cancelled = booked(clinic_a, pk=clinic_a.appointments[0].pk)
    assert (cancelled.status, cancelled.cancel_reason) == (AppointmentStatus.CANCELLED, "viajou")
    assert reception.get(url).status_code == 403, "and it is done once"
    assert "viajou" in reception.get(url.replace("cancel", "change")).content.decode()


def test_only_the_page_that_asks_for_a_reason_cancels(clinic_a: World, reception: Client) -> None:
    url = f"{AGENDA}{clinic_a.appointments[0].pk}/change/"
    assert list(save(reception, url, status="cancelled")) == ["status"]


def test_taking_back_a_cancellation_asks_for_a_free_time(clinic_a: World, reception: Client) -> None:
    first = clinic_a.appointments[0]
    assert reception.post(f"{AGENDA}{first.pk}/cancel/", {"reason": "viajou"}).status_code == 302
    assert book(reception, clinic_a, day="07/01/2030", time="09:15") == {}
    url = f"{AGENDA}{first.pk}/change/"
    assert list(save(reception, url, status="scheduled")) == ["time"]
    assert save(reception, url, status="scheduled", time="16:00") == {}
    again = booked(clinic_a, pk=first.pk)
    assert (again.status, again.cancel_reason) == (AppointmentStatus.SCHEDULED, "")


@pytest.mark.parametrize("status", ["no_show", "completed", "arrived", "in_care"])
def test_what_cannot_have_happened_yet_is_not_accepted(clinic_a: World, reception: Client, status: str) -> None:
    assert list(save(reception, f"{AGENDA}{clinic_a.appointments[0].pk}/change/", status=status)) == ["status"]
    today = timezone.localdate()
    assert book(reception, clinic_a, day=f"{today:%d/%m/%Y}", by_arrival="on", time="", status=status) == {}


def test_the_agenda_begins_today(clinic_a: World, reception: Client) -> None:
    today = timezone.localdate()
    for offset in (-1, 0, 1):
        assert (
            book(reception, clinic_a, day=f"{today + timedelta(days=offset):%d/%m/%Y}", by_arrival="on", time="") == {}
        )

    def days(query: str) -> list[date]:
        return [row.day for row in reception.get(f"{AGENDA}{query}").context["cl"].result_list]

    upcoming = [today, today + timedelta(days=1), *[date(2030, 1, 7)] * 3]
    assert days("") == upcoming
    assert days("?when=today") == [today]
    assert days("?when=tomorrow") == [today + timedelta(days=1)]
    assert days("?when=past") == [today - timedelta(days=1)]
    assert days("?when=all") == [today - timedelta(days=1), *upcoming]
    assert today in days("?when=week")
    assert days(f"?day_from={today - timedelta(days=1):%Y-%m-%d}&day_to={today:%Y-%m-%d}") == [
        today - timedelta(days=1),
        today,
    ]
    assert days("?status__exact=cancelled") == []
    assert days(f"?professional={clinic_a.professional.pk}") == upcoming
    assert days("?professional=nonsense") == []


def test_the_agenda_is_searched_by_patient(clinic_a: World, reception: Client) -> None:
    with clinic_a.enter():
        clinic_a.patients[2].preferred_name = "Açucena Alfazema"
        clinic_a.patients[2].save()
    answer = reception.post(AGENDA, {"q": "alfazema acuc"})
    page = reception.get(answer.headers["Location"])
    assert [row.patient_id for row in page.context["cl"].result_list] == [clinic_a.patients[2].pk]
    assert "Açucena Alfazema" in page.content.decode()


def test_a_service_that_ended_is_not_offered_but_stays_where_it_was(clinic_a: World, reception: Client) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        Service.objects.update(is_active=False)
    assert "service" in book(reception, clinic_a)
    assert save(reception, f"{AGENDA}{clinic_a.appointments[0].pk}/change/", note="x") == {}


def test_those_who_may_only_look_see_the_appointment(clinic_a: World) -> None:
    page = signed_in(clinic_a.user(Role.DPO)).get(f"{AGENDA}{clinic_a.appointments[0].pk}/change/").content.decode()
    assert "09:00" in page
    assert "Paciente ALFAZEMA 0" in page
    assert "/cancel/" not in page


# --- history ---------------------------------------------------------------------------------------------------------

VIEWERS = [role for role in Role.values if role != Role.AUDITOR]
"""Who may view patients and appointments."""


def rows_of_history(client: Client, url: str) -> list[list[str]]:
    """The rows of a history page, without its head."""
    answer = client.get(url)
    assert answer.status_code == 200
    return Page(answer.content.decode()).rows[1:]


@pytest.mark.parametrize("role", VIEWERS)
def test_everyone_who_may_view_a_patient_sees_what_became_of_it(clinic_a: World, reception: Client, role: str) -> None:
    who = clinic_a.patients[0]
    url = f"{PATIENTS}{who.pk}/"
    assert save(reception, f"{url}change/", cpf=CPF, sex="female", birth_date="31/01/1990", phone="") == {}
    changed, created = rows_of_history(signed_in(clinic_a.user(role)), f"{url}history/")
    assert changed[1:3] == ["reception ALFAZEMA (Recepção)", "Alteração"]
    assert created[1:3] == ["Tarefa tests (Tarefa automática)", "Inclusão"]
    for told in (f"CPF: {CPF}", "Sexo: Feminino", "31/01/1990", "(11) 98765-4321 passou a ser (vazio)"):
        assert told in changed[3], changed[3]
    assert "Paciente ALFAZEMA 0" not in changed[3], "what stayed is not repeated"
    assert "Paciente ALFAZEMA 0" in created[3]


def test_history_shows_old_and_new_field_by_field(clinic_a: World, reception: Client) -> None:
    url = f"{PATIENTS}{clinic_a.patients[0].pk}/"
    for mother in ("Maria Antiga", "Maria Nova"):
        assert save(reception, f"{url}change/", mother_name=mother) == {}
    entries = reception.get(f"{url}history/").context["entries"]
    assert [[(change.old, change.new) for change in entry.changes] for entry in entries[:2]] == [
        [("Maria Antiga", "Maria Nova")],
        [("", "Maria Antiga")],
    ]
    assert entries[0].created_at > entries[1].created_at > entries[2].created_at


def test_saving_without_a_change_is_no_version(clinic_a: World, reception: Client) -> None:
    url = f"{PATIENTS}{clinic_a.patients[1].pk}/"
    assert save(reception, f"{url}change/", preferred_name="Zuca") == {}
    before = rows_of_history(reception, f"{url}history/")
    assert save(reception, f"{url}change/") == {}
    assert rows_of_history(reception, f"{url}history/") == before


def test_an_appointments_history_speaks_in_words(clinic_a: World, reception: Client) -> None:
    visit = clinic_a.appointments[0]
    with clinic_a.enter(Role.MANAGER):
        visit.status, visit.cancel_reason = AppointmentStatus.CANCELLED, "viagem"
        visit.reminded, visit.professional = True, None
        visit.save()
    changed, created = rows_of_history(reception, f"{AGENDA}{visit.pk}/history/")
    assert changed[1] == "manager ALFAZEMA (Gestão)"
    for told in (
        "Situação: Agendado passou a ser Cancelado", "viagem", "Lembrete enviado: Não passou a ser Sim",
        "Profissional: Dra. ALFAZEMA passou a ser (vazio)",
    ):  # fmt: skip
        assert told in changed[3], changed[3]
    assert str(clinic_a.patients[0]) in created[3], "the patient by number"
    assert "Paciente ALFAZEMA" not in created[3]
    assert "07/01/2030 09:00" in created[3], "on the clinic's clock"
    assert str(visit.patient_id) not in str(created)


def test_history_shows_the_newest_versions_and_says_that_there_are_more(clinic_a: World, reception: Client) -> None:
    who = clinic_a.patients[0]
    url = f"{PATIENTS}{who.pk}/history/"
    with clinic_a.enter():
        for number in range(99):
            who.city = f"Cidade {number}"
            who.save(update_fields=["city"])
    page = reception.get(url)
    assert (len(page.context["entries"]), page.context["more"]) == (100, False)
    with clinic_a.enter():
        for number in range(99, 130):
            who.city = f"Cidade {number}"
            who.save(update_fields=["city"])
    page = reception.get(url)
    assert (len(page.context["entries"]), page.context["more"]) == (100, True)
    first, last = page.context["entries"][0].changes[0], page.context["entries"][-1].changes[0]
    assert (first.old, first.new) == ("Cidade 128", "Cidade 129")
    assert (last.old, last.new) == ("Cidade 29", "Cidade 30"), "the last one shown knows the one before it"


def test_the_number_of_versions_does_not_change_the_number_of_queries(
    clinic_a: World, reception: Client, django_assert_max_num_queries: Any
) -> None:
    visit = clinic_a.appointments[0]
    with clinic_a.enter():
        for number in range(60):
            visit.note = f"Recado {number}"
            visit.save(update_fields=["note"])
    with django_assert_max_num_queries(32):
        assert len(rows_of_history(reception, f"{AGENDA}{visit.pk}/history/")) == 61


def test_a_history_that_is_not_there_yet_says_so(committed: None) -> None:
    """Of a record that is older than its history."""
    world = make_world("ALFAZEMA")
    who = world.patients[0].pk
    with superuser("neonpro_test") as behind:
        behind.execute("ALTER TABLE patients_history DISABLE TRIGGER USER")
        behind.execute("DELETE FROM patients_history WHERE id = %s", [who])
    page = signed_in(world.user(Role.RECEPTION)).get(f"{PATIENTS}{who}/history/")
    assert page.context["entries"] == []
    assert page.context["kept"]
    assert Page(page.content.decode()).rows == []


def test_nobody_sees_the_history_of_what_they_may_not_view(clinic_a: World, clinic_b: World) -> None:
    url = f"{PATIENTS}{clinic_a.patients[0].pk}/history/"
    assert signed_in(clinic_a.user(Role.AUDITOR)).get(url).status_code in (403, 404)
    assert signed_in(clinic_b.user(Role.MANAGER)).get(url).status_code == 404


# --- permissions on one patient --------------------------------------------------------------------------------------


def test_a_manager_opens_one_patient_to_a_colleague(clinic_a: World, clinic_b: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    who = clinic_a.patients[0]
    url = f"{PATIENTS}{who.pk}/permissions/"
    page = client.get(url).content.decode()
    assert "dpo ALFAZEMA" in page, "the team is offered"
    assert "BERGAMOTA" not in page
    with clinic_a.enter(Role.MANAGER):
        from clinics.models import Membership

        member = Membership.objects.get(user=clinic_a.user(Role.DPO))
    answer = client.post(url, {"member": member.pk})
    assert answer.headers["Location"] == f"{url}user-manage/{member.user_id}/"
    answer = client.post(
        answer.headers["Location"],
        {"permissions": ["view_patient"], "reason": "segunda opinião", "until": "31/01/2030"},
    )
    assert answer.status_code == 302
    with clinic_a.enter(Role.MANAGER):
        (grant,) = ResourcePermission.objects.all()
    assert grant.granted_by_id == clinic_a.user(Role.MANAGER).pk
    assert grant.expires_at == datetime(2030, 2, 1, tzinfo=SAO_PAULO)
    assert "segunda opinião" in client.get(url).content.decode()
    client.post(f"{url}user-manage/{member.user_id}/", {"permissions": [], "reason": "acabou"})
    with clinic_a.enter(Role.MANAGER):
        assert not ResourcePermission.objects.exists()


def test_nothing_is_granted_to_somebody_of_another_clinic(clinic_a: World, clinic_b: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{PATIENTS}{clinic_a.patients[0].pk}/permissions/user-manage/{clinic_b.user(Role.DPO).pk}/"
    assert client.get(url).status_code == 404
    assert client.post(url, {"permissions": ["view_patient"], "reason": "x"}).status_code == 404
    assert client.get(f"{PATIENTS}{clinic_a.patients[0].pk}/permissions/user-manage/nonsense/").status_code == 404
    assert client.get(f"{PATIENTS}{clinic_a.patients[0].pk}/permissions/group-manage/1/").status_code == 404


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.MANAGER])
def test_only_a_manager_grants(clinic_a: World, role: str) -> None:
    client = signed_in(clinic_a.user(role))
    url = f"{PATIENTS}{clinic_a.patients[0].pk}/permissions/"
    assert client.get(url).status_code == 403
    assert client.get(f"{url}user-manage/{clinic_a.user(Role.DPO).pk}/").status_code == 403
    assert client.post(f"{url}user-manage/{clinic_a.user(Role.DPO).pk}/", {"reason": "x"}).status_code == 403
