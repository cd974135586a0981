-- What ends with a consent, at once and in the transaction that ends it. Each use has a function of its own beside its
-- table; a new one is called from here.
CREATE OR REPLACE FUNCTION neonpro.stop_uses(patient uuid, purpose text, service uuid) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Whatever asks neonpro.consent_allows or neonpro.consent_in_force from here on is told no.
    NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.stop_uses(uuid, text, uuid) FROM PUBLIC;
