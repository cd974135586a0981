-- Whose data a request lets its answer hold; NULL where it lets nothing. What opens clinical keys (neonpro.open_keys) and
-- rows (neonpro.package_rows) to somebody who is no part of the care. Always of the current clinic, for access,
-- portability or a copy of the record, and with the identity checked; and then
--   to the DPO      while it waits for its answer
--   to the patient  who acts on the page «Meus dados», their own, once the DPO has released it and until the end of the
--                   15th day after (lgpd.requests.released, which a test compares), unless it was refused
CREATE OR REPLACE FUNCTION neonpro.packaged_patient(request uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who constant text := neonpro.current_clinic_role();
    found record;
    zone text;
BEGIN
    IF who IS NULL OR who NOT IN ('dpo', 'patient') THEN
        RETURN NULL;
    END IF;
    SELECT r.patient_id, r.status, r.released_at INTO found FROM public.data_requests AS r
    WHERE r.clinic_id = neonpro.current_clinic() AND r.id = request
        AND r.kind IN ('ACCESS', 'PORTABILITY', 'RECORD_COPY') AND r.identity_check <> '';
    IF who = 'dpo' THEN
        RETURN CASE WHEN found.status IN ('received', 'in_progress') THEN found.patient_id END;
    END IF;
    IF found.released_at IS NULL OR found.status = 'refused'
        OR found.patient_id IS DISTINCT FROM neonpro.current_patient()
    THEN
        RETURN NULL;
    END IF;
    SELECT c.time_zone INTO zone FROM public.clinics AS c WHERE c.id = neonpro.current_clinic();
    IF (now() AT TIME ZONE zone)::date <= (found.released_at AT TIME ZONE zone)::date + 15 THEN
        RETURN found.patient_id;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.packaged_patient(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.packaged_patient(uuid) TO neonpro_app, neonpro_eraser;
