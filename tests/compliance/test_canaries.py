"""The canary test: of somebody with something in every field of every table, all gone that the plan said, and no more.

Which values there are is found from the models, so that a table that comes later is looked at without being named.
"""

import hashlib
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings as project
from django.core.cache import cache

from clinics.roles import Role
from compliance.erasure import execute_erasure, plan_erasure
from compliance.models import Erasure
from compliance.plans import GOES, PATIENT, ErasurePlan
from neonpro.db.history import is_history
from neonpro.vault.fields import Withheld, encrypted_fields
from neonpro.vault.models import VaultModel
from neonpro.vault.retention import patient_models
from patients.models import Appointment, AppointmentStatus, MedicalRecord, Patient, WaitingEntry
from patients.search import find
from tests.conftest import superuser
from tests.erasing import approved
from tests.factories import World, make_world
from tests.settings import DATABASE, SERVER
from tests.vault.test_command import OLD, stored_keys
from tests.vault.test_destroy import BY_FORM, BY_ORM, NOTES, Attacker, ciphertexts, everything_about, whole_dump
from tests.visits import filled, signed_in

Spot = tuple[str, str, UUID]
"""A table, a field and a record."""


@pytest.fixture
def world(committed: None, tmp_path: Path, settings: Any) -> World:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    return make_world("ESTRAGAO", signed=True)


def fill(world: World, patient: Patient) -> None:
    """Canaries in every field of the patient, in a visit that did not take place and in the waiting list."""
    with world.enter():
        for name, value in {**BY_ORM, "cns": BY_FORM["cns"], "sex": "male", "uf": "MA", "source": "planilha"}.items():
            setattr(patient, name, value)
        patient.save()
        Appointment.objects.create(
            patient=patient, day=date(2026, 1, 5), status=AppointmentStatus.NO_SHOW,
            **{name: texts[1] for name, texts in NOTES.items()},
        )  # fmt: skip
        WaitingEntry.objects.create(patient=patient, service=world.service, note="Zuleica espera o zurro")
        assert find("zuleica pin")
    client = signed_in(world.user(Role.RECEPTION))
    change = f"/admin/patients/patient/{patient.pk}/change/"
    answer = client.post(change, filled(client, change, mother_name="Mãe Pintassilga Zonza"))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert client.get(f"/admin/patients/patient/{patient.pk}/history/").status_code == 200


def readable(dumped: bytes, patient: UUID, bound: list[tuple[Any, UUID]]) -> dict[Spot, set[str]]:
    """What somebody opens in a dump who has the master key and every key that is left."""
    read: dict[Spot, set[str]] = defaultdict(set)
    values = set(ciphertexts(dumped))
    for cipher in Attacker(OLD, stored_keys()).data_keys(patient):
        for value in values:
            for found, record in bound:
                try:
                    text = found.decrypt(cipher, value, patient, record)
                except InvalidTag:
                    continue
                read[found.model._meta.db_table, found.name, record].add(str(text))
    return read


def going(plan: ErasurePlan, spot: Spot, category: str) -> bool:
    """Whether the plan says that a value goes."""
    table, _name, record = spot
    lines = [line for line in plan.lines if line.table == table and record in line.records]
    if table == PATIENT and not plan.whole:
        lines = [line for line in lines if category in line.part.split()] or lines
    assert lines, f"the plan says nothing of {table}"
    return (plan.whole and table == PATIENT) or any(line.outcome in GOES for line in lines)


def others(patient: UUID) -> dict[str, str]:
    """A hash of every row of everybody else, in each table of patients and in its history."""
    found = {}
    with superuser(DATABASE) as behind:
        for model in patient_models():
            for table in (model._meta.db_table, f"{model._meta.db_table}_history"):
                ((exists,),) = behind.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{table}"]).fetchall()
                if not exists:
                    continue
                column = "id" if model is Patient else "patient_id"
                rows = behind.execute(
                    f"SELECT t::text FROM {table} AS t WHERE {column} <> %s ORDER BY 1".encode(), [patient]
                ).fetchall()
                found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
        keys = behind.execute(
            "SELECT k::text FROM neonpro.data_keys AS k WHERE patient_id <> %s ORDER BY 1", [patient]
        ).fetchall()
        found["keys"] = hashlib.sha256(repr(keys).encode()).hexdigest()
    return found


