"""What the catalogue must never hold, found by asking it: so a table or function of a later issue is covered unseen."""

from collections.abc import Callable
from typing import Any

import pytest

from neonpro.db.roles import APP, ERASER, GATE, OWNER, SEALER, SEARCH
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import APPEND_ONLY, TENANT_TABLES, Raw, identifier

CALLABLE = {
    "begin_erasure": "the patient of an approved erasure; from here on only they can be erased",
    "data_of": "ids and plain columns of one patient's rows, for the plan of an erasure; for the DPO and jobs",
    "packaged_patient": "whose data an identified request here opens: to the DPO or, released, to the patient",
    "package_rows": "rows of the patient of such a request, to the same; what is encrypted stays so",
    "package_file": "one file of the patient of such a request, to the same, encrypted",
    "end_erasure": "nothing; writes the event ERASE",
    "erase_rows": "how many rows of the patient who is being erased are gone",
    "erasing_patient": "whom the own transaction erases",
    "executed_erasures": "ids of erasures that were carried out, of whatever clinic, and nothing else",
    "is_held": "whether a legal hold keeps a patient's data",
    "residual_scan": "names of tables and columns, during an approved erasure; never what stands there",
    "renew_keys": "how many of a patient's keys were replaced; for the DPO and jobs, inside an erasure",
    "reseal_rows": "how many values were written anew, inside an erasure",
    "resealing_patient": "whom the own transaction writes anew",
    "sealed_values": "ciphertexts of whom the own transaction erases",
    "restrict_keys": "how many keys of a patient were closed; for the DPO",
    "clinic_ids": "which clinics there are, to a job outside of all of them",
    "accesses_of": "who read or changed a patient of the own clinic, to its manager and DPO",
    "clinics_of": "where an account works, for itself and while signing in",
    "open_seal": "hashes of the own clinic's log, to a job",
    "close_seal": "nothing; signs the seal that the own transaction opened",
    "note_horizon": "nothing; notes which transaction id comes next",
    "last_seal": "number and digest of the own clinic's last seal, to a job",
    "seals_after": "the own clinic's seals, to a job: hashes of rows of the log",
    "sealed_leaves": "hashes of the own clinic's log, to a job",
    "sealed_ids": "ids of rows of the own clinic's log, to a job",
    "never_sealed": "ids of rows of the own clinic's log, to a job",
    "audit_span": "from when to when the own clinic's log has rows, to a job",
    "unsealed": "how far the own clinic's log is sealed, to those who may read it",
    "sealed_entry": "one row of the own clinic's log, to those who may read it, with its seal",
    "consent_allows": "whether a patient of the own clinic consents to a purpose, to whoever may see consents",
    "consent_lock": "the number of a lock, computed of what the caller gave",
    "create_keys": "how many keys were kept that the caller made itself",
    "current_clinic": "of the own context",
    "current_clinic_role": "of the own context",
    "current_patient": "of the own context",
    "current_professional": "of the own context",
    "current_user_id": "of the own context",
    "destroy_keys": "how many of a patient's keys there were; for the DPO and jobs",
    "enter": "opens a context that the application's key has signed",
    "forget_tokens": "nothing; a patient is no longer found",
    "has_licence": "whether a licence of the own clinic was verified lately",
    "granted_patients": "ids of the own clinic's patients whose record somebody opened to the caller",
    "holder_try": "whether the page «Meus dados» may be tried once more, to its door",
    "team_names": "names of the own clinic's team and professionals, to a patient on the page «Meus dados»",
    "hold_keys": "which of a patient's keys were destroyed",
    "invite": "an account for an address, the same answer for every address",
    "known_patients": "ids of the own clinic's patients with a CPF or number that the caller knows, and leaves a trace",
    "may_record_consent": "a table that is written in its own text",
    "may_overbook": "whether the caller may book an encaixe",
    "may_open": "a table that is written in its own text",
    "new_record_number": "drawn at random among what the caller sees",
    "leads_recalls": "whether the person who acts leads recalls, of the own context",
    "recall_of": "whom a recalled lot of the own clinic was applied to, to those who lead recalls, and leaves a trace",
    "open_keys": "wrapped keys of the own clinic's patients, and leaves a trace",
    "open_patients": "ids of the own clinic's patients whose record is open to the caller",
    "policy_fingerprint": "of the catalogue, for the checks",
    "record_event": "writes into the audit log what the context says",
    "record_reading": "writes into the audit log what the context says",
    "record_signed": "whether a record has a signature that the caller sees",
    "refresh_statistics": "nothing; the planner counts tables that it believes to be empty",
    "scope_refusal": "why a professional of the own clinic may not perform a service, by the clinic's own matrix",
    "search_key": "the own clinic's key for search tokens, wrapped",
    "search_patients": "ids of patients of the own clinic, and leaves a trace",
    "write_tokens": "nothing; a patient of the own clinic is found by other words",
}
"""The functions that the application's role may call, and what each gives. A new one is a new door: name it here."""

