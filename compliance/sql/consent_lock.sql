-- The advisory lock of one consent: events take it, uses share it (neonpro.take_consent, neonpro.consent_now). A use that
-- also locks a row of its own takes this one first, or it and a withdrawal could wait for each other.
CREATE OR REPLACE FUNCTION neonpro.consent_lock(clinic uuid, patient uuid, purpose text, service uuid DEFAULT NULL)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT hashtextextended(format('neonpro.consent:%s:%s:%s:%s', clinic, patient, purpose, service), 0)
$$;
REVOKE ALL ON FUNCTION neonpro.consent_lock(uuid, uuid, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.consent_lock(uuid, uuid, text, uuid) TO neonpro_app;
