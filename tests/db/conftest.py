"""Two clinics in a database with real commits, and connections of our own to attack it with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from pytest_django import DjangoDbBlocker

from compliance.models import ResourcePermission
from patients import prescribing
from patients.models import Appointment, Patient, PrescriptionTemplate, RecordTemplate
from tests.conftest import clone_template
from tests.db.raw import Raw, connect
from tests.factories import World, make_world
from tests.patients.prescriptions import equip, issue


@dataclass(frozen=True)
class Worlds:
    """The clinic that the attacker works in, and the one that must stay shut."""

    a: World
    b: World


@pytest.fixture(scope="module")
def worlds(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Worlds]:
    """Two committed clinics with a row in every table, shared by a module: its tests undo what they write."""
    with django_db_blocker.unblock():
        both = Worlds(make_world("ALFAZEMA", signed=True), make_world("BERGAMOTA", signed=True))
        for world, cpf in ((both.a, "52998224725"), (both.b, "11144477735")):
            share_a_record(world)
            cancel_a_prescription(world)
            with world.enter():
                # What is unique in a clinic must be there to clash.
                for model in (Patient, Appointment):
                    newest: Any = model._default_manager.order_by("-created_at", "id")[0]
                    newest.source, newest.external_id = "planilha", world.canary
                    if model is Patient:
                        newest.cpf = cpf
                    newest.save()
            with world.enter("professional"):
                RecordTemplate.objects.update(starter=world.canary)
        yield both
        clone_template()


@pytest.fixture
def app(worlds: Worlds) -> Iterator[Raw]:
    """The application's role with nothing but SQL, in autocommit."""
    with connect("neonpro_app") as connection:
        yield Raw(connection)


@pytest.fixture
def owner(worlds: Worlds) -> Iterator[Raw]:
    """The tables' owner with nothing but SQL, in autocommit."""
    with connect("neonpro_owner") as connection:
        yield Raw(connection)


def cancel_a_prescription(world: World) -> None:
    """A prescription that was issued and cancelled, and a template of the starter set: what make_world has not."""
    (made,) = issue(equip(world), "COMMON")
    with world.enter("professional"):
        prescribing.cancel(made, reason=f"engano {world.canary}")
        PrescriptionTemplate.objects.create(name=f"Inicial {world.canary}", lines=[], starter="inicial")


def share_a_record(world: World) -> None:
    """Give the auditor a permission on one patient: the one table that make_world leaves empty."""
    with world.enter("manager"):
        ResourcePermission.objects.create(
            user=world.user("auditor"),
            permission=Permission.objects.get(codename="view_patient"),
            content_type=apps.get_model("contenttypes", "ContentType").objects.get_for_model(world.patients[0]),
            object_pk=str(world.patients[0].pk),
            reason=f"motivo {world.canary}",
        )
