-- What ends with a consent, at once and in the transaction that ends it. Whatever asks neonpro.consent_allows or
-- neonpro.consent_now from here on is told no; what is under way is stopped by a function beside its table, called here.
CREATE OR REPLACE FUNCTION neonpro.stop_uses(patient uuid, purpose text, service uuid) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM neonpro.stop_telemedicine(patient, purpose);
END
$$;
REVOKE ALL ON FUNCTION neonpro.stop_uses(uuid, text, uuid) FROM PUBLIC;
