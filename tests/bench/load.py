"""Filling the database: clinics and teams as the product makes them, the many rows by COPY and SQL.

The patients are real ones: each has keys of its own, wrapped by the bench's master key, ciphertexts and search tokens,
made by the product's own code, so that whatever is measured opens and finds them. What the load leaves out is what
would have been written beside them (audit rows of their own, history), and appointments have no notes.

Rows come in the order of time, all clinics mixed, as they would in years of use: a clinic's rows lie scattered.
Every id is computed from the clinic's number and the row's number in it, so nothing has to be looked up.
"""

import hashlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.db import models
from tqdm import tqdm

from clinics.models import Clinic, Council, Professional, Service, User
from clinics.roles import Role
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.vault.fields import encrypted_fields
from neonpro.vault.keys import keyring, master_keys
from patients.models import Appointment, Patient
from tests.bench.house import LOADED, House
from tests.bench.scale import Scale
from tests.factories import join, make_user

JOB = Job("bench")
CHUNK = 20_000
SERVICES = 5

COMMON_NAME = "Maria"
RARE_NAME = "Zoraide"
"""One patient in 4,999."""

GIVEN = [
    COMMON_NAME, "José", "Ana", "João", "Antônio", "Francisco", "Carlos", "Paulo", "Pedro", "Lucas", "Luiz", "Marcos",
    "Francisca", "Antônia", "Adriana", "Juliana", "Márcia", "Fernanda", "Patrícia", "Aline", "Sandra", "Camila",
    "Amanda", "Bruna", "Jéssica", "Letícia", "Júlia", "Luciana", "Vanessa", "Mariana", "Gabriel", "Rafael", "Daniel",
    "Marcelo", "Bruno", "Eduardo", "Felipe", "Rodrigo", "Sebastião", "Raimundo",
]  # fmt: skip
FAMILY = [
    "da Silva", "dos Santos", "Oliveira", "Souza", "Rodrigues", "Ferreira", "Alves", "Pereira", "Lima", "Gomes",
    "Costa", "Ribeiro", "Martins", "Carvalho", "Almeida", "Lopes", "Soares", "Fernandes", "Vieira", "Barbosa", "Rocha",
    "Dias", "Nascimento", "Andrade", "Moreira", "Nunes", "Marques", "Machado", "Mendes", "Freitas", "Cardoso", "Ramos",
    "Gonçalves", "Santana", "Teixeira", "Araújo", "Pinto", "Cavalcanti", "Conceição", "Guimarães",
]  # fmt: skip

# Which clinic the n-th row of a table belongs to, and its number there. Each tenth is the large clinic's.
PLACED = """
    SELECT n, clinic, ordinal
    FROM (
        SELECT
            n,
            CASE WHEN n %% 10 = 0 THEN 0 ELSE 1 + (n - n / 10 - 1) %% %(others)s END AS clinic,
            CASE WHEN n %% 10 = 0 THEN n / 10 - 1 ELSE (n - n / 10 - 1) / %(others)s END AS ordinal
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    ) AS placed
"""

APPOINTMENTS = {
    "id": "md5('appointment/' || clinic || '/' || ordinal)::uuid",
    "clinic_id": "md5('clinic/' || clinic)::uuid",
    "created_at": "starts_at - interval '9 days'",
    "updated_at": "least(starts_at, now())",
    "booked_at": "starts_at - interval '9 days'",
    "patient_id": "md5('patient/' || clinic || '/' || ordinal * 7919 %% patients)::uuid",
    "professional_id": "md5('professional/' || clinic || '/' || ordinal %% professionals)::uuid",
    "service_id": "md5('service/' || clinic || '/' || n %% %(services)s)::uuid",
    "day": "(starts_at AT TIME ZONE 'America/Sao_Paulo')::date",
    "starts_at": "starts_at",
    "ends_at": "starts_at + interval '30 minutes'",
    "status": """
        CASE WHEN starts_at > now() THEN (ARRAY['scheduled', 'confirmed'])[1 + n %% 2]
             WHEN n %% 5 = 0 THEN 'no_show' WHEN n %% 11 = 0 THEN 'cancelled' ELSE 'completed' END
    """,
}

