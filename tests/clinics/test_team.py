"""Inviting, promoting and ending: the team keeps a manager, and an invitation tells nobody who had an account."""

import re
import threading
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connections, transaction
from django.test import Client

from clinics import team
from clinics.models import TEAM_RULES, Membership, User
from clinics.roles import Role
from neonpro.db import context
from tests.factories import JOB, PASSWORD, World, join, make_user, make_world
from tests.visits import errors_of, filled, signed_in

TEAM = "/admin/clinics/membership/"


def member(world: World, role: str) -> Membership:
    """The membership of the user who has a role."""
    with world.enter(Role.MANAGER):
        return Membership.objects.get(user=world.user(role))


def invite(client: Client, capture: Any, email: str = "nova@example.org", role: str = Role.RECEPTION) -> Any:
    """Fill in the form of a new member."""
    url = f"{TEAM}add/"
    with capture(execute=True):
        return client.post(url, filled(client, url, display_name="Nova Pessoa", email=email, role=role))


def test_an_invited_person_sets_a_password_and_signs_in(
    clinic_a: World, django_capture_on_commit_callbacks: Any
) -> None:
    answer = invite(signed_in(clinic_a.user(Role.MANAGER)), django_capture_on_commit_callbacks, " Nova@Example.org ")
    assert answer.status_code == 302, errors_of(answer)
    (message,) = mail.outbox
    assert message.to == ["nova@example.org"]
    assert "Nova Pessoa" in message.body
    assert "Clínica ALFAZEMA" in message.body

    person = Client()
    (link,) = re.findall(r"http://testserver(/conta/senha/nova/\S+)", str(message.body))
    form = person.get(link, follow=True)
    where = form.redirect_chain[-1][0]
    assert link.split("/")[-2] not in where, "the token is not in the address of the form"
    new = "uma senha nova bem longa"
    assert person.post(where, {"new_password1": new, "new_password2": new}, follow=True).status_code == 200
    assert person.get(link, follow=True).context["validlink"] is False, "the link works once"

    assert person.post("/admin/login/", {"username": "nova@example.org", "password": new}).status_code == 302
    assert person.get("/admin/patients/patient/").status_code == 200


def test_whether_the_account_existed_shows_nowhere(
    clinic_a: World, clinic_b: World, django_capture_on_commit_callbacks: Any
) -> None:
    """Somebody of another clinic, and somebody unknown: the same pages, the same message but for the person."""
    client = signed_in(clinic_a.user(Role.MANAGER))
    answers = []
    for email in ("reception@bergamota.example", "ninguem@bergamota.example"):
        answer = invite(client, django_capture_on_commit_callbacks, email)
        page = client.get(f"{TEAM}{key_of(clinic_a, email)}/change/")
        body = re.sub(r"/nova/\S+", "", str(mail.outbox[-1].body)).replace(email, "X")
        answers.append((answer.status_code, answer.headers["Location"], body, page.status_code))
    assert answers[0] == answers[1]
    with clinic_a.enter(Role.MANAGER):
        assert not User.objects.filter(email="reception@bergamota.example").exists()


def key_of(world: World, email: str) -> Any:
    with world.enter(Role.MANAGER):
        return Membership.objects.get(email=email).pk


def test_the_password_of_an_existing_account_stays(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        team.invite(name="Eva", email="reception@bergamota.example", role=Role.AUDITOR)
    client = Client()
    answer = client.post("/admin/login/", {"username": "reception@bergamota.example", "password": PASSWORD})
    assert answer.status_code == 302


def test_nobody_is_taken_into_the_team_twice(clinic_a: World, django_capture_on_commit_callbacks: Any) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    answer = invite(client, django_capture_on_commit_callbacks, "DPO@alfazema.example")
    assert list(errors_of(answer)) == ["email"]
    assert mail.outbox == []
    with clinic_a.enter(Role.MANAGER), pytest.raises(IntegrityError, match="one_per_user"), transaction.atomic():
        team.invite(name="Eva", email="dpo@alfazema.example", role=Role.AUDITOR)


def test_somebody_whose_access_ended_is_not_invited_but_given_access_again(
    clinic_a: World, django_capture_on_commit_callbacks: Any
) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{TEAM}{member(clinic_a, Role.DPO).pk}/change/"
    assert client.post(url, filled(client, url, is_active=None)).status_code == 302
    assert list(errors_of(invite(client, django_capture_on_commit_callbacks, "dpo@alfazema.example"))) == ["email"]
    assert client.post(url, filled(client, url, is_active="on")).status_code == 302
    assert member(clinic_a, Role.DPO).is_active


def test_an_ended_access_ends_with_the_next_request(clinic_a: World) -> None:
    person = signed_in(clinic_a.user(Role.RECEPTION))
    assert person.get("/admin/patients/patient/").status_code == 200
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{TEAM}{member(clinic_a, Role.RECEPTION).pk}/change/"
    assert client.post(url, filled(client, url, is_active=None)).status_code == 302
    assert person.get("/admin/patients/patient/").status_code == 403


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.MANAGER])
def test_only_a_manager_invites_or_changes_the_team(clinic_a: World, role: str) -> None:
    client = signed_in(clinic_a.user(role))
    assert (
        client.post(f"{TEAM}add/", {"display_name": "X", "email": "x@example.org", "role": "manager"}).status_code
        == 403
    )
    url = f"{TEAM}{member(clinic_a, role).pk}/change/"
    assert client.post(url, {"display_name": "X", "role": "manager"}).status_code == 403
    assert client.post(url.replace("change", "send-again")).status_code == 403
    with clinic_a.enter(role), pytest.raises(Exception, match="only a manager"), transaction.atomic():
        team.invite(name="X", email="x@example.org", role=Role.MANAGER)


