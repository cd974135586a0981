-- The patient whom this very transaction erases, with an approved erasure; NULL in every other.
CREATE OR REPLACE FUNCTION neonpro.erasing_patient() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT e.patient_id FROM neonpro.erasing AS e
        WHERE e.xid = pg_current_xact_id_if_assigned() AND e.clinic_id = (SELECT neonpro.current_clinic())
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.erasing_patient() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.erasing_patient() TO neonpro_app, neonpro_eraser, neonpro_search, neonpro_gate;
