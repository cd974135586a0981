-- Whether a patient of the current clinic consents to a purpose now, to whoever may see consents: what every use asks.
-- For a use that must not cross a withdrawal, a trigger asks neonpro.consent_in_force.
CREATE OR REPLACE FUNCTION neonpro.consent_allows(patient uuid, purpose text, service uuid DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM public.lgpd_consents AS c
        WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.patient_id = consent_allows.patient
            AND c.purpose = consent_allows.purpose AND c.service_id IS NOT DISTINCT FROM consent_allows.service
            AND c.state = 'granted'
    )
$$;
REVOKE ALL ON FUNCTION neonpro.consent_allows(uuid, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.consent_allows(uuid, text, uuid) TO neonpro_app;
