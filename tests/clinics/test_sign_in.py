"""Signing in and out: who may, what the log says of it, and what it does not give away."""

from typing import Any

import pytest
from django.test import Client

from clinics.models import Membership, User
from compliance.models import PLATFORM
from neonpro.db import context
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import Raw
from tests.factories import JOB, PASSWORD, World, join, make_user, make_world
from tests.visits import signed_in

LOGIN = "/admin/login/"


@pytest.fixture
def world(committed: None) -> World:
    return make_world("ALFAZEMA")


def sign_in(email: str, password: str = PASSWORD, *, client: Client | None = None) -> Any:
    return (client or Client()).post(LOGIN, {"username": email, "password": password})


def events(*actions: str) -> list[tuple[Any, ...]]:
    with superuser(test_settings.DATABASE) as root:
        return Raw(root).run(
            "SELECT action, clinic_id::text, actor_kind, actor, record_id::text, changes FROM audit_logs"
            " WHERE action = ANY (%s) ORDER BY created_at, clinic_id",
            [list(actions or ("LOGIN", "LOGIN_FAILED", "LOGOUT"))],
        )


def test_signing_in_and_out_is_in_the_clinics_log(world: World) -> None:
    user, client = world.user("reception"), Client()
    answer = sign_in(user.email, client=client)
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200
    client.post("/admin/logout/")
    assert client.get("/admin/").status_code == 302
    clinic, account = str(world.clinic.pk), str(user.pk)
    assert events() == [
        ("LOGIN", clinic, "signin", account, account, None),
        ("LOGOUT", clinic, "user", account, account, None),
    ]
    with world.enter("dpo"):
        from compliance.models import AuditLog

        assert AuditLog.objects.filter(action="LOGIN", actor=account).exists()


def test_the_address_is_the_same_in_capitals(world: World) -> None:
    assert sign_in(world.user("dpo").email.upper()).status_code == 302


@pytest.mark.parametrize("password", ["errada mas bem longa", "", PASSWORD.upper()])
def test_a_wrong_password_is_in_the_log_of_the_accounts_clinics(password: str, world: World) -> None:
    user = world.user("reception")
    assert sign_in(user.email, password).status_code == 200
    if password:  # an empty form is sent back before anybody is asked
        assert events() == [("LOGIN_FAILED", str(world.clinic.pk), "signin", str(user.pk), str(user.pk), None)]


def test_a_sign_in_lands_in_each_clinic_of_the_account(world: World) -> None:
    other = make_world("BERGAMOTA")
    join(world.user("manager"), other.clinic.pk, "reception")
    sign_in(world.user("manager").email)
    sign_in(world.user("manager").email, "errada mas bem longa")
    both = {str(world.clinic.pk), str(other.clinic.pk)}
    assert {clinic for _, clinic, *_ in events("LOGIN")} == both
    assert {clinic for _, clinic, *_ in events("LOGIN_FAILED")} == both


def test_an_address_of_nobody_names_nobody(world: World) -> None:
    """What somebody typed may be a password in the wrong field."""
    typed = "minha-senha-secreta@nenhures.example"
    assert sign_in(typed).status_code == 200
    assert events() == [("LOGIN_FAILED", PLATFORM, "signin", "", None, None)]
    with superuser(test_settings.DATABASE) as root:
        assert typed not in str(Raw(root).run("SELECT a::text FROM audit_logs AS a"))


def test_a_known_and_an_unknown_address_get_the_same_answer(world: World) -> None:
    known = sign_in(world.user("dpo").email, "errada mas bem longa").content.decode()
    unknown = sign_in("ninguem@nenhures.example", "errada mas bem longa").content.decode()

    def without(page: str) -> list[str]:
        return [
            line.replace(world.user("dpo").email, "").replace("ninguem@nenhures.example", "")
            for line in page.splitlines()
            if "csrf" not in line
        ]

    assert without(known) == without(unknown)


def test_a_closed_account_and_one_without_a_password_do_not_sign_in(world: World) -> None:
    user = world.user("auditor")
    with context.enter(JOB, None):
        User.objects.filter(pk=user.pk).update(is_active=False)
        invited = User.objects.create_user("convidada@nenhures.example")
    assert sign_in(user.email).status_code == 200
    assert sign_in(invited.email, "").status_code == 200
    assert sign_in(invited.email, "!").status_code == 200
    assert not events("LOGIN")


def test_somebody_without_a_clinic_signs_in_and_sees_nothing(world: World) -> None:
    somebody, client = make_user("sozinha@nenhures.example"), Client()
    assert sign_in(somebody.email, client=client).status_code == 302
    assert client.get("/admin/").status_code == 403
    assert events("LOGIN") == [("LOGIN", PLATFORM, "signin", str(somebody.pk), str(somebody.pk), None)]


def test_signing_in_changes_the_account_without_a_trace_but_the_event(world: World) -> None:
    """last_login is derived: the event says it already."""
    user = world.user("manager")
    sign_in(user.email)
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        ((last_login,),) = raw.run("SELECT last_login FROM users WHERE id = %s", [user.pk])
        assert last_login is not None
        assert raw.run("SELECT 1 FROM audit_logs WHERE table_name = 'users' AND action = 'UPDATE'") == []


def test_a_session_key_from_before_signing_in_is_worth_nothing_after(world: World) -> None:
    client = Client()
    session = client.session
    session["before"] = True
    session.save()
    planted = client.cookies["sessionid"].value
    sign_in(world.user("manager").email, client=client)
    assert client.cookies["sessionid"].value != planted
    victim = Client()
    victim.cookies["sessionid"] = planted
    assert victim.get("/admin/").status_code == 302


def test_whoever_is_signed_in_cannot_try_passwords_of_others(world: World) -> None:
    """Inside a clinic only the own account is there to be found."""
    client = Client()
    sign_in(world.user("manager").email, client=client)
    first = client.cookies["sessionid"].value
    sign_in(world.user("dpo").email, client=client)
    assert client.cookies["sessionid"].value == first
    assert [actor for _, _, _, actor, _, _ in events("LOGIN")] == [str(world.user("manager").pk)]


def test_an_ended_membership_gets_no_more_events(world: World) -> None:
    user = world.user("auditor")
    with context.enter(JOB, world.clinic.pk):
        Membership.objects.filter(user=user).update(is_active=False)
    sign_in(user.email)
    assert [clinic for _, clinic, *_ in events("LOGIN")] == [PLATFORM]


def test_the_link_that_sets_a_password_goes_to_the_accounts_own_address(world: World, mailoutbox: list[Any]) -> None:
    """Whoever could write the team's list by SQL would otherwise get anybody's account, in every clinic of it."""
    member = world.user("dpo")
    client = signed_in(world.user("manager"))
    with world.enter("manager"):
        Membership.objects.filter(user=member).update(email="intrusa@nenhures.example")
        place = Membership.objects.get(user=member)
    client.post(f"/admin/clinics/membership/{place.pk}/send-again/")
    assert [message.to for message in mailoutbox] == [[member.email]]
