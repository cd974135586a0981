-- owner: neonpro_sealer
-- From when to when the log of the job's clinic has rows.
CREATE OR REPLACE FUNCTION neonpro.audit_span(OUT first_at timestamptz, OUT last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT min(l.created_at), max(l.created_at) INTO first_at, last_at
    FROM public.audit_logs AS l WHERE l.clinic_id = (SELECT neonpro.sealing_clinic());
END
$$;
REVOKE ALL ON FUNCTION neonpro.audit_span() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.audit_span() TO neonpro_app;