def test_an_invitation_can_be_sent_again_after_asking(clinic_a: World, django_capture_on_commit_callbacks: Any) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{TEAM}{member(clinic_a, Role.DPO).pk}/send-again/"
    with django_capture_on_commit_callbacks(execute=True):
        assert client.get(url).status_code == 200
    assert mail.outbox == [], "a link alone sends nothing"
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(url).status_code == 302
    assert [message.to for message in mail.outbox] == [["dpo@alfazema.example"]]


# --- the two rules of a team -----------------------------------------------------------------------------------------


def test_nobody_changes_their_own_role(clinic_a: World) -> None:
    other = make_user("outra@example.org")
    join(other, clinic_a.clinic.pk, Role.MANAGER)
    client = signed_in(clinic_a.user(Role.MANAGER))
    me = member(clinic_a, Role.MANAGER)
    url = f"{TEAM}{me.pk}/change/"
    data = filled(client, url, display_name="Novo nome")
    assert "role" not in data
    assert client.post(url, data | {"role": "auditor", "is_active": ""}).status_code == 302
    me = member(clinic_a, Role.MANAGER)
    assert (me.display_name, me.role, me.is_active) == ("Novo nome", Role.MANAGER, True)
    with clinic_a.enter(Role.MANAGER):
        for change in ({"role": Role.AUDITOR}, {"is_active": False}):
            with pytest.raises(IntegrityError, match="own role"), transaction.atomic():
                Membership.objects.filter(pk=me.pk).update(**change)
        with pytest.raises(IntegrityError, match="own role"), transaction.atomic():
            Membership.objects.filter(pk=me.pk).delete()


@pytest.mark.parametrize("change", [{"role": Role.AUDITOR}, {"is_active": False}])
def test_a_clinic_keeps_a_manager(clinic_a: World, change: dict[str, Any]) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        manager = Membership.objects.filter(role=Role.MANAGER)
        with pytest.raises(IntegrityError, match="keeps a manager"), transaction.atomic():
            manager.update(**change)
        # With another one it goes.
        Membership.objects.filter(role=Role.DPO).update(role=Role.MANAGER)
        manager.exclude(user=clinic_a.user(Role.DPO)).update(**change)


def test_a_manager_whose_access_ended_does_not_count(clinic_a: World) -> None:
    join(make_user("outra@example.org"), clinic_a.clinic.pk, Role.MANAGER)
    with context.enter(JOB, clinic_a.clinic.pk):
        Membership.objects.filter(email="outra@example.org").update(is_active=False)
        with pytest.raises(IntegrityError, match="keeps a manager"), transaction.atomic():
            Membership.objects.filter(user=clinic_a.user(Role.MANAGER)).update(is_active=False)


def test_deleting_the_last_manager_is_explained(clinic_a: World) -> None:
    """A second manager, who was just ended elsewhere, cannot be what saves the first."""
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{TEAM}{member(clinic_a, Role.MANAGER).pk}/delete/"
    answer = client.post(url, {"post": "yes"})
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"])
    assert [str(message) for message in page.context["messages"]] == [
        str(TEAM_RULES["clinic_memberships_not_own_role"])
    ]


def test_two_managers_cannot_end_each_other_at_the_same_moment(committed: None) -> None:
    world = make_world("ALFAZEMA")
    other = make_user("outra@example.org")
    join(other, world.clinic.pk, Role.MANAGER)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def end(me: User, them: User) -> None:
        try:
            with context.enter(me, world.clinic.pk):
                barrier.wait(timeout=10)
                Membership.objects.filter(user=them).update(is_active=False)
            outcomes.append("ended")
        except IntegrityError:
            outcomes.append("refused")
        finally:
            connections.close_all()

    one, two = world.user(Role.MANAGER), other
    threads = [threading.Thread(target=end, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["ended", "refused"]


# --- forgotten passwords ---------------------------------------------------------------------------------------------


def test_asking_for_a_password_answers_alike_for_known_and_unknown(clinic_a: World) -> None:
    client = Client()
    answers = [
        client.post("/conta/senha/", {"email": email}, follow=True)
        for email in ("reception@alfazema.example", "ninguem@example.org")
    ]
    one, other = (re.sub(rb'="\w{64}"', b'="token"', answer.content) for answer in answers)
    assert one == other
    assert [message.to for message in mail.outbox] == [["reception@alfazema.example"]]
    assert re.search(r"http://testserver/conta/senha/nova/\S+/\S+/", str(mail.outbox[0].body))


def test_a_weak_password_is_refused(clinic_a: World) -> None:
    path = team.password_path(clinic_a.user(Role.RECEPTION).pk)
    client = Client()
    where = client.get(path, follow=True).redirect_chain[-1][0]
    answer = client.post(where, {"new_password1": "12345678", "new_password2": "12345678"})
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_a_made_up_link_opens_nothing(clinic_a: World) -> None:
    page = Client().get("/conta/senha/nova/AAAA/xyz-123/", follow=True)
    assert page.status_code == 200
    assert page.context["validlink"] is False
