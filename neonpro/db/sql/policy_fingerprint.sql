-- A fingerprint of a policy as it stands in the catalogue: command, roles, kind and both expressions.
CREATE OR REPLACE FUNCTION neonpro.policy_fingerprint(policy_table regclass, policy_name text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(md5(concat_ws(
        '|',
        p.polcmd, p.polpermissive,
        (SELECT string_agg(r.rolname, ',' ORDER BY r.rolname) FROM pg_roles AS r WHERE r.oid = ANY (p.polroles)),
        pg_get_expr(p.polqual, p.polrelid), '|', pg_get_expr(p.polwithcheck, p.polrelid)
    )), 16)
    FROM pg_policy AS p
    WHERE p.polrelid = policy_table AND p.polname = policy_name
$$;
REVOKE ALL ON FUNCTION neonpro.policy_fingerprint(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.policy_fingerprint(regclass, text) TO neonpro_app;
