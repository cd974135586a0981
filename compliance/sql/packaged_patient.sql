-- Whose data a request lets its answer hold: the patient of a request of the current clinic for access, portability or a
-- copy of the record, whose identity was checked and which still waits for its answer, to the DPO; NULL otherwise. What
-- opens clinical keys (neonpro.open_keys) and rows (neonpro.package_rows) to somebody who is no part of the care.
CREATE OR REPLACE FUNCTION neonpro.packaged_patient(request uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF neonpro.current_clinic_role() IS DISTINCT FROM 'dpo' THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT r.patient_id FROM public.data_requests AS r
        WHERE r.clinic_id = neonpro.current_clinic() AND r.id = request
            AND r.kind IN ('ACCESS', 'PORTABILITY', 'RECORD_COPY')
            AND r.identity_check <> '' AND r.status IN ('received', 'in_progress')
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.packaged_patient(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.packaged_patient(uuid) TO neonpro_app, neonpro_eraser;
