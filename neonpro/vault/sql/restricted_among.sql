-- Which of these patients are closed to the reader: restricted (LGPD art. 18, IV), and the reader is not the DPO. Nobody is
-- closed to themselves, nor to the door by which they come.
CREATE OR REPLACE FUNCTION neonpro.restricted_among(patients uuid[], role text) RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF role IN ('dpo', 'patient', 'door') THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT p.id
        FROM public.patients AS p
        WHERE p.clinic_id = neonpro.current_clinic() AND p.restricted_at IS NOT NULL AND p.id = ANY (patients)
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.restricted_among(uuid[], text) FROM PUBLIC;
