-- Opens and closes the moment in which neonpro.reseal_rows writes; only that function may call it.
CREATE OR REPLACE FUNCTION neonpro.set_resealing(begun boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE neonpro.erasing AS e SET resealing = begun
    WHERE e.xid = pg_current_xact_id_if_assigned() AND e.clinic_id = neonpro.current_clinic();
END
$$;
REVOKE ALL ON FUNCTION neonpro.set_resealing(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.set_resealing(boolean) TO neonpro_eraser;
