-- owner: neonpro_gate
-- Every clinic there is, open or closed: for a job that goes through them one at a time. A job outside of any clinic is
-- told, and nobody else; an error and not an empty answer, or a nightly job would do nothing and nobody would notice.
CREATE OR REPLACE FUNCTION neonpro.clinic_ids() RETURNS TABLE (clinic_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    IF NOT EXISTS (SELECT FROM neonpro.context() AS who WHERE who.kind = 'job' AND who.clinic IS NULL) THEN
        RAISE EXCEPTION 'only a job outside of any clinic' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY SELECT c.id FROM public.clinics AS c ORDER BY c.id;
END
$$;
REVOKE ALL ON FUNCTION neonpro.clinic_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.clinic_ids() TO neonpro_app, neonpro_owner;
