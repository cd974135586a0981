"""Destroyed for good: with every key in hand, nothing of an erased patient opens, in the database or in a dump."""

import base64
import os
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.apps import apps
from django.conf import settings as project
from django.db import DatabaseError, connection

from neonpro.db import context, embedded
from neonpro.db.bound import execute
from neonpro.db.history import is_history
from neonpro.vault import masters
from neonpro.vault.fields import Withheld, encrypted_fields
from neonpro.vault.keys import CATEGORIES, Erased, MasterKey, Status, keyring, master_keys
from neonpro.vault.models import VaultModel
from patients import records
from patients.models import Appointment, MedicalRecord, Patient
from patients.records import RecordError
from patients.search import find
from tests.conftest import superuser
from tests.erasing import destroy_keys
from tests.factories import JOB, World, make_world
from tests.settings import DATABASE, SERVER
from tests.vault.test_command import NEW, OLD, Key, environment, kid, manage, stored_keys, tokens, vault
from tests.visits import filled, signed_in

ADMIN = "/admin/patients"


# --- Dumps as the README has them -------------------------------------------------------------------------------------


def binaries() -> Path:
    """Where the server's own client programs are."""
    if "NEONPRO_TEST_SERVER" not in os.environ:
        return embedded._binaries(None)
    with superuser() as behind:
        ((version,),) = behind.execute("SHOW server_version_num").fetchall()
    return Path(f"/usr/lib/postgresql/{int(str(version)) // 10000}/bin")


