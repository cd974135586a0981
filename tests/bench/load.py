"""Filling the database: clinics and teams as the product makes them, the many rows by SQL.

Rows come in the order of time, all clinics mixed, as they would in years of use: a clinic's rows lie scattered.
Every id is computed from the clinic's number and the row's number in it, so nothing has to be looked up.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.db import models
from tqdm import tqdm

from clinics.models import Clinic, Council, Professional, Service, User
from clinics.roles import Role
from neonpro.db import context
from neonpro.db.context import Job
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

PATIENTS = {
    "id": "md5('patient/' || clinic || '/' || ordinal)::uuid",
    "clinic_id": "md5('clinic/' || clinic)::uuid",
    "created_at": "now() - interval '3 years' * (1 - n / %(total)s::float8)",
    "updated_at": "now() - interval '3 years' * (1 - n / %(total)s::float8)",
    # Multiplying by a number that shares no factor with 10^8 only shuffles.
    "record_number": "lpad((n * 48271 %% 100000000)::text, 8, '0')",
    "name": """
        CASE WHEN ordinal %% 4999 = 7 THEN %(rare)s
             ELSE (%(given)s::text[])[1 + floor(power(random(), 2) * cardinality(%(given)s::text[]))::int] END
        || ' ' || (%(family)s::text[])[1 + floor(power(random(), 1.5) * cardinality(%(family)s::text[]))::int]
        || ' ' || (%(family)s::text[])[1 + floor(power(random(), 1.5) * cardinality(%(family)s::text[]))::int]
    """,
    "birth_date": "date '1930-01-01' + (n * 7919 %% 33000)::int",
    "sex": "CASE WHEN n %% 2 = 0 THEN 'female' ELSE 'male' END",
    "cpf": "CASE WHEN n %% 5 < 4 THEN pg_temp.cpf(n * 987 %% 1000000000) ELSE '' END",
    "phone": "'+55119' || lpad((80000000 + n * 31 %% 10000000)::text, 8, '0')",
    "email": "CASE WHEN n %% 3 = 0 THEN 'p' || n || '@example.com' ELSE '' END",
    "city": "'São Paulo'",
    "uf": "'SP'",
}

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
    "note": "CASE WHEN n %% 4 = 0 THEN 'Confirmar por telefone na véspera.' ELSE '' END",
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

CPF = """
    CREATE OR REPLACE FUNCTION pg_temp.cpf(base bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
        digits text := lpad(base::text, 9, '0');
        total int;
    BEGIN
        FOR length IN 9..10 LOOP
            total := 0;
            FOR i IN 1..length LOOP
                total := total + substr(digits, i, 1)::int * (length + 2 - i);
            END LOOP;
            digits := digits || (total * 10 %% 11 %% 10);
        END LOOP;
        RETURN digits;
    END
    $$
"""


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
    for file in sorted([Path(__file__), *base.glob("*/migrations/*.py"), *base.glob("*/db/migrations/*.py")]):
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
        _insert(connection, "patients", Patient, PATIENTS, PLACED, scale.patients, scale)
        _insert(connection, "appointments", Appointment, APPOINTMENTS, SCHEDULED, scale.appointments, scale)
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
    connection.execute(CPF.replace("%%", "%"))
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
        "given": GIVEN,
        "family": FAMILY,
        "rare": RARE_NAME,
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
