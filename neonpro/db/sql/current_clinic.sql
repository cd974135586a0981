-- The clinic of the transaction's context, NULL without one. Row policies compare with it, so NULL means: no row.
CREATE OR REPLACE FUNCTION neonpro.current_clinic() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT clinic FROM neonpro.context() $$;
REVOKE ALL ON FUNCTION neonpro.current_clinic() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.current_clinic() TO neonpro_app, neonpro_gate, neonpro_search;
