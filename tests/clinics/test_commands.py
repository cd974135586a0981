"""The operator's commands: a clinic with its first manager, and a platform account."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from clinics.models import Clinic, Membership, User
from clinics.roles import Role
from neonpro.db import context
from tests.factories import JOB


def run(*arguments: str) -> list[str]:
    """What a command prints, line by line."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().splitlines()


def choose_password(path: str) -> Any:
    """Go to the printed page and set a password there."""
    client = Client()
    where = client.get(path, follow=True).redirect_chain[-1][0]
    new = "uma senha nova bem longa"
    assert client.post(where, {"new_password1": new, "new_password2": new}).status_code == 302
    return new


def test_a_new_clinic_is_ready_for_its_manager(db: None) -> None:
    lines = run(
        "create_clinic", "Clínica Sol", "--manager", "ana@example.org", "--manager-name", "Ana", "--cnpj",
        "11.222.333/0001-81", "--time-zone", "America/Manaus",
    )  # fmt: skip
    password = choose_password(lines[-1])
    client = Client()
    assert client.post("/admin/login/", {"username": "ana@example.org", "password": password}).status_code == 302
    page = client.get("/admin/clinics/clinic/", follow=True)
    clinic: Clinic = page.context["original"]
    assert (clinic.trade_name, clinic.cnpj, clinic.time_zone) == ("Clínica Sol", "11222333000181", "America/Manaus")
    with context.enter(JOB, clinic.pk):
        assert [(m.display_name, m.role) for m in Membership.objects.all()] == [("Ana", Role.MANAGER)]


@pytest.mark.parametrize(
    "wrong", [["--manager", "not an address"], ["--manager", "a@example.org", "--cnpj", "11.222.333/0001-82"]]
)
def test_a_slip_of_the_keyboard_makes_no_clinic(db: None, wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        run("create_clinic", "Clínica Sol", *wrong)


def test_a_platform_account_opens_no_clinic(db: None) -> None:
    lines = run("createsuperuser", "Operador@example.org")
    password = choose_password(lines[-1])
    client = Client()
    assert client.post("/admin/login/", {"username": "operador@example.org", "password": password}).status_code == 302
    assert client.get("/admin/").status_code == 403
    with context.enter(JOB, None):
        assert User.objects.get(email="operador@example.org").is_superuser
    with pytest.raises(CommandError, match="operador@"):
        run("createsuperuser", "operador@example.org")
