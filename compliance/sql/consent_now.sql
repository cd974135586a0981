-- How a patient of the current clinic stands to a purpose, and the event that decided it; nobody can change it before this
-- transaction is over. For triggers: a use and a withdrawal at the same moment come one after the other, and the second
-- sees the first.
CREATE OR REPLACE FUNCTION neonpro.consent_now(
    patient uuid, purpose text, service uuid DEFAULT NULL, OUT state text, OUT record uuid
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    -- The lock of neonpro.take_consent, shared by those who only look.
    PERFORM pg_advisory_xact_lock_shared(neonpro.consent_lock(
        neonpro.current_clinic(), consent_now.patient, consent_now.purpose, consent_now.service
    ));
    SELECT c.state, c.record INTO consent_now.state, consent_now.record
    FROM public.lgpd_consents AS c
    WHERE c.clinic_id = neonpro.current_clinic() AND c.patient_id = consent_now.patient
        AND c.purpose = consent_now.purpose AND c.service_id IS NOT DISTINCT FROM consent_now.service;
END
$$;
REVOKE ALL ON FUNCTION neonpro.consent_now(uuid, text, uuid) FROM PUBLIC;
