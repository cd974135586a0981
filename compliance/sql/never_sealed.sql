-- owner: neonpro_sealer
-- Rows of the job's clinic between two moments that no seal holds although seals have passed them: somebody put them
-- there afterwards. The first twenty, oldest first.
CREATE OR REPLACE FUNCTION neonpro.never_sealed(first_moment timestamptz, moment_after timestamptz)
RETURNS TABLE (created_at timestamptz, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- The planner cannot know how many rows a seal has; row by row, a big one would take for ever.
SET enable_nestloop = off
AS $$
#variable_conflict use_column
DECLARE
    clinic constant uuid := neonpro.sealing_clinic();
    last record;
BEGIN
    SELECT s.place, s.up_to, s.since, s.complete, s.last_at INTO last
    FROM neonpro.audit_seals AS s WHERE s.clinic_id = clinic ORDER BY s.number DESC LIMIT 1;
    IF last.place IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT l.created_at, l.id
    FROM public.audit_logs AS l
    LEFT JOIN (
        SELECT unnest(s.ids) AS id
        FROM neonpro.audit_seals AS s
        WHERE s.clinic_id = clinic AND s.first_at < moment_after AND s.last_at >= first_moment
    ) AS m ON m.id = l.id
    WHERE l.clinic_id = clinic AND l.created_at >= first_moment AND l.created_at < moment_after AND m.id IS NULL
        AND CASE
            WHEN NOT last.complete THEN l.created_at < last.last_at
            ELSE l.created_at < last.since OR (l.xid < last.up_to AND last.place = neonpro.seal_place())
        END
    ORDER BY l.created_at, l.id
    LIMIT 20;
END
$$;
REVOKE ALL ON FUNCTION neonpro.never_sealed(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.never_sealed(timestamptz, timestamptz) TO neonpro_app;
