-- The event by which a patient consents to a purpose now, and nobody can end it before this transaction is over; NULL
-- without one. For triggers: a use and a withdrawal at the same moment come one after the other, and the use that is
-- second is refused.
CREATE OR REPLACE FUNCTION neonpro.consent_in_force(patient uuid, purpose text, service uuid DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    found uuid;
BEGIN
    SELECT c.record INTO found
    FROM public.lgpd_consents AS c
    WHERE c.clinic_id = neonpro.current_clinic() AND c.patient_id = consent_in_force.patient
        AND c.purpose = consent_in_force.purpose AND c.service_id IS NOT DISTINCT FROM consent_in_force.service
        AND c.state = 'granted'
    FOR SHARE;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION neonpro.consent_in_force(uuid, text, uuid) FROM PUBLIC;