# Nobody is in two places: the professionals of a clinic take its appointments in turn, half an hour at a time.
SCHEDULED = f"""
    SELECT
        placed.*, professionals, patients,
        (current_date + 20 - (appointments - 1) / professionals / 16 + (ordinal / professionals / 16)::int
            + time '08:00' + interval '30 minutes' * (ordinal / professionals %% 16)
        ) AT TIME ZONE 'America/Sao_Paulo' AS starts_at
    FROM ({PLACED}) AS placed
    JOIN pg_temp.sizes USING (clinic)
"""

AUDIT_LOGS = {
    "clinic_id": "md5('clinic/' || clinic)::uuid",
    # One partition, this month's, as a busy month leaves it.
    "created_at": "date_trunc('month', now()) + (now() - date_trunc('month', now())) * (n / %(total)s::float8)",
    "action": "'UPDATE'",
    "table_name": "'appointments'",
    "record_id": "md5('appointment/' || clinic || '/' || ordinal)::uuid",
    "patient_id": "md5('patient/' || clinic || '/' || ordinal * 7919 %% patients)::uuid",
    "actor_kind": "'user'",
    "actor": "md5('user/' || clinic || '/' || n %% 7)::uuid::text",
    "role": "'reception'",
    "request_id": "gen_random_uuid()",
    "changes": """'{"status": ["scheduled", "confirmed"]}'::jsonb""",
}


@dataclass(frozen=True, slots=True)
class Team:
    """A clinic that is measured, with people who sign in."""

    clinic: UUID
    patients: int
    users: dict[str, User]


def derived_id(*parts: object) -> UUID:
    """The id that the SQL above computes from the same parts."""
    return UUID(hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest())


