"""The checks find what is missing: in the models, and in the live catalogue whatever was dropped or altered there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, models
from django.db.models import F
from django.db.models.functions import Lower
from django.test.utils import isolate_apps
from pgtrigger import registry
from psycopg import sql

from clinics.base import ClinicForeignKey, ClinicModel
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.catalogue import live_messages
from neonpro.db.checks import check_models, is_tenant, model_messages, row_policies
from neonpro.db.policies import tenancy
from tests import settings as test_settings
from tests.conftest import superuser

ACCESS = {"view": ["reception"]}


def ids(messages: Any) -> set[str]:
    return {message.id for message in messages}


# --- Models -----------------------------------------------------------------------------------------------------


def test_the_models_are_in_order() -> None:
    assert check_models() == []


@isolate_apps("tests")
def test_a_clinics_table_without_policies_is_an_error() -> None:
    class Bare(ClinicModel):
        class Meta:
            app_label = "tests"
            db_table = "bare"

    assert ids(model_messages(Bare)) == {"neonpro.E001"}


@isolate_apps("tests")
def test_a_table_of_no_clinic_needs_a_reason() -> None:
    class Stray(models.Model):
        class Meta:
            app_label = "tests"

    assert ids(model_messages(Stray)) == {"neonpro.E002"}


@isolate_apps("tests")
def test_references_unique_rules_and_the_trace_are_asked_for() -> None:
    class Loose(ClinicModel):
        patient = ClinicForeignKey("patients.Patient")
        code = models.CharField(max_length=5, unique=True)
        name = models.CharField(max_length=5)

        class Meta:
            app_label = "tests"
            db_table = "loose"
            constraints = [
                *tenancy("loose", ACCESS),
                models.UniqueConstraint(fields=["name"], name="loose_name"),
                models.UniqueConstraint(Lower("name"), F("clinic"), name="loose_lower"),
            ]

    # isolate_apps leaves the reference to a real model unresolved; resolve it as the registry would.
    from patients.models import Patient

    Loose.patient.field.remote_field.model = Patient
    assert ids(model_messages(Loose)) == {"neonpro.E003", "neonpro.E004", "neonpro.E005", "neonpro.E006"}


@isolate_apps("tests")
def test_a_table_with_everything_passes() -> None:
    class Whole(ClinicModel):
        class Meta:
            app_label = "tests"
            db_table = "whole"
            constraints = [
                *tenancy("whole", ACCESS),
                models.UniqueConstraint(F("clinic"), Lower("id"), name="whole_unique"),
            ]
            triggers = [RecordChanges()]

    assert list(model_messages(Whole)) == []


# --- The live catalogue -----------------------------------------------------------------------------------------


class _AsSuperuser:
    """What `live_messages` needs of a connection, on one where a mutation is made and rolled back."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.cursor = raw.cursor


@contextmanager
def mutated(*statements: str | sql.Composed) -> Iterator[_AsSuperuser]:
    """The test database with some statements run, in a transaction that never commits."""
    with psycopg.connect(test_settings.SERVER.superuser_url(test_settings.DATABASE)) as raw:
        for statement in statements:
            raw.execute(statement if isinstance(statement, sql.Composed) else statement.encode())
        yield _AsSuperuser(raw)
        raw.rollback()


def test_the_live_catalogue_is_in_order(db: None) -> None:
    assert live_messages(connection) == []


def test_the_check_command_asks_the_live_catalogue(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        call_command("check", databases=["default"], fail_level="WARNING")
        with superuser(test_settings.DATABASE) as raw:
            raw.execute("CREATE TABLE public.stray (id int)")
            try:
                with pytest.raises(SystemCheckError, match="stray"):
                    call_command("check", databases=["default"], fail_level="WARNING")
            finally:
                raw.execute("DROP TABLE public.stray")


def _declared_policies() -> list[tuple[str, str]]:
    return [(model._meta.db_table, policy.name) for model in _all_models() for policy in row_policies(model)]


def _declared_triggers() -> list[tuple[str, str]]:
    return [
        (model._meta.db_table, trigger.get_pgid(model))
        for model, trigger in registry.registered()
        if isinstance(trigger, AlwaysTrigger)
    ]


def _all_models() -> list[type[models.Model]]:
    from django.apps import apps

    return apps.get_models(include_auto_created=True)


def test_there_is_something_to_mutate() -> None:
    assert len(_declared_policies()) > 25
    assert len(_declared_triggers()) > 15


@pytest.mark.parametrize("change", ["DROP POLICY {} ON {}", "ALTER POLICY {} ON {} TO PUBLIC"])
def test_a_policy_dropped_or_altered_shows(db: None, change: str) -> None:
    """The mutation test, policy by policy."""
    for table, policy in _declared_policies():
        with mutated(sql.SQL(change).format(sql.Identifier(policy), sql.Identifier(table))) as mutant:
            messages = live_messages(mutant)  # type: ignore[arg-type]
            assert any(policy in message.msg for message in messages), policy


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER {} ON {}",
        "ALTER TABLE {1} DISABLE TRIGGER {0}",
        # ENABLE without ALWAYS is silent under session_replication_role = replica.
        "ALTER TABLE {1} ENABLE TRIGGER {0}",
    ],
)
def test_a_trigger_dropped_or_switched_off_shows(db: None, change: str) -> None:
    """The mutation test, trigger by trigger."""
    for table, trigger in _declared_triggers():
        with mutated(sql.SQL(change).format(sql.Identifier(trigger), sql.Identifier(table))) as mutant:
            messages = live_messages(mutant)  # type: ignore[arg-type]
            assert any(message.id == "neonpro.E115" and table in message.msg for message in messages), trigger


