-- The roles NeonPro needs, once for a PostgreSQL cluster. Run as a superuser; running it again changes nothing.
-- Give neonpro_owner and neonpro_app their passwords (or a pg_hba.conf rule) yourself: none is set here.
--
--   neonpro_owner   owns the schema and runs migrations. NOINHERIT: it can hand functions to the roles below,
--                   and does not see what they see.
--   neonpro_app     what the web and the jobs connect as. It can bypass nothing and owns nothing.
--   neonpro_gate    owns the functions that decide who may enter which clinic; nobody logs in as it.
--   neonpro_search  owns the functions that search patients and the accesses to them; nobody logs in as it.
--   neonpro_eraser  owns the functions that delete an erased patient's rows and look for what is left; nobody logs in.
--   neonpro_sealer  owns the functions that seal the audit log and verify it; nobody logs in.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'neonpro_owner', 'neonpro_app', 'neonpro_gate', 'neonpro_search', 'neonpro_eraser', 'neonpro_sealer'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I', role_name);
        END IF;
    END LOOP;
END
$$;

ALTER ROLE neonpro_owner LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE neonpro_app LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE neonpro_gate NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE neonpro_search NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE neonpro_eraser NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE neonpro_sealer NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;

GRANT neonpro_gate, neonpro_search, neonpro_eraser, neonpro_sealer TO neonpro_owner;

-- A parameter of a statement must not reach the server's log: it may be a patient's name.
ALTER ROLE neonpro_app SET log_parameter_max_length = 0;
ALTER ROLE neonpro_owner SET log_parameter_max_length = 0;
-- Nor may it stand in pg_stat_activity, where every session of the role reads what the others are running, whatever
-- their clinic. Only a superuser can turn this on again.
ALTER ROLE neonpro_app SET track_activities = off;

-- A clinic's rows lie scattered among everybody's. On today's disks that costs little; the default of 4 is that of
-- spinning ones, with which a deep page of a list sorts the whole clinic instead of following its index.
ALTER ROLE neonpro_app SET random_page_cost = 1.1;

-- A request that died in the middle must not keep its locks.
ALTER ROLE neonpro_app SET idle_in_transaction_session_timeout = '5min';
