-- Writes into a policy's comment the fingerprint of its declaration and of what PostgreSQL made of it, so that
-- `manage.py check --database default` sees a policy that was altered by hand and one that is out of date.
CREATE OR REPLACE FUNCTION neonpro.seal_policy(policy_table regclass, policy_name text, declared text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'COMMENT ON POLICY %I ON %s IS %L',
        policy_name, policy_table, declared || ':' || neonpro.policy_fingerprint(policy_table, policy_name)
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.seal_policy(regclass, text, text) FROM PUBLIC;
