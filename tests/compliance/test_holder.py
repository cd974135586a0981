"""Coming in to «Meus dados»: codes, links, limits, and that nobody learns who is a patient."""

import re
import time
from contextlib import suppress
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance import holder, requests
from compliance.models import DataRequest, HolderCode
from neonpro.db import context
from neonpro.db.context import Door, Holder
from neonpro.vault.fields import encrypted_fields
from patients.models import Patient
from tests.erasing import erased
from tests.factories import World

CPF = "52998224725"
BORN = date(1980, 3, 5)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers need not take their time, and messages are sent by this very thread."""
    monkeypatch.setattr(holder, "ANSWER_AFTER", 0)
    monkeypatch.setattr(holder, "_send", holder._deliver)


@pytest.fixture
def ana(clinic_a: World) -> Patient:
    """A patient with CPF, date of birth and a confirmed e-mail."""
    patient = clinic_a.patients[0]
    with clinic_a.enter():
        patient.cpf, patient.birth_date, patient.email = CPF, BORN, "ana@exemplo.example"
        patient.save()
        holder.confirm_contact(patient, "ana@exemplo.example")
        for found in encrypted_fields(Patient):
            getattr(patient, found.attname)
    return patient


def ask(world: World, identifier: str = CPF, born: date = BORN, address: str = "10.0.0.1") -> UUID:
    return holder.ask_code(world.clinic.pk, identifier=identifier, born=born, address=address)


def sent_code() -> str:
    found = re.search(r"^\s*(\d{4} \d{4})$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found
    return found.group(1)


def come_in(world: World, **options: Any) -> str:
    attempt = ask(world, **options)
    return holder.enter_code(world.clinic.pk, attempt=attempt, code=sent_code(), address="10.0.0.1")


def who(world: World, secret: str) -> UUID | None:
    try:
        with context.enter(Holder(secret), world.clinic.pk) as opened:
            return opened.patient
    except context.NotAMember:
        return None


@pytest.mark.parametrize("identifier", [CPF, "ana@exemplo.example", "ANA@exemplo.example"])
def test_a_code_lets_its_patient_in(identifier: str, clinic_a: World, ana: Patient) -> None:
    secret = come_in(clinic_a, identifier=identifier)
    assert who(clinic_a, secret) == ana.pk
    (message,) = mail.outbox
    assert message.to == ["ana@exemplo.example"]
    assert "Paciente" not in f"{message.body} {message.subject}"


@pytest.mark.parametrize(
    ("identifier", "born"),
    [
        ("11144477735", BORN),
        (CPF, date(1980, 3, 6)),
        ("outra@exemplo.example", BORN),
        ("p1@alfazema.example", BORN),
    ],
)
def test_nobody_else_gets_one_and_the_answer_is_alike(
    identifier: str, born: date, clinic_a: World, ana: Patient
) -> None:
    attempt = ask(clinic_a, identifier, born)
    assert isinstance(attempt, UUID)
    assert attempt.version == ask(clinic_a, address="10.0.0.9").version == 4
    assert len(mail.outbox) == 1
    with pytest.raises(holder.NotLetIn):
        holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=sent_code(), address="10.0.0.1")


def test_another_clinic_has_nobody_of_that_name(clinic_a: World, clinic_b: World, ana: Patient) -> None:
    ask(clinic_b)
    assert mail.outbox == []
    attempt = ask(clinic_a)
    with pytest.raises(holder.NotLetIn):
        holder.enter_code(clinic_b.clinic.pk, attempt=attempt, code=sent_code(), address="10.0.0.1")


def test_an_address_that_changed_is_no_longer_confirmed(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        ana.email = "nova@exemplo.example"
        ana.save()
    ask(clinic_a)
    assert mail.outbox == []


def test_twins_with_one_e_mail_use_their_cpf(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter():
        twin = clinic_a.patients[1]
        twin.birth_date, twin.email = BORN, "ana@exemplo.example"
        twin.save()
    ask(clinic_a, "ana@exemplo.example")
    assert mail.outbox == []
    ask(clinic_a, CPF)
    assert len(mail.outbox) == 1


def test_a_restricted_patient_comes_in_too(clinic_a: World, ana: Patient) -> None:
    with clinic_a.enter("dpo"):
        Patient.objects.filter(pk=ana.pk).update(restricted_at=timezone.now())
    secret = come_in(clinic_a)
    with context.enter(Holder(secret), clinic_a.clinic.pk):
        assert Patient.objects.get().name == ana.name
    assert who(clinic_a, come_in(clinic_a, identifier="ana@exemplo.example")) == ana.pk


def test_a_code_is_good_once(clinic_a: World, ana: Patient) -> None:
    attempt = ask(clinic_a)
    code = sent_code()
    holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=code, address="x")
    with pytest.raises(holder.NotLetIn):
        holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=code, address="x")


def test_a_code_is_good_for_five_tries(clinic_a: World, ana: Patient) -> None:
    attempt = ask(clinic_a)
    code = sent_code()
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08}"
    for _try in range(5):
        with pytest.raises(holder.NotLetIn):
            holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=wrong, address="x")
    with pytest.raises(holder.NotLetIn):
        holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=code, address="x")


def test_the_fifth_try_still_counts(clinic_a: World, ana: Patient) -> None:
    attempt = ask(clinic_a)
    for _try in range(4):
        with pytest.raises(holder.NotLetIn):
            holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code="", address="x")
    assert holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=sent_code(), address="x")


def test_a_code_is_good_for_ten_minutes(clinic_a: World, ana: Patient) -> None:
    attempt = ask(clinic_a)
    with context.enter(Door(), clinic_a.clinic.pk):
        assert HolderCode.objects.filter(pk=attempt).update(expires_at=timezone.now())
    with pytest.raises(holder.NotLetIn):
        holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=sent_code(), address="x")


def test_no_code_and_no_secret_is_in_the_database(clinic_a: World, ana: Patient) -> None:
    secret = come_in(clinic_a)
    code = sent_code().replace(" ", "")
    with context.enter(Door(), clinic_a.clinic.pk), connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(c)::text FROM holder_codes AS c UNION SELECT to_jsonb(s)::text FROM holder_sessions AS s"
        )
        told = " ".join(row for (row,) in cursor.fetchall())
    assert code not in told
    assert secret not in told


# --- limits -----------------------------------------------------------------------------------------------------------


def test_one_place_gets_three_codes_for_somebody_in_a_quarter_of_an_hour(clinic_a: World, ana: Patient) -> None:
    for _try in range(3):
        ask(clinic_a)
    with pytest.raises(holder.TooOften):
        ask(clinic_a)
    assert len(mail.outbox) == 3


def test_and_the_patient_elsewhere_still_gets_one(clinic_a: World, ana: Patient) -> None:
    for _try in range(8):
        with suppress(holder.TooOften):
            ask(clinic_a, address="6.6.6.6")
    assert who(clinic_a, come_in(clinic_a, address="10.0.0.2")) == ana.pk


def test_from_many_places_nobody_is_written_to_more_than_six_times_an_hour(clinic_a: World, ana: Patient) -> None:
    for number in range(10):
        with suppress(holder.TooOften):
            ask(clinic_a, address=f"6.6.6.{number}")
    assert len(mail.outbox) == 6


def test_the_limits_are_the_same_for_whoever_is_no_patient(clinic_a: World) -> None:
    for _try in range(3):
        ask(clinic_a, "11144477735")
    with pytest.raises(holder.TooOften):
        ask(clinic_a, "11144477735")


def test_one_address_asks_twenty_times_an_hour(clinic_a: World) -> None:
    for number in range(20):
        ask(clinic_a, f"x{number}@exemplo.example")
    with pytest.raises(holder.TooOften):
        ask(clinic_a, "x20@exemplo.example")
    ask(clinic_a, "x20@exemplo.example", address="10.0.0.2")


def test_a_code_that_is_on_its_way_is_not_spoilt_by_others_asking(clinic_a: World, ana: Patient) -> None:
    attempt = ask(clinic_a, address="10.0.0.2")
    code = sent_code()
    for number in range(5):
        ask(clinic_a, address=f"6.6.6.{number}")
    assert holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code=code, address="10.0.0.2")


def test_every_answer_takes_the_same_time(clinic_a: World, ana: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "ANSWER_AFTER", 0.5)
    times = []
    for identifier in (CPF, "11144477735", "ana@exemplo.example", "x@exemplo.example"):
        began = time.monotonic()
        attempt = ask(clinic_a, identifier)
        times.append(time.monotonic() - began)
        began = time.monotonic()
        with pytest.raises(holder.NotLetIn):
            holder.enter_code(clinic_a.clinic.pk, attempt=attempt, code="1", address="x")
        times.append(time.monotonic() - began)
    assert min(times) >= 0.5
    assert max(times) - min(times) < 0.25


# --- links and sessions -----------------------------------------------------------------------------------------------


def test_a_link_lets_in_once(clinic_a: World, clinic_b: World, ana: Patient) -> None:
    with clinic_a.enter():
        token = holder.new_link(ana.pk)
    for world, text in ((clinic_b, token), (clinic_a, token[:-2] + "xx"), (clinic_a, "x"), (clinic_a, uuid4().hex)):
        with pytest.raises(holder.NotLetIn):
            holder.enter_link(world.clinic.pk, token=text, address="x")
    assert who(clinic_a, holder.enter_link(clinic_a.clinic.pk, token=token, address="x")) == ana.pk
    with pytest.raises(holder.NotLetIn):
        holder.enter_link(clinic_a.clinic.pk, token=token, address="x")


def test_leaving_ends_the_session_for_good(clinic_a: World, clinic_b: World, ana: Patient) -> None:
    secret = come_in(clinic_a)
    assert who(clinic_b, secret) is None
    holder.leave(clinic_a.clinic.pk, secret)
    assert who(clinic_a, secret) is None


def test_coming_in_leaves_a_trace_that_names_the_patient(clinic_a: World, ana: Patient) -> None:
    come_in(clinic_a)
    with clinic_a.enter("dpo"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, table_name FROM audit_logs WHERE patient_id = %s AND actor_kind = 'door'",
            [ana.pk],
        )
        rows = cursor.fetchall()
    assert ("INSERT", "holder_sessions") in rows
    assert ("READ", "patients") in rows


# --- the pages --------------------------------------------------------------------------------------------------------


def address(world: World, name: str, *arguments: Any) -> str:
    return reverse(f"holder:{name}", args=[world.clinic.pk, *arguments])


def visitor(world: World) -> Client:
    client = Client()
    page = client.post(address(world, "sign_in"), {"identifier": "529.982.247-25", "born": "05/03/1980"})
    assert page.status_code == 302
    entered = client.post(page.headers["Location"], {"code": sent_code()})
    assert entered.headers["Location"] == address(world, "home")
    return client


def test_the_cookie_is_for_this_page_alone(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    cookie = client.cookies["meus_dados"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == address(clinic_a, "home")
    assert "sessionid" not in client.cookies


@pytest.mark.parametrize("name", ["home", "consents", "accesses", "requests", "contact"])
def test_every_page_is_ones_own_and_kept_by_nobody(name: str, clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    page = client.get(address(clinic_a, name))
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert "script" not in page.headers["Content-Security-Policy"]
    text = page.content.decode()
    assert "<script" not in text
    assert "style=" not in text
    assert "Paciente ALFAZEMA 1" not in text
    stranger = Client().get(address(clinic_a, name))
    assert stranger.status_code == 302
    assert stranger.headers["Location"] == address(clinic_a, "sign_in")


def test_the_answer_to_an_unknown_person_is_the_same_page(clinic_a: World, ana: Patient) -> None:
    pages = []
    for cpf in ("529.982.247-25", "111.444.777-35"):
        client = Client()
        answer = client.post(address(clinic_a, "sign_in"), {"identifier": cpf, "born": "05/03/1980"})
        page = client.get(answer.headers["Location"])
        wrong = client.post(answer.headers["Location"], {"code": "1"})
        tidy = [re.sub(r'[0-9a-f-]{36}|value="[^"]*"', "", one.content.decode()) for one in (page, wrong)]
        pages.append((answer.status_code, page.status_code, wrong.status_code, sorted(answer.headers), tidy))
    assert pages[0] == pages[1]


def test_own_data_are_shown_and_the_reading_is_the_patients(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    text = client.get(address(clinic_a, "home")).content.decode()
    assert "529.982.247-25" in text
    assert "05/03/1980" in text
    with clinic_a.enter("dpo"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor, role, changes->>'purpose' FROM audit_logs WHERE actor_kind = 'patient' AND action = 'READ'"
        )
        assert cursor.fetchall() == [(str(ana.pk), "patient", "holder:home")]


def test_who_accessed_names_the_team_and_oneself(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    client.get(address(clinic_a, "home"))
    text = client.get(address(clinic_a, "accesses")).content.decode()
    assert "reception ALFAZEMA" in text
    assert "o paciente" in text


def test_a_request_is_opened_once_and_followed(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    url = address(clinic_a, "requests")
    assert client.post(url, {}).status_code == 200
    assert client.post(url, {"kind": "ANONYMIZE_BLOCK_DELETE"}).status_code == 302
    assert client.post(url, {"kind": "ANONYMIZE_BLOCK_DELETE"}).status_code == 409
    with clinic_a.enter("dpo"):
        (found,) = DataRequest.objects.filter(patient_id=ana.pk, channel="page")
        assert (found.identity_check, found.status) == ("code", "received")
        assert found.due_on is not None
        due = f"{found.due_on:%d/%m/%Y}"
    assert due in client.get(url).content.decode()


def test_leaving_by_the_button(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    secret = client.cookies["meus_dados"].value
    assert client.get(address(clinic_a, "sign_out")).status_code == 405
    assert client.post(address(clinic_a, "sign_out")).status_code == 302
    assert who(clinic_a, secret) is None
    assert client.get(address(clinic_a, "home")).status_code == 302


def test_an_unknown_clinic_or_file_is_nothing(clinic_a: World, ana: Patient) -> None:
    assert Client().get(reverse("holder:sign_in", args=[uuid4()])).status_code == 404
    client = visitor(clinic_a)
    assert client.get(address(clinic_a, "file", "letter", uuid4())).status_code == 404
    assert client.get(reverse("holder:home", args=[uuid4()])).status_code == 302


def test_the_admin_is_shut_to_a_patient(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    client.cookies["meus_dados"]["path"] = "/"
    assert client.get("/admin/").status_code == 302


def test_after_an_erasure_its_letter_and_certificate_are_there(
    clinic_a: World, clinic_b: World, settings: Any, tmp_path: Any
) -> None:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    # Somebody with a record: not everything goes, and the page still opens by a link.
    patient = clinic_a.patients[-1]
    erasure = erased(clinic_a, patient.pk)
    with clinic_a.enter():
        token = holder.new_link(patient.pk)
    client = Client()
    assert client.post(address(clinic_a, "invitation", token)).status_code == 302
    text = client.get(address(clinic_a, "requests")).content.decode()
    for what, kind in (("letter", "application/pdf"), ("certificate", "application/json")):
        url = address(clinic_a, "file", what, erasure.pk)
        assert url in text
        found = client.get(url)
        assert (found.status_code, found.headers["Content-Type"]) == (200, kind)
        assert "attachment" in found.headers["Content-Disposition"]
    assert client.get(address(clinic_a, "home")).status_code == 200
    assert client.get(address(clinic_a, "file", "other", erasure.pk)).status_code == 404
    # And for nobody else.
    with clinic_a.enter():
        other = holder.new_link(clinic_a.patients[0].pk)
    stranger = Client()
    stranger.post(address(clinic_a, "invitation", other))
    assert stranger.get(address(clinic_a, "file", "certificate", erasure.pk)).status_code == 404


def test_an_answer_is_read_and_taken_along(clinic_a: World, ana: Patient) -> None:
    client = visitor(clinic_a)
    url = address(clinic_a, "requests")
    client.post(url, {"kind": "CORRECTION", "details": "Moro em outra rua."})
    with clinic_a.enter("dpo"):
        (found,) = DataRequest.objects.filter(patient_id=ana.pk, channel="page")
        assert found.details == "Moro em outra rua."
        requests.answer_request(found, "Corrigimos o endereço.", channel="page", acting_user=clinic_a.user("dpo"))
    text = client.get(url).content.decode()
    assert "Corrigimos o endereço." in text
    answer = client.get(address(clinic_a, "file", "answer", found.pk))
    assert answer.headers["Content-Type"] == "application/pdf"
    with clinic_a.enter("dpo"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_logs WHERE action = 'EXPORT' AND patient_id = %s", [ana.pk])
        assert cursor.fetchone() == (1,)
