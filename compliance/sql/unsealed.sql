-- owner: neonpro_sealer
-- What of the current clinic's log no seal holds yet: how old the oldest such row is, and when the last seal was made.
-- For those who may read the log, and for jobs; the others get nothing.
CREATE OR REPLACE FUNCTION neonpro.unsealed(OUT oldest timestamptz, OUT last_seal timestamptz, OUT seals bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    clinic uuid;
    last record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.kind IS NULL OR who.role NOT IN ('dpo', 'manager', 'auditor', 'job') THEN
        RETURN;
    END IF;
    clinic := coalesce(who.clinic, '00000000-0000-0000-0000-000000000000');
    SELECT s.number, s.place, s.up_to, s.since, s.complete, s.last_at, s.sealed_at INTO last
    FROM neonpro.audit_seals AS s WHERE s.clinic_id = clinic ORDER BY s.number DESC LIMIT 1;
    seals := coalesce(last.number, 0);
    last_seal := last.sealed_at;
    SELECT l.created_at INTO oldest
    FROM public.audit_logs AS l
    WHERE l.clinic_id = clinic
        AND l.created_at >= coalesce(CASE WHEN last.complete THEN last.since ELSE last.last_at END, '-infinity')
        AND (
            last.number IS NULL OR NOT last.complete
            OR CASE WHEN last.place = neonpro.seal_place() THEN l.xid >= last.up_to ELSE l.created_at > last.last_at END
        )
    ORDER BY l.created_at LIMIT 1;
END
$$;
REVOKE ALL ON FUNCTION neonpro.unsealed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.unsealed() TO neonpro_app;
