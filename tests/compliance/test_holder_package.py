"""The package on «Meus dados»: released by the DPO, for its days, to the patient whose it is, and to nobody else."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pyzipper
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinics.roles import Role
from compliance import holder, packages, requests
from compliance.models import PACKAGED, AuditLog, CodeKind, DataRequest, HolderSession, RequestType
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.db.context import Door, Holder
from neonpro.rules import rule
from neonpro.vault.keys import CATEGORIES
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import Raw
from tests.factories import World, make_world
from tests.visits import signed_in

PASSWORD = "senha de teste bem longa"


@pytest.fixture
def world(committed: None) -> World:
    return make_world("JURUBEBA", signed=True)


def ask(world: World, kind: str = "ACCESS", *, patient: int = -1, check: str = "document") -> DataRequest:
    with world.enter(Role.DPO):
        return requests.open_request(
            patient_id=world.patients[patient].pk, kind=kind, channel="page", identity_check=check
        )


def release(world: World, request: DataRequest) -> DataRequest:
    with world.enter(Role.DPO):
        requests.release_package(
            request, requests.released_answer(), password=PASSWORD, acting_user=world.user(Role.DPO)
        )
    return request


def session(world: World, patient: int = -1) -> Holder:
    """A patient who is in."""
    actor = Holder(uuid4().hex)
    with context.enter(Door(), world.clinic.pk):
        HolderSession.objects.create(patient_id=world.patients[patient].pk, method=CodeKind.CODE, digest=actor.digest)
    return actor


@contextmanager
def inside(world: World, patient: int = -1) -> Iterator[None]:
    actor = session(world, patient)
    with context.enter(actor, world.clinic.pk):
        yield


def keys(patient: UUID, request: UUID) -> set[str]:
    rows = execute(
        "SELECT status FROM neonpro.open_keys(%s::uuid[], %s::text[], 'EXPORT', %s) WHERE category = 'clinical'",
        [[patient], list(CATEGORIES), f"request:{request}"],
    )
    return {status for (status,) in rows}


def nothing(patient: UUID, request: UUID) -> None:
    """Neither keys nor rows nor files, whatever SQL is sent."""
    assert keys(patient, request) <= {"withheld"}
    for statement, parameters in (
        ("SELECT neonpro.package_rows(%s, 'medical_records', '{}')", [request]),
        ("SELECT neonpro.package_file(%s, 'record_signatures', %s, 'content')", [request, uuid4()]),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)


# --- the pages --------------------------------------------------------------------------------------------------------


def visitor(world: World, patient: int = -1) -> Client:
    with world.enter():
        token = holder.new_link(world.patients[patient].pk)
    client = Client()
    assert client.post(reverse("holder:invitation", args=[world.clinic.pk, token])).status_code == 302
    return client


def page(world: World, request: DataRequest) -> str:
    return reverse("holder:package", args=[world.clinic.pk, request.pk])


def shown(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', text)
    assert found
    return found.group(1)


def test_released_and_downloaded_and_opened(world: World) -> None:
    request = ask(world)
    mine = visitor(world)
    asked = reverse("holder:requests", args=[world.clinic.pk])
    assert page(world, request) not in mine.get(asked).content.decode()
    assert mine.post(page(world, request)).status_code == 404

    admin = f"/admin/compliance/datarequest/{request.pk}/answering/"
    dpo = signed_in(world.user(Role.DPO))
    form = dpo.get(admin).context["form"]
    step = {"act": "release", "released_answer": form["released_answer"].value()}
    assert "15 dias" in step["released_answer"]
    dpo.post(admin, step | {"release_password": "errada"})
    assert mine.post(page(world, request)).status_code == 404
    assert dpo.post(admin, step | {"release_password": PASSWORD}).status_code == 302
    until = f"{timezone.localdate() + timedelta(days=15):%d/%m/%Y}"
    assert until in dpo.get(admin).content.decode()

    told = mine.get(asked).content.decode()
    assert page(world, request) in told
    assert until in told
    assert mine.get(page(world, request)).status_code == 302
    ticket = mine.post(page(world, request)).content.decode()
    password, seal = shown(ticket, "zip_password"), shown(ticket, "seal")
    for wrong in ({"zip_password": "fraca", "seal": seal}, {"zip_password": password, "seal": "x"}):
        assert mine.post(page(world, request), wrong).status_code == 409
    answer = mine.post(page(world, request), {"zip_password": password, "seal": seal})
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    with pyzipper.AESZipFile(BytesIO(answer.getvalue())) as archive:
        archive.setpassword(password.encode())
        data = json.loads(archive.read("dados.json"))
        assert archive.read("dados.pdf").startswith(b"%PDF")
        assert any(name.startswith("arquivos/record_signatures/") for name in archive.namelist())
    held = {one["table"]: one["rows"] for one in data["tables"]}
    assert "JURUBEBA" in json.dumps(held["medical_records"])
    assert "withheld" not in json.dumps(held)
    patient = str(request.patient_id)
    assert {row.get("patient_id", patient) for rows in held.values() for row in rows} == {patient}
    # Whose seal it is.
    other = visitor(world, 0)
    assert other.post(page(world, request), {"zip_password": password, "seal": seal}).status_code == 404

    with world.enter(Role.DPO):
        row: Any = AuditLog.objects.get(action="EXPORT", patient_id=request.patient_id)
        assert (row.actor_kind, row.actor, row.role) == ("patient", patient, "patient")
        assert row.changes["purpose"] == f"request:{request.pk}"
        assert set(row.changes["categories"]) == set(CATEGORIES)
        assert not any(password in json.dumps(one.changes) for one in AuditLog.objects.all())


def test_the_package_has_all_that_the_dpos_has(world: World) -> None:
    """What a role sees leaves no gap: table by table the same rows, with the same words."""
    first = ask(world, "PORTABILITY")

    def told() -> dict[str, Any]:
        request = DataRequest.objects.get(pk=first.pk)
        packages._open_keys(request)
        people = packages._people()
        return {
            one.name: (
                sorted(packages.as_data(one)["rows"], key=lambda row: str(row["id"])),
                sorted(map(str, packages.in_words(one, people))),
            )
            for one in packages.gather(request)
        }

    with world.enter(Role.DPO):
        theirs = told()
    release(world, first)
    with inside(world):
        own = told()
    for table in ("data_requests", "holder_sessions"):
        del theirs[table], own[table]
    assert own == theirs


# --- what opens nothing -----------------------------------------------------------------------------------------------


def test_only_ones_own_released_request_opens_anything(world: World) -> None:
    me = world.patients[-1].pk
    waiting, good = ask(world), ask(world, "RECORD_COPY")
    release(world, good)
    others = release(world, ask(world, patient=0))
    with inside(world):
        assert keys(me, good.pk) == {"open"}
        assert execute("SELECT neonpro.package_rows(%s::uuid, 'medical_records', '{}')", [good.pk])
        nothing(me, waiting.pk)
        nothing(me, others.pk)
        nothing(me, uuid4())
        assert keys(others.patient_id, others.pk) == set()
        # Any other act than the export, or another purpose.
        for act, purpose in (("READ", f"request:{good.pk}"), ("EXPORT", "holder:file")):
            rows = execute(
                "SELECT status FROM neonpro.open_keys(%s::uuid[], '{clinical}'::text[], %s, %s)", [[me], act, purpose]
            )
            assert {status for (status,) in rows} == {"withheld"}
    with inside(world, 0):
        nothing(others.patient_id, good.pk)
        assert keys(me, good.pk) == set()
    # Nor does the release open anything to the team, the DPO included: the request is closed.
    for role in (Role.MANAGER, Role.RECEPTION, Role.AUDITOR, Role.DPO):
        with world.enter(role):
            nothing(me, good.pk)
    foreign = make_world("MANJERONA", patients=1)
    with inside(foreign):
        nothing(foreign.patients[0].pk, good.pk)
    client = visitor(foreign)
    assert client.post(page(foreign, good)).status_code == 404
    assert client.post(page(world, good)).status_code in (302, 404)


@pytest.mark.parametrize("kind", sorted(set(RequestType.values) - {str(kind) for kind in PACKAGED}))
def test_no_other_kind_is_released(kind: str, db: None) -> None:
    world = make_world("JURUBEBA", patients=1)
    request = ask(world, kind)
    with pytest.raises(requests.RequestError):
        release(world, request)
    with world.enter(Role.DPO), pytest.raises(DatabaseError), transaction.atomic():
        DataRequest.objects.filter(pk=request.pk).update(released_at=timezone.now())


def test_the_guard_of_releases(db: None) -> None:
    world = make_world("JURUBEBA", patients=1)

    def change(request: DataRequest, **values: Any) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            assert DataRequest.objects.filter(pk=request.pk).update(**values)

    good, unchecked = ask(world), ask(world, check="")
    with context.enter(context.Job("tests"), world.clinic.pk):
        change(good, released_at=timezone.now())
    with world.enter(Role.DPO):
        change(unchecked, released_at=timezone.now())
        with pytest.raises(DatabaseError), transaction.atomic():
            DataRequest.objects.create(
                patient_id=good.patient_id, kind="ACCESS", channel="page", released_at=timezone.now()
            )
        # The moment is the clock's, whatever is written; and it stays.
        DataRequest.objects.filter(pk=good.pk).update(released_at=timezone.now() + timedelta(days=900))
        good.refresh_from_db()
        assert good.released_at is not None
        assert abs(good.released_at - timezone.now()) < timedelta(minutes=1)
        change(good, released_at=None)
        change(good, released_at=timezone.now())
        requests.refuse_request(good, "Não é o titular.", channel="letter")
        assert not good.is_released
    with inside(world):
        nothing(good.patient_id, good.pk)


@pytest.mark.parametrize(("days", "opens"), [(15, True), (16, False)])
def test_it_opens_to_the_end_of_its_last_day(days: int, opens: bool, world: World) -> None:
    request = release(world, ask(world))
    actor = session(world)
    with superuser(test_settings.DATABASE) as connection_, connection_.transaction(force_rollback=True):
        root = Raw(connection_)
        root.run("ALTER TABLE data_requests DISABLE TRIGGER USER")
        # The first or last minute of that day, where the clinic is.
        root.run(
            "UPDATE data_requests SET released_at = (((now() AT TIME ZONE 'America/Sao_Paulo')::date - %s)"
            " + CASE WHEN %s THEN time '00:00' ELSE time '23:59' END) AT TIME ZONE 'America/Sao_Paulo' WHERE id = %s",
            [days, opens, request.pk],
        )
        ((moment,),) = root.run("SELECT released_at FROM data_requests WHERE id = %s", [request.pk])
        root.run("SET LOCAL ROLE neonpro_app")
        root.enter_with(root.request(world.clinic.pk, kind="patient", actor=actor.digest))
        assert root.run("SELECT neonpro.packaged_patient(%s)", [request.pk]) == [
            (request.patient_id if opens else None,)
        ]
        rows = root.attempt("SELECT neonpro.package_rows(%s, 'medical_records', '{}')", [request.pk])
        assert (rows.state is None) == opens
        ((status,),) = root.run(
            "SELECT status FROM neonpro.open_keys(%s::uuid[], '{clinical}', 'EXPORT', %s)",
            [[request.patient_id], f"request:{request.pk}"],
        )
        assert status == ("open" if opens else "withheld")
    # And the page says the same.
    with timezone.override("America/Sao_Paulo"):
        request.released_at = moment
        assert request.is_released == opens
        if not opens:
            with pytest.raises(packages.PackageError):
                packages.prepare_own(request, patient=request.patient_id)


def test_the_database_knows_the_days_of_the_rule() -> None:
    text = Path("compliance/sql/packaged_patient.sql").read_text("utf-8")
    days = rule("lgpd.requests.released", on=timezone.localdate()).period.number
    assert re.findall(r"::date \+ (\d+)", text) == [str(days)]
