-- Whether a signature of a record is kept: what the step from finalised to signed asks for. The table record_signatures
-- is made by a later migration; before it there is none.
CREATE OR REPLACE FUNCTION neonpro.record_signed(clinic uuid, record uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regclass('public.record_signatures') IS NULL THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM public.record_signatures AS s WHERE s.clinic_id = clinic AND s.record_id = record
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.record_signed(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.record_signed(uuid, uuid) TO neonpro_app;