OURS = """
    pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    JOIN pg_roles AS r ON r.oid = p.proowner
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
"""Functions that no extension and not PostgreSQL itself brought."""


def unpinned(raw: Raw) -> list[Any]:
    """Functions that would look a name up where their caller says."""
    return raw.run(
        f"SELECT p.proname FROM {OURS} AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{{}}'))"
    )


def open_to_all(raw: Raw) -> list[Any]:
    """Functions that anybody may call."""
    return raw.run(
        f"SELECT p.proname FROM {OURS}"
        " AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0))"
    )


def definers_of_the_wrong_owner(raw: Raw) -> list[Any]:
    """Definer functions that run as a superuser, past row security, or as a role that logs in and is not the owner."""
    return raw.run(
        f"SELECT p.proname, r.rolname FROM {OURS} AND p.prosecdef"
        " AND (r.rolsuper OR r.rolbypassrls OR (r.rolcanlogin AND r.rolname <> %s))",
        [OWNER],
    )


def doors(raw: Raw) -> list[Any]:
    """What the application may call without being listed above."""
    return raw.run(
        f"SELECT p.proname FROM {OURS} AND has_function_privilege(%s, p.oid, 'EXECUTE')"
        " AND NOT (n.nspname = 'neonpro' AND p.proname = ANY (%s))",
        [APP, list(CALLABLE)],
    )


def leakproof(raw: Raw) -> list[Any]:
    """A function of ours that claims to tell nothing of its arguments would be run on hidden rows."""
    return raw.run(f"SELECT p.proname FROM {OURS} AND p.proleakproof")


def operators(raw: Raw) -> list[Any]:
    """Operators and casts of our own: none, so none can stand in front of PostgreSQL's."""
    return raw.run(
        "SELECT o.oprname FROM pg_operator AS o WHERE o.oid >= 16384"
        " AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = o.oid AND d.deptype = 'e')"
    )