def readme_commands(program: str) -> list[list[str]]:
    """The README's commands of a program, in its order."""
    text = (project.BASE_DIR / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^    ({program} (?:.*\\\n)*.*)$", text, re.MULTILINE)
    return [shlex.split(command.replace("\\\n", " ")) for command in found]


def run(command: list[str]) -> bytes:
    """Run one of PostgreSQL's programs."""
    return subprocess.run(
        [str(binaries() / command[0]), *command[1:]], capture_output=True, check=True, timeout=120
    ).stdout


def dump(directory: Path) -> tuple[Path, Path]:
    """The two dumps that the README tells to make: of the data and of the keys."""
    files = []
    for command in readme_commands("pg_dump"):
        assert command.pop() == "neonpro"
        (file,) = (directory / word.removeprefix("--file=") for word in command if word.startswith("--file="))
        run([
            *(f"--file={file}" if word.startswith("--file=") else word for word in command),
            SERVER.superuser_url(DATABASE),
        ])  # fmt: skip
        files.append(file)
    ordinary, keys = files
    assert "data_keys" not in keys.name
    return ordinary, keys


def text_of(file: Path) -> bytes:
    """What a dump says, as SQL."""
    return run(["pg_restore", "--file=-", str(file)])


def whole_dump() -> bytes:
    """Everything, as SQL."""
    return run(["pg_dump", SERVER.superuser_url(DATABASE)])


def keys_of(dumped: bytes) -> list[Key]:
    """The rows of `neonpro.data_keys` in a dump."""
    rows = []
    for line in dumped.decode().split("COPY neonpro.data_keys", 1)[1].splitlines()[1:]:
        if line == "\\.":
            break
        clinic, patient, category, kid_, wrapped, *_ = line.split("\t")
        if wrapped != "\\N":
            rows.append(
                (UUID(clinic), UUID(patient), category, int(kid_), bytes.fromhex(wrapped.removeprefix("\\\\x")))
            )
    return rows


# --- What somebody could open who has everything ----------------------------------------------------------------------


def ciphertexts(dumped: bytes) -> list[bytes]:
    """Every encrypted value in a dump: in rows, in histories, in the audit log."""
    return [bytes.fromhex(found.decode()) for found in re.findall(rb"\\x(01(?:[0-9a-f]{2}){32,})", dumped)]


@dataclass
class Attacker:
    """Somebody with a master key, with wrapped keys from wherever, and with all ids and labels."""

    master: bytes
    keys: Iterable[Key]

    def data_keys(self, patient: UUID) -> list[AESSIV]:
        """The data keys of a patient that open, whatever is said about them."""
        found = []
        for _clinic, owner, category, _kid, wrapped in self.keys:
            if owner == patient:
                try:
                    found.append(AESSIV(MasterKey.of(self.master).unwrap(wrapped, owner, category)))
                except InvalidTag:
                    continue
        return found

    def read(self, dumped: bytes, patient: UUID, visits: Iterable[UUID]) -> Counter[str]:
        """What of a patient can be read in a dump, and how often it stands there."""
        bound = [(found, patient) for found in encrypted_fields(Patient)]
        bound += [(found, visit) for found in encrypted_fields(Appointment) for visit in visits]
        read: Counter[str] = Counter()
        for cipher in self.data_keys(patient):
            for value in ciphertexts(dumped):
                for found, record in bound:
                    try:
                        read[str(found.decrypt(cipher, value, patient, record))] += 1
                    except InvalidTag:
                        continue
        return read


@pytest.fixture
def world(committed: None) -> World:
    return make_world("ESTRAGAO")


@pytest.fixture
def erin(world: World) -> Patient:
    """A patient with a past: values that were changed, so that audit log and history hold them too."""
    patient = world.patients[0]
    with world.enter():
        visit = world.appointments[0]
        visit.note = "Prefere de manhã"
        visit.save()
        patient.name, patient.cpf = "Erin Estragão Antes", "52998224725"
        patient.save()
        patient.name, patient.phone = "Erin Estragão", "11955554444"
        patient.save()
    return patient


def destroy(world: World, patient: Patient, categories: Iterable[str] = CATEGORIES) -> int:
    """As the DPO's erasure does it."""
    with context.enter(JOB, world.clinic.pk):
        return destroy_keys(patient.pk, categories)


def visits_of(world: World, patient: Patient) -> list[UUID]:
    """The ids of a patient's appointments."""
    return [visit.pk for visit in world.appointments if visit.patient_id == patient.pk]


# --- Destroyed --------------------------------------------------------------------------------------------------------


def test_what_was_destroyed_opens_nowhere(world: World, erin: Patient, tmp_path: Path) -> None:
    others = world.patients[1:]
    ordinary, _ = dump(tmp_path)
    before = text_of(ordinary)
    thief = Attacker(OLD, stored_keys())
    could = thief.read(before, erin.pk, visits_of(world, erin))
    # The row, the log of its making or its change, and, where there is one, its history.
    assert could["Erin Estragão"] >= 2
    assert could["Erin Estragão Antes"] >= 2
    assert could["Prefere de manhã"] >= 2
    could_others = [thief.read(before, other.pk, visits_of(world, other)) for other in others]
    assert all(len(read) >= 4 for read in could_others)

    assert destroy(world, erin) == 2
    thief = Attacker(OLD, stored_keys())
    for dumped in (before, whole_dump()):
        assert len(ciphertexts(dumped)) > 20
        assert thief.read(dumped, erin.pk, visits_of(world, erin)) == Counter()
    assert [thief.read(before, other.pk, visits_of(world, other)) for other in others] == could_others
    # Nor does any other key that there is open a value of hers.
    for other in others:
        theirs = Attacker(OLD, [(*key[:1], erin.pk, *key[2:]) for key in thief.keys if key[1] == other.pk])
        assert theirs.data_keys(erin.pk) == []


def everything_about(patient: UUID) -> list[tuple[Any, UUID]]:
    """Every encrypted field of every row about a patient, tables of later issues included."""
    bound = []
    with superuser(DATABASE) as behind:
        for model in apps.get_models():
            # A version's values are bound as its record's.
            if issubclass(model, VaultModel) and not is_history(model) and encrypted_fields(model):
                column = "id" if encrypted_fields(model)[0].patient == "self" else "patient_id"
                rows = behind.execute(
                    f"SELECT id FROM {model._meta.db_table} WHERE {column} = %s".encode(), [patient]
                ).fetchall()
                bound += [(found, UUID(str(row[0]))) for row in rows for found in encrypted_fields(model)]
    return bound


def test_whatever_table_it_is_in(world: World) -> None:
    """Also entries of the medical record, and alerts: found from the models, so that none is forgotten."""
    patient = world.patients[-1]
    bound = everything_about(patient.pk)
    assert len({found.model for found, _record in bound}) >= 5

    def read(dumped: bytes) -> set[str]:
        texts = set()
        for cipher in Attacker(OLD, stored_keys()).data_keys(patient.pk):
            for value in ciphertexts(dumped):
                for found, record in bound:
                    try:
                        texts.add(str(found.decrypt(cipher, value, patient.pk, record)))
                    except InvalidTag:
                        continue
        return texts

    dumped = whole_dump()
    assert {"dipirona ESTRAGAO", "allergy"} <= read(dumped)
    assert any("queixa ESTRAGAO" in text for text in read(dumped))
    for word in (b"dipirona ESTRAGAO", b"queixa ESTRAGAO"):
        assert word not in dumped
    assert destroy(world, patient) == 3
    assert read(whole_dump()) == set()
    with world.enter("professional"):
        entry = MedicalRecord.objects.get(patient=patient)
        assert isinstance(entry.content, Withheld)
        assert entry.content.status is Status.ERASED
        with pytest.raises(RecordError):
            records.add_alert(patient=patient.pk, kind="allergy", severity="low", text="de volta")


def test_readers_see_that_it_is_gone(world: World, erin: Patient) -> None:
    assert destroy(world, erin, ["identification"]) == 1
    with world.enter():
        found = Patient.objects.get(pk=erin.pk)
        assert isinstance(found.name, Withheld)
        assert found.name.status is Status.ERASED
        assert found.phone == "+5511955554444"
        assert find("Erin") == []
        assert Patient.objects.get(pk=world.patients[1].pk).name == "Paciente ESTRAGAO 1"
    with superuser(DATABASE) as behind:
        logged = behind.execute(
            "SELECT actor, role, patients, changes FROM audit_logs WHERE action = 'KEYS_DESTROYED'"
        ).fetchall()
    assert logged == [("tests", "job", [erin.pk], {"categories": ["identification"]})]


def test_a_destroyed_key_is_never_made_again(world: World, erin: Patient) -> None:
    # Also of a category that had none yet.
    assert destroy(world, erin) == 2
    assert {key[3:] for key in stored_keys(f"patient_id = '{erin.pk}'")} == {(0, None)}
    assert len(stored_keys(f"patient_id = '{erin.pk}'")) == len(CATEGORIES)
    erin.name = "De volta"
    with pytest.raises(Erased), world.enter():
        erin.save()
    with pytest.raises(Erased), world.enter():
        Patient.objects.bulk_update([Patient(pk=erin.pk, clinic=world.clinic, name="De volta")], ["name"])
    for role in ("reception", "professional", "manager", "dpo"):
        wrapped = master_keys()[0].wrap(bytes(64), erin.pk, "contact")
        with world.enter(role):
            made = execute(
                "SELECT neonpro.create_keys(%s::uuid[], %s::text[], %s::int, %s::bytea[])",
                [[erin.pk], ["contact"], master_keys()[0].kid, [wrapped]],
            )
        assert made == [(0,)]
    assert destroy(world, erin) == 0
    assert {key[3:] for key in stored_keys(f"patient_id = '{erin.pk}'")} == {(0, None)}


def test_only_the_dpo_destroys(world: World, erin: Patient) -> None:
    before = stored_keys()
    for role in ("reception", "professional", "manager", "auditor"):
        with pytest.raises(DatabaseError, match="only the DPO"), world.enter(role), connection.cursor() as cursor:
            cursor.execute("SELECT neonpro.destroy_keys(%s, '{contact}')", [erin.pk])
    assert stored_keys() == before


def table_file() -> bytes:
    """The file of the table of keys, as it lies on the disk."""
    with superuser(DATABASE) as behind:
        behind.execute("CHECKPOINT")
        ((path, directory),) = behind.execute(
            "SELECT pg_relation_filepath('neonpro.data_keys'), current_setting('data_directory')"
        ).fetchall()
    return Path(str(directory), str(path)).read_bytes()


def test_the_table_file_forgets(world: World, erin: Patient, settings: Any) -> None:
    with world.enter():
        # Several pages of them: a plain VACUUM happens to overwrite the old bytes of a table that fits in one.
        Patient.objects.bulk_create([Patient(name=f"Paciente {number}", phone="11987654321") for number in range(200)])
    doomed = [key[4] for key in stored_keys(f"patient_id = '{erin.pk}'")]
    kept = [key[4] for key in stored_keys(f"patient_id <> '{erin.pk}'")]
    assert len(doomed) == 2
    assert destroy(world, erin) == 2
    # Or the test would look in the wrong place.
    assert all(wrapped in table_file() for wrapped in doomed + kept)
    assert masters.rewrite_table()
    assert not any(wrapped in table_file() for wrapped in doomed)
    assert all(wrapped in table_file() for wrapped in kept)
    # A rotation ends with it.
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    vault("rotate")
    now = table_file()
    assert not any(wrapped in now for wrapped in doomed + kept)
    assert all(key[4] in now for key in stored_keys())


def test_after_a_rotation_a_backup_of_keys_opens_nothing(
    world: World, erin: Patient, settings: Any, tmp_path: Path
) -> None:
    ordinary, keys = dump(tmp_path)
    before, backup = text_of(ordinary), keys_of(text_of(keys))
    assert sorted(backup) == sorted(stored_keys())
    assert destroy(world, erin) == 2
    # Until the old master key is destroyed, a backup of keys from before still opens: the README says so.
    assert Attacker(OLD, backup).read(before, erin.pk, visits_of(world, erin))["Erin Estragão"] >= 2
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    vault("rotate")
    settings.NEONPRO_MASTER_KEYS = [NEW]
    thief = Attacker(NEW, [*backup, *stored_keys()])
    assert thief.read(before, erin.pk, visits_of(world, erin)) == Counter()
    assert not any(Attacker(NEW, backup).data_keys(key[1]) for key in backup)
    # The others' data are as they were.
    other = world.patients[1]
    assert thief.read(before, other.pk, visits_of(world, other))["Paciente ESTRAGAO 1"] >= 2
    with world.enter():
        assert Patient.objects.get(pk=other.pk).name == "Paciente ESTRAGAO 1"


# --- A restore --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_restore_as_the_readme_says(world: World, erin: Patient, tmp_path: Path) -> None:
    files = {file.name: file for file in dump(tmp_path)}
    restored = "neonpro_restored"
    with superuser() as root:
        root.execute(f"CREATE DATABASE {restored} OWNER neonpro_owner".encode())
        root.execute(f"REVOKE ALL ON DATABASE {restored} FROM PUBLIC".encode())
        root.execute(f"GRANT CONNECT ON DATABASE {restored} TO neonpro_app".encode())
    try:
        for command in readme_commands("pg_restore"):
            assert command[1] == "--dbname=neonpro"
            run([command[0], f"--dbname={SERVER.superuser_url(restored)}", str(files.pop(command[2]))])
        assert files == {}
        env = environment(
            DATABASE_URL=SERVER.url("neonpro_app", restored), DATABASE_OWNER_URL=SERVER.url("neonpro_owner", restored)
        )
        steps = [command[1:] for command in readme_commands("manage.py")]
        position = steps.index(["migrate", "#", "puts", "the", "context", "keys", "back"])
        for step in steps[position : position + 3]:
            ended = manage(*step[: step.index("#")] if "#" in step else step, env=env)
            assert ended.returncode == 0, ended.stderr
        with psycopg.connect(SERVER.superuser_url(restored)) as root, superuser(DATABASE) as behind:
            for table in ("neonpro.data_keys", "neonpro.context_keys", "patients"):
                everything = f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()
                assert root.execute(everything).fetchall() == behind.execute(everything).fetchall()
            found = root.execute(
                "SELECT clinic_id, patient_id, ARRAY(SELECT unnest(tokens) ORDER BY 1), cpf, last_day"
                " FROM neonpro.search_tokens ORDER BY patient_id"
            ).fetchall()
        assert found == tokens()
    finally:
        with superuser() as root:
            root.execute(f"DROP DATABASE IF EXISTS {restored} WITH (FORCE)".encode())


# --- Canaries ---------------------------------------------------------------------------------------------------------

BY_FORM: dict[str, Any] = {
    "name": "Xantipa Canariosa", "preferred_name": "Xanti Canarinha", "mother_name": "Mãe Canariosa",
    "birth_date": "07/03/1931", "birthplace_city": "Xiririca de Dentro", "cpf": "390.533.447-05",
    "cns": "700000000000005", "passport": "XC771199", "phone": "(11) 97777-1234", "other_phone": "(11) 96666-4321",
    "email": "xantipa@canario.example", "street": "Rua do Canário Xadrez", "district": "Bairro Xaxim",
    "city": "Xique-Xique", "cep": "47400-000",
}  # fmt: skip
BY_ORM: dict[str, Any] = {
    "name": "Zuleica Pintassilgo", "preferred_name": "Zuzu Pintassilga", "mother_name": "Mãe Pintassilga",
    "birth_date": date(1932, 4, 9), "birthplace_city": "Zacarias do Alto", "cpf": "11144477735",
    "cns": "898000000000003", "passport": "ZP882288", "phone": "+5521988887654", "other_phone": "+5521955556543",
    "email": "zuleica@pintassilgo.example", "street": "Rua do Pintassilgo Zonzo", "district": "Bairro Zabelê",
    "city": "Zé Doca", "cep": "65365-000".replace("-", ""), "external_id": "ZP-EXT-99313",
}  # fmt: skip
NOTES = {
    "note": ("Xantipa traz o canário", "Zuleica traz o pintassilgo"),
    "cancel_reason": ("Canário xucro adoeceu", "Pintassilgo zangado fugiu"),
    "overbook_reason": ("Canário xexéu tem pressa", "Pintassilgo zureta viaja"),
}


def shapes(secret: bytes) -> list[bytes]:
    """A key in every form in which a log or a dump could have it."""
    escaped = b"".join(
        b"\\\\" if byte == 92 else bytes([byte]) if 32 <= byte < 127 else b"\\%03o" % byte for byte in secret
    )
    return [
        secret, secret.hex().encode(), secret.hex().upper().encode(), escaped, repr(secret)[2:-1].encode(),
        base64.b64encode(secret)[:-4], base64.urlsafe_b64encode(secret)[:-4],
    ]  # fmt: skip


def spellings(values: Iterable[Any]) -> list[bytes]:
    """Canaries as they were typed, as they are kept, and as a log would escape them."""
    texts = set()
    for value in values:
        texts.add(str(value))
        if isinstance(value, date):
            texts.add(value.strftime("%d/%m/%Y"))
        elif (digits := re.sub(r"\D", "", str(value))) and len(digits) >= 8:
            texts.add(digits)
    return sorted(
        {
            form
            for text in texts
            for form in (text.encode(), text.encode("unicode_escape"), text.encode().hex().encode())
        }
    )


def test_no_canary_and_no_key_in_dump_or_log(world: World, tmp_path: Path) -> None:
    # A field that is added must be added here; a choice among a few words is no canary.
    for model, given in ((Patient, BY_ORM), (Appointment, NOTES)):
        assert {found.name for found in encrypted_fields(model) if not found.choices} == set(given)
    mark = SERVER.log_path.stat().st_size

    client = signed_in(world.user("reception"))
    answer = client.post(
        f"{ADMIN}/patient/add/", filled(client, f"{ADMIN}/patient/add/", sex="female", uf="BA", **BY_FORM)
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    with world.enter():
        (by_form,) = Patient.objects.order_by("-created_at")[:1]
        assert by_form.name == BY_FORM["name"]
        by_orm = Patient.objects.create(sex="male", uf="MA", source="planilha", **BY_ORM)
        visits = [
            Appointment.objects.create(
                patient=patient, day=date(2031, 5, 5), **{name: texts[which] for name, texts in NOTES.items()}
            )
            for which, patient in enumerate((by_form, by_orm))
        ]
        Patient.objects.bulk_create([Patient(**{**BY_ORM, "cpf": "", "external_id": ""})])
        assert find("zuleica pin")
        assert find("11144477735") == [by_orm.pk]
    # Changed, listed, searched, opened and refused: pages are where values travel.
    change = f"{ADMIN}/patient/{by_form.pk}/change/"
    assert client.post(change, filled(client, change, mother_name="Mãe Canariosa Filha")).status_code == 302
    for address in (f"{ADMIN}/patient/", f"{ADMIN}/appointment/", change, f"{ADMIN}/patient/{by_form.pk}/history/",
                    f"{ADMIN}/appointment/{visits[0].pk}/change/"):  # fmt: skip
        assert client.get(address).status_code == 200
    assert client.post(change, filled(client, change, cpf="111.444.777-35")).status_code == 200
    with pytest.raises(DatabaseError), world.enter(), connection.cursor() as cursor:
        cursor.execute("UPDATE patients SET name = '' WHERE id = %s", [by_orm.pk])

    canaries = spellings([*BY_FORM.values(), *BY_ORM.values(), *(text for texts in NOTES.values() for text in texts)])
    with world.enter():
        search_key = keyring().search_key()
    wrapped = [key[4] for key in stored_keys()]
    data_keys = [MasterKey.of(OLD).unwrap(key[4], key[1], key[2]) for key in stored_keys()]
    assert search_key in {key[:32] for key in data_keys}
    numbers = [str(token).encode() for row in tokens() for token in [*row[2], row[3]] if token]
    ordinary, keys = (text_of(file) for file in dump(tmp_path))
    whole = whole_dump()
    with SERVER.log_path.open("rb") as stream:
        stream.seek(mark)
        log = stream.read()

    # What must be there, or nothing was looked at.
    assert b'INSERT INTO "patients"' in log
    assert b"neonpro.create_keys" in log
    assert str(by_form.pk).encode() in ordinary
    assert len(wrapped) >= 10
    assert all(wrapped_key.hex().encode() in keys for wrapped_key in wrapped)
    assert all(wrapped_key.hex().encode() in whole for wrapped_key in wrapped)
    assert all(number in whole for number in numbers)

    for place, content in (("log", log), ("ordinary dump", ordinary), ("dump of keys", keys), ("whole dump", whole)):
        assert [text for text in canaries if text in content] == [], place
        for secret in (*data_keys, search_key, OLD):
            assert not any(shape in content for shape in shapes(secret)), place
    for place, content in (("log", log), ("ordinary dump", ordinary)):
        for secret in wrapped:
            assert not any(shape in content for shape in shapes(secret)), place
        assert [number for number in numbers if number in content] == [], place
    for secret in (key for key in project.NEONPRO_CONTEXT_KEYS):
        assert not any(shape in ordinary + log for shape in shapes(secret))
    with superuser(DATABASE) as behind:
        pads: Any = behind.execute("SELECT unnest(ARRAY[inner_pad, outer_pad]) FROM neonpro.context_keys").fetchall()
    assert len(pads) == 2
    assert not any(shape in ordinary for (pad,) in pads for shape in shapes(pad))
    assert kid(OLD) == master_keys()[0].kid
