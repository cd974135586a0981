-- The user of the transaction's context; NULL without a context and when the actor is a job or a sign-in.
CREATE OR REPLACE FUNCTION neonpro.current_user_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT actor::uuid FROM neonpro.context() WHERE kind = 'user' $$;
REVOKE ALL ON FUNCTION neonpro.current_user_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.current_user_id() TO neonpro_app, neonpro_gate, neonpro_search;