def views(raw: Raw) -> list[Any]:
    """Views with their owner's rights, materialised views, foreign tables and rules."""
    return raw.run(
        "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND (c.relkind IN ('m', 'f')"
        " OR (c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') && '{security_invoker=true,security_invoker=on}'))"
        " UNION ALL SELECT rulename FROM pg_rules WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )


def owned_by_others(raw: Raw) -> list[Any]:
    """Tables, sequences and indexes that somebody other than the owner owns."""
    return raw.run(
        "SELECT c.relname, r.rolname FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('public', 'neonpro') AND r.rolname <> %s",
        [OWNER],
    )


def owned_by_the_application(raw: Raw) -> list[Any]:
    """Anything at all that the application owns: it could give it away or change it."""
    return raw.run(
        "SELECT d.classid::regclass, d.objid FROM pg_shdepend AS d JOIN pg_roles AS r ON r.oid = d.refobjid"
        " WHERE d.deptype = 'o' AND r.rolname = %s",
        [APP],
    )


def writable_without_a_policy(raw: Raw) -> list[Any]:
    """TRUNCATE, REFERENCES and TRIGGER pass row security by; sequences tell how much others do."""
    return raw.run(
        "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " CROSS JOIN LATERAL aclexplode(c.relacl) AS a"
        " WHERE n.nspname IN ('public', 'neonpro') AND a.grantee <> c.relowner"
        " AND (a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR a.is_grantable OR c.relkind = 'S')"
    )


def strange_policies(raw: Raw) -> list[Any]:
    """Policies for anybody but the application, the owner and the two roles that own functions."""
    return raw.run(
        "SELECT tablename, policyname FROM pg_policies WHERE NOT roles <@ %s::name[]",
        [[APP, OWNER, GATE, SEARCH, ERASER, SEALER]],
    )


def wide_policies_of_functions(raw: Raw) -> list[Any]:
    """Policies without a condition for a role that somebody can be: only the two that nobody logs in as."""
    return raw.run(
        "SELECT tablename, policyname FROM pg_policies WHERE (qual = 'true' OR with_check = 'true')"
        " AND NOT roles <@ %s::name[] AND (tablename, policyname) <> ('audit_logs', 'audit_logs_add')",
        [[GATE, SEARCH, ERASER, SEALER]],
    )


def powers(raw: Raw) -> list[Any]:
    """Roles of ours with a power of the cluster, or a member that should not be one."""
    return raw.run(
        "SELECT rolname FROM pg_roles WHERE rolname ~ '^neonpro' AND (rolsuper OR rolbypassrls OR rolcreaterole"
        " OR rolcreatedb OR rolreplication OR rolinherit OR rolcanlogin <> (rolname = ANY (%(login)s)))"
        " UNION ALL SELECT m.rolname FROM pg_auth_members AS x JOIN pg_roles AS g ON g.oid = x.roleid"
        " JOIN pg_roles AS m ON m.oid = x.member WHERE g.rolname ~ '^neonpro' AND m.rolname <> %(owner)s"
        " UNION ALL SELECT g.rolname FROM pg_auth_members AS x JOIN pg_roles AS g ON g.oid = x.roleid"
        " JOIN pg_roles AS m ON m.oid = x.member WHERE m.rolname = %(app)s",
        {"login": [APP, OWNER], "owner": OWNER, "app": APP},  # type: ignore[arg-type]
    )


def places_to_create(raw: Raw) -> list[Any]:
    """Where the application, or anybody, could make something that stands in front of the real thing."""
    return raw.run(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'"
        " AND has_schema_privilege(%(app)s, oid, 'CREATE')"
        " UNION ALL SELECT 'temporary tables' WHERE has_database_privilege(%(app)s, current_database(), 'TEMPORARY')"
        " UNION ALL SELECT 'schemas' WHERE has_database_privilege(%(app)s, current_database(), 'CREATE')"
        " UNION ALL SELECT lanname FROM pg_language WHERE lanname NOT IN ('internal', 'c', 'sql', 'plpgsql')"
        " UNION ALL SELECT evtname FROM pg_event_trigger"
        " UNION ALL SELECT extname FROM pg_extension"
        " WHERE extname NOT IN ('plpgsql', 'btree_gist')"
        " UNION ALL SELECT pubname FROM pg_publication UNION ALL SELECT srvname FROM pg_foreign_server"
        " UNION ALL SELECT defaclobjtype::text FROM pg_default_acl",
        {"app": APP},  # type: ignore[arg-type]
    )


def without_the_clinic_policy(raw: Raw) -> list[Any]:
    """Tables of clinics without the one restrictive policy, for every command, read and write alike.

    What only triggers add to, for whatever clinic the changed row is of, needs it for reading.
    """
    sound = {
        table
        for (table,) in raw.run(
            "SELECT tablename FROM pg_policies WHERE permissive = 'RESTRICTIVE' AND roles @> %s::name[]"
            " AND qual ~ '^\\((clinic_)?id = \\( SELECT neonpro.current_clinic\\(\\) AS current_clinic\\)\\)$'"
            " AND ((cmd = 'ALL' AND with_check = qual) OR (cmd = 'SELECT' AND tablename = ANY (%s)))",
            [[APP, OWNER], APPEND_ONLY],
        )
    }
    return sorted(set(TENANT_TABLES) - sound)


RULES: dict[Callable[[Raw], list[Any]], list[str]] = {
    unpinned: [
        "ALTER FUNCTION neonpro.context() RESET search_path",
        "ALTER FUNCTION neonpro.may_open(text, text) SET search_path = pg_catalog, public",
    ],
    open_to_all: ["CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    definers_of_the_wrong_owner: [
        "ALTER FUNCTION neonpro.search_patients(bigint[], bigint[], text, integer, text) OWNER TO postgres",
        "ALTER FUNCTION neonpro.enter(text) OWNER TO neonpro_app",
        "ALTER ROLE neonpro_gate LOGIN",
        "ALTER ROLE neonpro_search BYPASSRLS",
    ],
    doors: [
        "GRANT EXECUTE ON FUNCTION neonpro.context_mac(text, text) TO neonpro_app",
        "GRANT EXECUTE ON FUNCTION neonpro.ensure_audit_partitions(integer) TO PUBLIC",
        "CREATE FUNCTION public.invite() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
    leakproof: ["ALTER FUNCTION neonpro.may_open(text, text) LEAKPROOF"],
    operators: ["CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)"],
    views: [
        "CREATE VIEW public.v AS SELECT 1",
        "CREATE MATERIALIZED VIEW neonpro.m AS SELECT 1",
        "CREATE RULE r AS ON DELETE TO patients DO INSTEAD NOTHING",
    ],
    owned_by_others: ["ALTER TABLE services OWNER TO postgres"],
    owned_by_the_application: ["CREATE SCHEMA mine AUTHORIZATION neonpro_app"],
    writable_without_a_policy: [
        "GRANT TRUNCATE ON patients TO neonpro_app",
        "GRANT TRIGGER ON patients TO PUBLIC",
        "GRANT USAGE ON SEQUENCE django_migrations_id_seq TO neonpro_app",
        "GRANT SELECT ON patients TO neonpro_app WITH GRANT OPTION",
    ],
    strange_policies: ["CREATE POLICY wide ON patients USING (false)"],
    wide_policies_of_functions: ["CREATE POLICY wide ON patients TO neonpro_app USING (true)"],
    powers: [
        "ALTER ROLE neonpro_app INHERIT",
        "ALTER ROLE neonpro_owner CREATEROLE",
        "GRANT neonpro_search TO neonpro_app",
        "GRANT pg_read_all_data TO neonpro_app",
    ],
    places_to_create: [
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "GRANT CREATE ON SCHEMA neonpro TO neonpro_app",
        f"GRANT TEMPORARY ON DATABASE {test_settings.DATABASE} TO neonpro_app",
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
        "CREATE PUBLICATION p",
    ],
    without_the_clinic_policy: [
        "DROP POLICY services_clinic ON services",
        "ALTER POLICY services_clinic ON services USING (clinic_id = (SELECT neonpro.current_clinic()) OR true)",
        "ALTER POLICY services_clinic ON services WITH CHECK (true)",
        "ALTER POLICY services_clinic ON services TO neonpro_owner",
        "ALTER POLICY patients_history_clinic ON patients_history USING (true)",
    ],
}
"""Each rule, and what breaks it."""

MUTATIONS = [(rule, mutation) for rule, mutations in RULES.items() for mutation in mutations]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_catalogue_holds_none_of(rule: Callable[[Raw], list[Any]], db: None) -> None:
    with superuser(test_settings.DATABASE) as root:
        assert rule(Raw(root)) == [], rule.__doc__


@pytest.mark.parametrize(("rule", "mutation"), MUTATIONS, ids=[f"{r.__name__}: {m[:50]}" for r, m in MUTATIONS])
def test_a_catalogue_that_does_is_found(rule: Callable[[Raw], list[Any]], mutation: str, db: None) -> None:
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        with raw.undone():
            raw.run(mutation)
            assert rule(raw) != []


def test_the_doors_are_all_there(db: None) -> None:
    """A list of doors with one that is gone would hide the next of that name."""
    with superuser(test_settings.DATABASE) as root:
        found = Raw(root).run(
            f"SELECT p.proname FROM {OURS} AND n.nspname = 'neonpro' AND has_function_privilege(%s, p.oid, 'EXECUTE')",
            [APP],
        )
    assert {name for (name,) in found} == set(CALLABLE)


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_a_query_of_a_clinics_rows_uses_an_index_that_the_clinic_leads(table: str, db: None) -> None:
    with superuser(test_settings.DATABASE) as root:
        leading = Raw(root).run(
            "SELECT 1 FROM pg_index AS x WHERE x.indrelid = %s::regclass AND x.indisvalid"
            " AND pg_get_indexdef(x.indexrelid, 1, true) = %s",
            [identifier(table), "id" if table == "clinics" else "clinic_id"],
        )
    assert leading
