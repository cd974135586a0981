-- The role that the actor of the transaction's context has in its clinic, NULL without a context.
CREATE OR REPLACE FUNCTION neonpro.current_clinic_role() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT role FROM neonpro.context() $$;
REVOKE ALL ON FUNCTION neonpro.current_clinic_role() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.current_clinic_role() TO neonpro_app, neonpro_gate, neonpro_search;