def fingerprint_of(scale: Scale) -> str:
    """Names what `load` would make: another size, table, function or way of loading has another name."""
    base = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256(repr(scale).encode())
    vault = base / "neonpro" / "vault"
    for file in sorted(
        [
            Path(__file__),
            vault / "keys.py",
            vault / "fields.py",
            vault / "search.py",
            *base.glob("*/migrations/*.py"),
            *base.glob("*/db/migrations/*.py"),
        ]
    ):
        digest.update(file.read_bytes())
    for file in sorted([*base.glob("*/sql/*.sql"), *base.glob("neonpro/*/sql/*.sql")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def load(house: House, scale: Scale) -> None:
    """Fill the migrated database: the default connection must lead there."""
    with tqdm(total=scale.clinics, desc="clinics", unit="clinic") as bar:
        for number in range(scale.clinics):
            _make_clinic(number, scale)
            bar.update()
    for number in (0, 1):
        _make_team(number)
    with house.superuser(LOADED) as connection, _without_triggers(connection):
        _prepare_session(connection, scale)
        _copy_patients(connection, scale)
        _insert(connection, "appointments", Appointment, APPOINTMENTS, SCHEDULED, scale.appointments, scale)
        _keep_tokens(connection)
        placed_with_sizes = f"SELECT placed.*, patients FROM ({PLACED}) AS placed JOIN pg_temp.sizes USING (clinic)"
        _insert(connection, "audit_logs", None, AUDIT_LOGS, placed_with_sizes, scale.audit_rows, scale)
    with house.superuser(LOADED) as connection:
        connection.execute("VACUUM (FREEZE, ANALYZE)")


def teams(scale: Scale) -> dict[str, Team]:
    """The large clinic and one of the others, with those who sign in there."""
    found = {}
    for number, name in enumerate(("large", "middle")):
        users = {}
        with context.enter(JOB, None):
            for role in (Role.MANAGER, Role.RECEPTION):
                users[role.value] = User.objects.get(email=_address(number, role))
        found[name] = Team(derived_id("clinic", number), scale.patients_of(number), users)
    return found


def _address(number: int, role: Role) -> str:
    return f"{role.value}.{number}@bench.example"


def _make_clinic(number: int, scale: Scale) -> None:
    clinic = derived_id("clinic", number)
    with context.enter(JOB, clinic):
        Clinic.objects.create(id=clinic, trade_name=f"Clínica {number}", legal_name=f"Clínica {number} Ltda.")
        Professional.objects.bulk_create(
            Professional(
                id=derived_id("professional", number, i),
                full_name=f"Dra. {GIVEN[i % len(GIVEN)]} {FAMILY[(i + number) % len(FAMILY)]}",
                council=Council.CRM,
                council_number=str(100_000 + i),
                council_uf="SP",
            )
            for i in range(scale.professionals_of(number))
        )
        Service.objects.bulk_create(
            Service(
                id=derived_id("service", number, i),
                name=f"Consulta {i}",
                category="consultation",
                duration_minutes=30,
                price_cents=25_000 + 1_000 * i,
            )
            for i in range(SERVICES)
        )


def _make_team(number: int) -> None:
    clinic = derived_id("clinic", number)
    for role in (Role.MANAGER, Role.RECEPTION):
        join(make_user(_address(number, role)), clinic, role)


def _prepare_session(connection: psycopg.Connection[Any], scale: Scale) -> None:
    # Checks of foreign keys only: our own triggers are always on, and are disabled by name.
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET jit = off")
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        "CREATE TEMP TABLE sizes (clinic bigint PRIMARY KEY, patients int, appointments int, professionals int)"
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO pg_temp.sizes VALUES (%s, %s, %s, %s)",
            [
                (n, scale.patients_of(n), scale.appointments_of(n), scale.professionals_of(n))
                for n in range(scale.clinics)
            ],
        )
    connection.execute("ANALYZE pg_temp.sizes")


def _copy_patients(connection: psycopg.Connection[Any], scale: Scale) -> None:
    """Patients, their keys and, into a temporary table, their search tokens."""
    connection.execute(
        "CREATE TEMP TABLE tokens (clinic_id uuid, patient_id uuid, tokens bigint[], cpf bigint, external bigint)"
    )
    search_keys = []
    for number in range(scale.clinics):
        with context.enter(JOB, derived_id("clinic", number)):
            search_keys.append(keyring().search_key())
    fields = Patient._meta.concrete_fields
    columns = ", ".join(field.column for field in fields)
    began = datetime.now(UTC)
    chance = random.Random(1)
    with tqdm(total=scale.patients, desc="patients", unit="row", unit_scale=True) as bar:
        for first in range(1, scale.patients + 1, CHUNK):
            made = [
                _Made(n, scale, began, chance, search_keys)
                for n in range(first, min(first + CHUNK, scale.patients + 1))
            ]
            for statement, rows in (
                (
                    f"COPY public.patients ({columns}) FROM STDIN",
                    ([one.row[f.attname] for f in fields] for one in made),
                ),
                (
                    "COPY neonpro.data_keys (clinic_id, patient_id, category, kid, wrapped) FROM STDIN",
                    (key for one in made for key in one.keys),
                ),
                ("COPY pg_temp.tokens FROM STDIN", (one.tokens for one in made)),
            ):
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
            bar.update(len(made))


class _Made:
    """One patient as the tables hold it."""

    __slots__ = ("keys", "row", "tokens")

    def __init__(self, n: int, scale: Scale, began: datetime, chance: random.Random, search_keys: list[bytes]) -> None:
        clinic, ordinal = _placed(n, scale.clinics - 1)
        place, patient = derived_id("clinic", clinic), derived_id("patient", clinic, ordinal)
        given = RARE_NAME if ordinal % 4999 == 7 else GIVEN[int(chance.random() ** 2 * len(GIVEN))]
        family = " ".join(FAMILY[int(chance.random() ** 1.5 * len(FAMILY))] for _ in range(2))
        values: dict[str, Any] = {
            "name": f"{given} {family}",
            "birth_date": date(1930, 1, 1) + timedelta(days=n * 7919 % 33000),
            "sex": "female" if n % 2 == 0 else "male",
            "cpf": _cpf(n * 987 % 1_000_000_000) if n % 5 < 4 else "",
            "phone": f"+55119{80_000_000 + n * 31 % 10_000_000:08}",
            "email": f"p{n}@example.com" if n % 3 == 0 else "",
            "city": "São Paulo",
            "uf": "SP",
        }
        master = master_keys()[0]
        ciphers = {}
        self.keys = []
        for category in ("contact", "identification"):
            key = os.urandom(64)
            ciphers[category] = AESSIV(key)
            self.keys.append((place, patient, category, master.kid, master.wrap(key, patient, category)))
        created = began - timedelta(days=3 * 365 * (1 - n / scale.patients))
        self.row = dict(_EMPTY) | {
            "id": patient, "clinic_id": place, "created_at": created, "updated_at": created,
            # Multiplying by a number that shares no factor with 10^8 only shuffles.
            "record_number": f"{n * 48271 % 100_000_000:08}",
        }  # fmt: skip
        for name, value in values.items():
            if value != "":
                found = _SEALED[name]
                self.row[name] = bytes(found.encrypt(ciphers[found.category], value, patient, patient))
        index, key = Patient.search, search_keys[clinic]
        seen = Patient(**{name: values.get(name, "") for name in index.fields})
        found_by = ",".join(map(str, index._found_by(key, seen)))
        self.tokens = (place, patient, f"{{{found_by}}}", index._unique(key, "cpf", seen), None)


def _empty(field: Any) -> Any:
    if field.null:
        return None
    if isinstance(field, models.BooleanField):
        return False
    return b"" if field.attname in _SEALED else ""


_SEALED = {field.attname: field for field in encrypted_fields(Patient)}
_EMPTY = {field.attname: _empty(field) for field in Patient._meta.concrete_fields}


def _placed(n: int, others: int) -> tuple[int, int]:
    """As PLACED has it."""
    if n % 10 == 0:
        return 0, n // 10 - 1
    rest = n - n // 10 - 1
    return 1 + rest % others, rest // others


def _cpf(base: int) -> str:
    digits = f"{base:09}"
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits))
        digits += str(total * 10 % 11 % 10)
    return digits


