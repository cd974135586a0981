"""Licences and the scope of practice on their pages: who may do what, what is said, what is kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from clinics.models import Council, Membership, Professional, ScopeRule, ScopeSignOff
from clinics.roles import Role
from clinics.scope import decide
from neonpro.db import context
from patients.models import Appointment
from tests.factories import JOB, World, bring_to
from tests.licences import CPF, DIRECTOR_CPF, verified
from tests.visits import filled, signed_in

MATRIX = "/admin/clinics/scoperule/"
SIGN_OFFS = "/admin/clinics/scopesignoff/"
FOUND = {"status": "active", "method": "website", "evidence": "portal do conselho, protocolo 7"}


def page(world: World, name: str) -> str:
    return reverse(f"admin:clinics_professional_{name}", args=[world.professional.pk])


# --- the licence ------------------------------------------------------------------------------------------------------


def test_a_manager_verifies_and_the_page_says_so(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    assert "Verificado agora" in client.get(page(clinic_a, "change")).content.decode()
    assert client.post(page(clinic_a, "verify"), FOUND).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        row = Professional.objects.get(pk=clinic_a.professional.pk)
        assert row.verified_by_id == Membership.objects.get(user=clinic_a.user(Role.MANAGER).pk).pk
    html = client.get(page(clinic_a, "change")).content.decode()
    assert "protocolo 7" in html
    assert "Sim, até" in html


@pytest.mark.parametrize("missing", FOUND)
def test_half_a_verification_stays_a_form(missing: str, clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    answer = client.post(page(clinic_a, "verify"), FOUND | {missing: ""})
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_a_recheck_too_far_away_is_said_in_words(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    far = timezone.localdate() + timedelta(days=400)
    answer = client.post(page(clinic_a, "verify"), FOUND | {"recheck_on": f"{far:%d/%m/%Y}"})
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors()


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.MANAGER])
def test_nobody_else_verifies(role: str, clinic_a: World) -> None:
    client = signed_in(clinic_a.user(role))
    assert client.post(page(clinic_a, "verify"), FOUND).status_code == 403
    assert page(clinic_a, "verify") not in client.get(page(clinic_a, "change")).content.decode()


def test_the_form_does_not_change_what_was_verified(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = page(clinic_a, "change")
    client.post(url, filled(client, url, status="active", verified_at_0="01/01/2026", recheck_on="01/01/2099"))
    with clinic_a.enter(Role.MANAGER):
        row = Professional.objects.get(pk=clinic_a.professional.pk)
        assert (row.status, row.verified_at, row.recheck_on) == ("unverified", None, None)


@pytest.mark.parametrize(
    ("role", "sees"), [("manager", True), ("professional", True), ("reception", False), ("dpo", False)]
)
def test_the_page_shows_the_cpf_to_the_manager_and_the_person(role: str, sees: bool, clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        clinic_a.professional.cpf = CPF
        clinic_a.professional.save()
    html = signed_in(clinic_a.user(role)).get(page(clinic_a, "change")).content.decode()
    assert ("529.982.247-25" in html) is sees
    assert ("CPF" in html[html.index("</h1>") :]) is sees
    other = reverse("admin:clinics_professional_change", args=[clinic_a.director.pk])
    html = signed_in(clinic_a.user(role)).get(other).content.decode()
    assert (DIRECTOR_CPF[:3] + "." in html) is (role == "manager")


def test_a_cpf_is_written_changed_and_taken_away_in_the_form(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = page(clinic_a, "change")
    for typed, kept in (("529.982.247-25", CPF), ("111.444.777-35", "11144477735"), ("", "")):
        assert client.post(url, filled(client, url, cpf=typed)).status_code == 302
        with clinic_a.enter(Role.MANAGER):
            assert Professional.objects.get(pk=clinic_a.professional.pk).cpf == kept


def test_the_filter_finds_what_is_due(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        verified(clinic_a.professional, until=timezone.localdate() + timedelta(days=3))
    client = signed_in(clinic_a.user(Role.MANAGER))
    listing = reverse("admin:clinics_professional_changelist")
    assert str(clinic_a.professional) in client.get(listing, {"check": "soon"}).content.decode()
    assert str(clinic_a.professional) not in client.get(listing, {"check": "now"}).content.decode()


def test_the_manager_sees_on_the_first_page_what_is_due(clinic_a: World) -> None:
    heading = "Registros a verificar no conselho"
    assert heading in signed_in(clinic_a.user(Role.MANAGER)).get("/admin/").content.decode()
    assert heading not in signed_in(clinic_a.user(Role.RECEPTION)).get("/admin/").content.decode()
    with clinic_a.enter(Role.MANAGER):
        verified(clinic_a.professional)
    assert heading not in signed_in(clinic_a.user(Role.MANAGER)).get("/admin/").content.decode()


def test_deleting_a_professional_takes_the_cpf_along(clinic_a: World) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        other = Professional(full_name="Temporária")
        other.cpf = CPF
        other.save()
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = reverse("admin:clinics_professional_delete", args=[other.pk])
    assert client.post(url, {"post": "yes"}).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        assert not Professional.objects.filter(pk=other.pk).exists()


# --- the matrix -------------------------------------------------------------------------------------------------------


def test_a_manager_writes_the_matrix_and_the_team_reads_it(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    client.post(MATRIX, {"injectable.06": "allowed", "injectable.06.limits": "", "surgery.none": "forbidden"})
    with clinic_a.enter(Role.MANAGER):
        assert set(ScopeRule.objects.values_list("procedure_class", "council", "level")) == {
            ("injectable", Council.CRM, "allowed"), ("surgery", "", "forbidden"),
        }  # fmt: skip
    html = signed_in(clinic_a.user(Role.RECEPTION)).get(MATRIX).content.decode()
    assert "permitido" in html
    assert "<select" not in html


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.MANAGER])
def test_nobody_else_writes_the_matrix(role: str, clinic_a: World) -> None:
    client = signed_in(clinic_a.user(role))
    for data in ({"surgery.06": "allowed"}, {"start": "1"}):
        assert client.post(MATRIX, data).status_code == 403
    with clinic_a.enter(Role.MANAGER):
        assert ScopeRule.objects.count() == 1


def test_starting_fills_and_then_offers_no_more(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    assert 'name="start"' in client.get(MATRIX).content.decode()
    client.post(MATRIX, {"start": "1"})
    assert 'name="start"' not in client.get(MATRIX).content.decode()


def test_what_there_is_not_is_refused(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    client.post(MATRIX, {"surgery.06": "perhaps"})
    with clinic_a.enter(Role.MANAGER):
        assert ScopeRule.objects.count() == 1


# --- sign-offs --------------------------------------------------------------------------------------------------------


def form(world: World, **changes: Any) -> dict[str, Any]:
    until = timezone.localdate() + timedelta(days=20)
    return {
        "professional": world.professional.pk, "procedure_class": "injectable", "reason": "curso revisto",
        "until": f"{until:%d/%m/%Y}",
    } | changes  # fmt: skip


def test_the_director_signs_off_and_ends_it(clinic_a: World) -> None:
    client = signed_in(clinic_a.director_user)
    assert f"{SIGN_OFFS}add/" in client.get(MATRIX).content.decode()
    assert client.post(f"{SIGN_OFFS}add/", form(clinic_a)).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        given = ScopeSignOff.objects.get(reason="curso revisto")
        assert given.director_id == clinic_a.director.pk
    assert "curso revisto" in client.get(MATRIX).content.decode()
    assert client.post(f"{SIGN_OFFS}{given.pk}/end/").status_code == 302
    assert "curso revisto" not in client.get(MATRIX).content.decode()


@pytest.mark.parametrize("role", [Role.MANAGER, Role.PROFESSIONAL])
def test_others_are_led_back_and_told_why(role: str, clinic_a: World) -> None:
    client = signed_in(clinic_a.user(role))
    answer = client.post(f"{SIGN_OFFS}add/", form(clinic_a), follow=True)
    assert "responsável técnico" in answer.content.decode()
    assert f"{SIGN_OFFS}add/" not in client.get(MATRIX).content.decode()
    assert f"{SIGN_OFFS}add/" not in client.get(SIGN_OFFS).content.decode()
    with clinic_a.enter(Role.MANAGER):
        assert ScopeSignOff.objects.count() == 1


def test_a_mistake_is_said_in_the_form(clinic_a: World) -> None:
    client = signed_in(clinic_a.director_user)
    answer = client.post(f"{SIGN_OFFS}add/", form(clinic_a, until="01/01/2099"))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors


# --- booking ----------------------------------------------------------------------------------------------------------


def test_booking_warns_and_care_that_begins_is_refused_in_words(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        clinic_a.service.procedure_class = "surgery"
        clinic_a.service.save()
        decide({("surgery", Council.CRM): ("forbidden", "")})
    client = signed_in(clinic_a.user(Role.RECEPTION))
    url = reverse("admin:patients_appointment_add")
    data = filled(
        client, url, patient=clinic_a.patients[0].pk, professional=clinic_a.professional.pk,
        service=clinic_a.service.pk, day="08/01/2030", time="09:00", minutes="30",
    )  # fmt: skip
    answer = client.post(url, data, follow=True)
    assert "o atendimento não vai poder começar" in answer.content.decode()
    with context.enter(JOB, clinic_a.clinic.pk):
        booked = Appointment.objects.create(
            patient=clinic_a.patients[1], professional=clinic_a.professional, service=clinic_a.service,
            day=timezone.localdate(),
        )  # fmt: skip
        bring_to(booked, "arrived")
    url = reverse("admin:patients_appointment_change", args=[booked.pk])
    answer = client.post(url, filled(client, url, status="in_care"))
    assert "não realizam este procedimento" in str(answer.context["adminform"].form.errors)
    with clinic_a.enter(Role.MANAGER):
        assert Appointment.objects.get(pk=booked.pk).status == "arrived"
