-- For tables of the platform that every clinic reads: only a job outside of any clinic writes them, whatever SQL a
-- request of a clinic runs. Asked once a statement: an import writes a hundred thousand rows.
CREATE OR REPLACE FUNCTION neonpro.platform_job_only() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF neonpro.current_clinic() IS NOT NULL OR neonpro.current_clinic_role() IS DISTINCT FROM 'job' THEN
        RAISE EXCEPTION '% on %: only a job outside of any clinic', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.platform_job_only() FROM PUBLIC;
