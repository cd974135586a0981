-- The patient whose kept values this very moment are written anew under a fresh key (neonpro.reseal_rows); NULL at every
-- other. Guards of rows that never change let this one change through: what the rows say stays the same.
CREATE OR REPLACE FUNCTION neonpro.resealing_patient() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT e.patient_id FROM neonpro.erasing AS e
        WHERE e.xid = pg_current_xact_id_if_assigned() AND e.clinic_id = (SELECT neonpro.current_clinic())
            AND e.resealing
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.resealing_patient() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.resealing_patient() TO neonpro_app, neonpro_eraser;