@pytest.mark.parametrize(
    "change", ["ALTER TABLE {} DISABLE ROW LEVEL SECURITY", "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY"]
)
def test_row_security_switched_off_shows(db: None, change: str) -> None:
    for table in sorted({table for table, _ in _declared_policies()}):
        with mutated(sql.SQL(change).format(sql.Identifier(table))) as mutant:
            assert "neonpro.E102" in ids(live_messages(mutant)), table  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("CREATE TABLE public.stray (id int)", "neonpro.E103"),
        ("CREATE TABLE neonpro.stray (id int)", "neonpro.E103"),
        ("ALTER TABLE neonpro.data_keys NO FORCE ROW LEVEL SECURITY", "neonpro.E102"),
        ("ALTER TABLE neonpro.search_tokens DISABLE ROW LEVEL SECURITY", "neonpro.E102"),
        ("DROP POLICY data_keys_clinic ON neonpro.data_keys", "neonpro.E104"),
        ("ALTER POLICY data_keys_clinic ON neonpro.data_keys USING (true)", "neonpro.E105"),
        ("ALTER POLICY search_tokens_search ON neonpro.search_tokens TO neonpro_app", "neonpro.E105"),
        ("CREATE POLICY wide ON neonpro.data_keys USING (true)", "neonpro.E106"),
        ("GRANT SELECT ON neonpro.data_keys TO neonpro_app", "neonpro.E112"),
        ("GRANT SELECT (tokens) ON neonpro.search_tokens TO neonpro_app", "neonpro.E112"),
        ("REVOKE SELECT ON neonpro.search_tokens FROM neonpro_search", "neonpro.E113"),
        ("ALTER POLICY patients_clinic ON patients USING (true)", "neonpro.E105"),
        ("ALTER POLICY patients_view ON patients USING (true)", "neonpro.E105"),
        ("CREATE POLICY wide ON patients USING (true)", "neonpro.E106"),
        ("CREATE POLICY wide ON audit_logs_default USING (true)", "neonpro.E107"),
        ("GRANT SELECT ON audit_logs_default TO neonpro_app", "neonpro.E107"),
        ("ALTER TABLE audit_logs_default DISABLE ROW LEVEL SECURITY", "neonpro.E107"),
        ("DROP TRIGGER refuse_truncate ON audit_logs_default", "neonpro.E107"),
        ("ALTER TABLE appointments DROP CONSTRAINT appointments_patient_same_clinic", "neonpro.E109"),
        ("CREATE UNIQUE INDEX stray ON patients (cpf)", "neonpro.E110"),
        ("ALTER TABLE services ADD CONSTRAINT stray UNIQUE (name, clinic_id)", "neonpro.E110"),
        ("CREATE VIEW public.everyone AS SELECT * FROM patients", "neonpro.E111"),
        ("CREATE MATERIALIZED VIEW public.everyone AS SELECT * FROM patients", "neonpro.E111"),
        ("GRANT DELETE ON patients TO neonpro_app", "neonpro.E112"),
        ("GRANT TRUNCATE ON services TO neonpro_app", "neonpro.E112"),
        ("GRANT SELECT (name) ON patients TO PUBLIC", "neonpro.E112"),
        ("GRANT SELECT ON neonpro.context_keys TO neonpro_app", "neonpro.E112"),
        ("REVOKE UPDATE ON patients FROM neonpro_app", "neonpro.E113"),
        ("GRANT CREATE ON SCHEMA public TO neonpro_app", "neonpro.E114"),
        ("GRANT CREATE ON SCHEMA neonpro TO PUBLIC", "neonpro.E114"),
        ("ALTER FUNCTION neonpro.current_clinic() SECURITY INVOKER", "neonpro.E116"),
        ("ALTER FUNCTION neonpro.record_change() RESET search_path", "neonpro.E116"),
        ("ALTER FUNCTION neonpro.enter(text) OWNER TO postgres", "neonpro.E116"),
        ("GRANT EXECUTE ON FUNCTION neonpro.context_mac(text, text) TO PUBLIC", "neonpro.E116"),
        ("DROP FUNCTION neonpro.record_event(text, uuid, jsonb)", "neonpro.E116"),
        (
            "CREATE FUNCTION neonpro.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "neonpro.E116",
        ),
        (
            "CREATE OR REPLACE FUNCTION neonpro.current_clinic() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER "
            "SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::uuid'",
            "neonpro.E116",
        ),
    ],
)
def test_what_differs_from_the_declared_catalogue_shows(db: None, change: str, expected: str) -> None:
    with mutated(change) as mutant:
        assert expected in ids(live_messages(mutant))  # type: ignore[arg-type]


def test_temporary_tables_granted_show(db: None) -> None:
    with mutated(f"GRANT TEMPORARY ON DATABASE {test_settings.DATABASE} TO neonpro_app") as mutant:
        assert "neonpro.E114" in ids(live_messages(mutant))  # type: ignore[arg-type]


def test_every_reference_between_clinics_tables_is_checked(db: None) -> None:
    """Dropping any one of them shows, whichever table it is on."""
    for model in _all_models():
        for constraint in model._meta.constraints:
            if type(constraint).__name__ != "SameClinic":
                continue
            assert is_tenant(model)
            statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(model._meta.db_table), sql.Identifier(constraint.name)
            )
            with mutated(statement) as mutant:
                messages = live_messages(mutant)  # type: ignore[arg-type]
                assert any(constraint.name in message.msg for message in messages), constraint.name