@pytest.mark.parametrize("whose", ["contact", "record"])
def test_canaries(world: World, whose: str, tmp_path: Path) -> None:
    mark = SERVER.log_path.stat().st_size
    if whose == "contact":
        with world.enter():
            patient = Patient.objects.create(name="Zuleica Antes")
    else:
        patient = world.patients[-1]
    fill(world, patient)
    bound = everything_about(patient.pk)
    if whose == "record":
        covered = {found.model for found, _record in bound}
        missed = {model for model in patient_models() if issubclass(model, VaultModel) and encrypted_fields(model)}
        # Of others in this world: consents and holds of the first patient; nobody has cancelled the draft, or typed
        # why somebody joined a care team.
        assert {model._meta.db_table for model in missed - covered} <= {
            "consent_records", "legal_holds", "prescription_cancellations", "prescription_signatures", "data_requests",
            "holder_contacts",
        }  # fmt: skip
    before = whole_dump()
    could = readable(before, patient.pk, bound)
    category = {(found.model._meta.db_table, found.name): found.category for found, _record in bound}
    assert len(could) >= (16 if whose == "contact" else 40)
    erasure = approved(world, patient.pk)
    untouched = others(patient.pk)
    with world.enter(Role.DPO):
        plan = plan_erasure(patient.pk)
        assert plan.whole == (whose == "contact")
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    assert others(patient.pk) == untouched

    doomed = {spot for spot in could if going(plan, spot, category[spot[:2]])}
    assert doomed
    after = whole_dump()
    now, then = readable(after, patient.pk, bound), readable(before, patient.pk, bound)
    # Gone: in what is there now, and in the dump from before, with all keys that are left.
    assert not doomed & now.keys()
    assert not doomed & then.keys()
    # Kept: every value that was there still opens, as often as it did.
    kept = could.keys() - doomed
    assert (whose == "contact") == (not kept)
    assert {spot for spot in kept if now[spot] != could[spot] and not now[spot] & could[spot]} == set()

    # And nothing of what is gone stands anywhere in clear.
    words = {text for spot in doomed for text in could[spot] if len(text) >= 6 and not text.isdigit()}
    words |= {"Zuleica Antes", "Zuleica espera o zurro", *(texts[1] for texts in NOTES.values())}
    with SERVER.log_path.open("rb") as stream:
        stream.seek(mark)
        log = stream.read()
    assert b"erase_rows" in log
    places = {"dump": after, "log": log, "ledger": Path(project.NEONPRO_ERASURE_LEDGER).read_bytes()}
    media = Path(project.MEDIA_ROOT) if project.MEDIA_ROOT else tmp_path / "no media"
    places |= {f"media {file}": file.read_bytes() for file in media.rglob("*") if file.is_file()}
    places["cache"] = repr(getattr(cache, "_cache", {})).encode()
    for place, content in places.items():
        assert [word for word in words if word.encode() in content] == [], place

    if whose == "record":
        with world.enter(Role.PROFESSIONAL):
            entry = MedicalRecord.objects.get(pk=world.record.pk)
            assert not isinstance(entry.content, Withheld)
            assert "queixa ESTRAGAO" in str(entry.content)
            for model in patient_models():
                if not issubclass(model, VaultModel) or is_history(model) or model is Patient:
                    continue
                for row in model.objects.filter(**{"patient_id": patient.pk}):
                    for found in encrypted_fields(model):
                        if found.category in {"clinical", "images"}:
                            assert not isinstance(getattr(row, found.attname), Withheld), f"{found.label}"
