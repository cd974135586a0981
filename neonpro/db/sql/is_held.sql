-- owner: neonpro_eraser
-- Whether a legal hold keeps a patient's data from being deleted or erased, whoever asks, also somebody whom row
-- security does not bind: so this runs as the one role that sees every hold.
CREATE OR REPLACE FUNCTION neonpro.is_held(clinic uuid, patient uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regclass('public.legal_holds') IS NULL THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM public.legal_holds AS h
        WHERE h.clinic_id = clinic AND h.patient_id = patient AND h.lifted_at IS NULL
            AND (h.until IS NULL OR h.until >= current_date)
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.is_held(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.is_held(uuid, uuid) TO neonpro_app, neonpro_owner;
