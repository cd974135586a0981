-- owner: neonpro_sealer
-- The clinic whose log is being sealed or verified: the one of the job that asks, or the platform (the nil UUID).
CREATE OR REPLACE FUNCTION neonpro.sealing_clinic() RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.kind IS DISTINCT FROM 'job' THEN
        RAISE EXCEPTION 'only a job seals and verifies the audit log' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN coalesce(who.clinic, '00000000-0000-0000-0000-000000000000');
END
$$;
REVOKE ALL ON FUNCTION neonpro.sealing_clinic() FROM PUBLIC;
