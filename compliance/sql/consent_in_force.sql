-- The event by which a patient consents to a purpose now, and nobody can end it before this transaction is over; NULL
-- without one (neonpro.consent_now). For triggers of the floors below.
CREATE OR REPLACE FUNCTION neonpro.consent_in_force(patient uuid, purpose text, service uuid DEFAULT NULL) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT n.record FROM neonpro.consent_now(patient, purpose, service) AS n WHERE n.state = 'granted'
$$;
REVOKE ALL ON FUNCTION neonpro.consent_in_force(uuid, text, uuid) FROM PUBLIC;