def _keep_tokens(connection: psycopg.Connection[Any]) -> None:
    """The search's table, with the last visits; its index is made at the end, which takes a tenth of the time."""
    (index,) = connection.execute("SELECT pg_get_indexdef('neonpro.search_tokens_tokens'::regclass)").fetchone() or (
        "",
    )
    connection.execute("DROP INDEX neonpro.search_tokens_tokens")
    connection.execute(
        "INSERT INTO neonpro.search_tokens (clinic_id, patient_id, tokens, cpf, external, last_day)"
        " SELECT t.*, a.day FROM pg_temp.tokens AS t LEFT JOIN ("
        " SELECT patient_id, max(day) AS day FROM public.appointments WHERE status <> 'cancelled' GROUP BY patient_id"
        ") AS a USING (patient_id)"
    )
    connection.execute("SET maintenance_work_mem = '512MB'")
    connection.execute(index)


def _insert(
    connection: psycopg.Connection[Any],
    table: str,
    model: type[models.Model] | None,
    values: dict[str, str],
    source: str,
    total: int,
    scale: Scale,
) -> None:
    values = {**(_blanks(model) if model else {}), **values}
    command = f"INSERT INTO public.{table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM ({source}) s"
    arguments = {
        "total": total,
        "others": scale.clinics - 1,
        "services": SERVICES,
    }
    used = {name: value for name, value in arguments.items() if f"%({name})s" in command}
    with tqdm(total=total, desc=table, unit="row", unit_scale=True) as bar:
        for first in range(1, total + 1, CHUNK):
            last = min(first + CHUNK - 1, total)
            connection.execute(command, used | {"first": first, "last": last})
            bar.update(last - first + 1)


def _blanks(model: type[models.Model]) -> dict[str, str]:
    """'' for every text that the database requires and does not fill by itself."""
    return {
        field.column: "''"
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not field.null
        and field.db_default is models.NOT_PROVIDED
    }


@contextmanager
def _without_triggers(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Switch our triggers off for the load, and on again as they were: the catalogue says whether they are."""
    before = trigger_states(connection)
    switch(connection, "DISABLE TRIGGER", before)
    yield
    switch(connection, "ENABLE ALWAYS TRIGGER", before)
    if trigger_states(connection) != before:
        raise RuntimeError("The triggers are not as they were before the load.")


def trigger_states(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], str]:
    """(table, trigger) → how it is enabled, for every trigger of ours on the tables that are filled."""
    rows = connection.execute(
        "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
        " AND tgrelid IN ('patients'::regclass, 'appointments'::regclass)"
    ).fetchall()
    return {(table, name): state for table, name, state in rows}


def switch(connection: psycopg.Connection[Any], command: str, triggers: Any) -> None:
    """DISABLE or ENABLE ALWAYS the triggers given as (table, trigger)."""
    for table, name in triggers:
        connection.execute(f'ALTER TABLE {table} {command} "{name}"')
