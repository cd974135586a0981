-- owner: neonpro_sealer
-- The number and digest of the last seal of the job's clinic.
CREATE OR REPLACE FUNCTION neonpro.last_seal(OUT number bigint, OUT digest bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT s.number, s.digest INTO number, digest
    FROM neonpro.audit_seals AS s
    WHERE s.clinic_id = (SELECT neonpro.sealing_clinic())
    ORDER BY s.number DESC LIMIT 1;
END
$$;
REVOKE ALL ON FUNCTION neonpro.last_seal() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.last_seal() TO neonpro_app;
