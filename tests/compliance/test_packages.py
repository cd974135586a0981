"""Packages: everything held, nobody else's, encrypted; and no keys without a request that is open and identified."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
import pyzipper
from django.db import DatabaseError, connection, transaction

from clinics.roles import Role
from compliance import packages, requests
from compliance.models import AuditLog, DataRequest
from neonpro.db.bound import execute
from neonpro.vault.keys import CATEGORIES
from neonpro.vault.retention import patient_models
from tests.factories import World, make_world

PASSWORD = "senha de teste bem longa"


@pytest.fixture
def world(db: None) -> World:
    return make_world("LOUREIRO", signed=True)


def ask(world: World, kind: str = "ACCESS", check: str = "document", patient: int = -1) -> DataRequest:
    return requests.open_request(
        patient_id=world.patients[patient].pk, kind=kind, channel="in_person", identity_check=check
    )


def unzip(content: bytes, password: str) -> dict[str, bytes]:
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        assert all(one.flag_bits & 1 for one in archive.infolist())
        return {name: archive.read(name) for name in archive.namelist()}


def test_everything_held_is_in_it_and_of_nobody_else(world: World) -> None:
    from fhir.resources.R4B.bundle import Bundle

    with world.enter(Role.DPO):
        request = ask(world)
        package = b"".join(packages.build(request, "segredo"))
    files = unzip(package, "segredo")
    told = json.loads(files["dados.json"])
    held = {one["table"]: one["rows"] for one in told["tables"]}
    assert set(held) == {model._meta.db_table for model in patient_models()}
    patient = str(world.patients[-1].pk)
    for name, rows in held.items():
        for row in rows:
            assert row.get("patient_id", patient) == patient, name
    for table in ("patients", "medical_records", "record_signatures", "product_applications"):
        assert held[table], table
    # Unmasked, and opened: no placeholder of the vault.
    text = files["dados.json"].decode()
    assert "LOUREIRO" in text
    assert "withheld" not in text
    assert told["left_out"]
    assert told["accesses"]
    assert files["dados.pdf"].startswith(b"%PDF")
    made: Any = Bundle.model_validate_json(files["fhir-r4.json"])
    kinds = {one.resource.get_resource_type() for one in made.entry}
    assert {"Patient", "DocumentReference"} <= kinds
    assert any(name.startswith("arquivos/record_signatures/") for name in files)
    # Names in a ZIP are not encrypted.
    assert not any("LOUREIRO" in name for name in files)


def test_every_patient_of_a_clinic_makes_valid_resources(world: World) -> None:
    kinds = set()
    for number in range(len(world.patients)):
        with world.enter(Role.DPO):
            files = unzip(b"".join(packages.build(ask(world, "PORTABILITY", patient=number), "segredo")), "segredo")
        kinds |= {one["resource"]["resourceType"] for one in json.loads(files["fhir-r4.json"])["entry"]}
    assert {"Patient", "Appointment", "Consent", "DocumentReference"} <= kinds


def test_it_is_an_export_in_the_log(world: World) -> None:
    with world.enter(Role.DPO):
        request = ask(world)
        for _piece in packages.build(request, "segredo"):
            pass
        row: Any = AuditLog.objects.filter(action="EXPORT").latest("created_at")
        assert row.changes["purpose"] == f"request:{request.pk}"
        assert row.patient_id == request.patient_id
        assert set(row.changes["categories"]) == set(CATEGORIES)


def keys(patient: Any, request: Any) -> dict[str, str]:
    """What the function of the keys answers for a purpose, by category."""
    rows = execute(
        "SELECT category, status FROM neonpro.open_keys(%s::uuid[], %s::text[], 'EXPORT', %s)",
        [[patient], list(CATEGORIES), f"request:{request}"],
    )
    return dict(rows)


def test_only_the_open_identified_request_of_the_patient_opens_clinical_keys(world: World) -> None:
    mine, other = world.patients[-1].pk, world.patients[0].pk
    with world.enter(Role.DPO):
        good = ask(world)
        assert keys(mine, good.pk)["clinical"] == "open"
        assert keys(other, good.pk).get("clinical", "withheld") == "withheld"
        assert keys(mine, uuid4())["clinical"] == "withheld"
        unchecked = ask(world, check="")
        assert keys(mine, unchecked.pk)["clinical"] == "withheld"
        wrong = ask(world, "CORRECTION")
        assert keys(mine, wrong.pk)["clinical"] == "withheld"
        rows = execute(
            "SELECT status FROM neonpro.open_keys(%s::uuid[], '{clinical}'::text[], 'EXPORT', %s)",
            [[mine, other], f"request:{good.pk}"],
        )
        assert {status for (status,) in rows} == {"withheld"}
        # Any other act than the export.
        rows = execute(
            "SELECT status FROM neonpro.open_keys(%s::uuid[], '{clinical}'::text[], 'READ', %s)",
            [[mine], f"request:{good.pk}"],
        )
        assert {status for (status,) in rows} == {"withheld"}
    for role in (Role.MANAGER, Role.RECEPTION, Role.AUDITOR):
        with world.enter(role):
            assert keys(mine, good.pk).get("clinical") == "withheld"
    with world.enter(Role.DPO):
        requests.answer_request(DataRequest.objects.get(pk=good.pk), "Entregue.", channel="in_person")
        assert keys(mine, good.pk)["clinical"] == "withheld"


def refused(statement: str, parameters: list[Any]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_rows_come_by_the_request_alone(world: World) -> None:
    rows = "SELECT neonpro.package_rows(%s, %s, '{}')"
    with world.enter(Role.DPO):
        good, unchecked = ask(world), ask(world, check="")
        refused(rows, [unchecked.pk, "medical_records"])
        refused(rows, [uuid4(), "medical_records"])
        refused(rows, [good.pk, "users"])
        refused(rows, [good.pk, "medical_records_history"])
        refused("SELECT neonpro.package_file(%s, 'medical_records', %s, 'content')", [unchecked.pk, uuid4()])
    for role in (Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR):
        with world.enter(role):
            refused(rows, [good.pk, "medical_records"])
    other = make_world("MANACA", patients=1)
    with other.enter(Role.DPO):
        refused(rows, [good.pk, "patients"])
        assert keys(world.patients[-1].pk, good.pk) == {}
    with world.enter(Role.DPO):
        requests.answer_request(DataRequest.objects.get(pk=good.pk), "Entregue.", channel="in_person")
        refused(rows, [good.pk, "medical_records"])


def test_it_wants_the_password_again_and_a_seal_of_its_own(world: World) -> None:
    user = world.user(Role.DPO)
    with world.enter(Role.DPO):
        request = ask(world)
        with pytest.raises(packages.PackageError):
            packages.prepare(request, acting_user=user, password="errada")
        with pytest.raises(packages.PackageError):
            packages.prepare(ask(world, check=""), acting_user=user, password=PASSWORD)
        ticket = packages.prepare(request, acting_user=user, password=PASSWORD)
        assert ticket.password not in repr(ticket) + ticket.seal
        packages.admit(request, acting_user=user, password=ticket.password, seal=ticket.seal)
        for password, seal in (("fraca", ticket.seal), (ticket.password, "x"), ("", "")):
            with pytest.raises(packages.PackageError):
                packages.admit(request, acting_user=user, password=password, seal=seal)
        with pytest.raises(packages.PackageError):
            packages.admit(ask(world), acting_user=user, password=ticket.password, seal=ticket.seal)
