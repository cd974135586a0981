-- Which of these patients are open to the reader clinically, now: what the keys of clinical data go by, and pages that ask.
-- A patient is open to a professional
--   who is in the patient's care team (care_team, not ended), or
--   to whom somebody opened the record (neonpro.granted_patients).
-- The row policies of clinical tables say the same in their own text (patients/models/care.py), where PostgreSQL can choose
-- between looking one patient up and making a list of all: for one patient ten times faster than by this function.
--   among     only these patients (NULL: all)
--   to_write  who may write about them
CREATE OR REPLACE FUNCTION neonpro.open_patients(among uuid[], to_write boolean) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS 500
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant uuid := neonpro.current_clinic();
    own constant uuid := neonpro.current_professional();
BEGIN
    IF neonpro.current_clinic_role() IS DISTINCT FROM 'professional' THEN
        RETURN;
    END IF;
    IF own IS NOT NULL AND among IS NULL THEN
        RETURN QUERY
        SELECT c.patient_id FROM public.care_team AS c
        WHERE c.clinic_id = here AND c.professional_id = own AND c.until IS NULL;
    ELSIF own IS NOT NULL THEN
        RETURN QUERY
        SELECT c.patient_id FROM public.care_team AS c
        WHERE c.clinic_id = here AND c.professional_id = own AND c.until IS NULL AND c.patient_id = ANY (among);
    END IF;
    RETURN QUERY
    SELECT g.id FROM neonpro.granted_patients(to_write) AS g (id)
    WHERE among IS NULL OR g.id = ANY (among);
END
$$;
REVOKE ALL ON FUNCTION neonpro.open_patients(uuid[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.open_patients(uuid[], boolean) TO neonpro_app;
