-- The patient who acts in the transaction's context, on the page «Meus dados»; NULL for everybody else. Row policies show
-- this person their own rows, and nobody's else.
CREATE OR REPLACE FUNCTION neonpro.current_patient() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT actor::uuid FROM neonpro.context() WHERE kind = 'patient' $$;
REVOKE ALL ON FUNCTION neonpro.current_patient() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.current_patient() TO neonpro_app, neonpro_search, neonpro_gate;
