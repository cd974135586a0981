-- owner: neonpro_search
-- Who read or changed a patient's data, newest first: readings (LIST, READ, EXPORT, DENIED, …) and changes of rows. For
-- those who may read the audit log and see patients, and for the patient; the others get nothing. `detail` is what the log says of a reading;
-- what a change changed is not told here.
--   before_time, before_id  only what is older than this row (NULL: from the newest on)
--   since, until            only this period, without its end (NULL: unbounded)
--   acts                    only these actions of the log (NULL: all)
--   take                    so many rows (NULL: all)
-- "@>" on arrays cannot use an index under row security: hence the search role, which filters the clinic itself. The
-- plan is made anew each time: one for unknown periods would walk through all of the clinic's log.
CREATE OR REPLACE FUNCTION neonpro.accesses_of(
    patient uuid, before_time timestamptz, before_id uuid, since timestamptz, until timestamptz, acts text[], take integer
)
RETURNS TABLE (
    id uuid, created_at timestamptz, action text, table_name text, actor_kind text, actor text, role text,
    request_id uuid, detail jsonb
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    first constant timestamptz := coalesce(since, '-infinity');
    past constant timestamptz := coalesce(until, 'infinity');
    last constant timestamptz := coalesce(before_time, 'infinity');
BEGIN
    IF here IS NULL
        OR (neonpro.current_clinic_role() NOT IN ('manager', 'dpo') AND neonpro.current_patient() IS DISTINCT FROM patient)
    THEN
        RETURN;
    END IF;
    RETURN QUERY
    -- By itself, so that no LIMIT tempts the planner to read the log backwards until enough rows have turned up.
    WITH readings AS MATERIALIZED (
        SELECT l.id, l.created_at, l.action, l.table_name, l.actor_kind, l.actor, l.role, l.request_id, l.changes
        FROM public.audit_logs AS l
        WHERE l.clinic_id = here AND l.patients @> ARRAY[patient]
            AND l.created_at >= first AND l.created_at < past AND l.created_at <= last
            AND (acts IS NULL OR l.action = ANY (acts))
    ),
    rows AS (
        SELECT r.* FROM readings AS r
        UNION ALL
        SELECT l.id, l.created_at, l.action, l.table_name, l.actor_kind, l.actor, l.role, l.request_id, NULL
        FROM public.audit_logs AS l
        -- A reading of one patient names it in both columns.
        WHERE l.clinic_id = here AND l.patient_id = patient AND l.patients IS NULL
            AND l.created_at >= first AND l.created_at < past AND l.created_at <= last
            AND (acts IS NULL OR l.action = ANY (acts))
    )
    SELECT r.id, r.created_at, r.action, r.table_name, r.actor_kind, r.actor, r.role, r.request_id, r.changes
    FROM rows AS r
    WHERE before_time IS NULL OR (r.created_at, r.id) < (before_time, before_id)
    ORDER BY r.created_at DESC, r.id DESC
    LIMIT take;
END
$$;
REVOKE ALL ON FUNCTION neonpro.accesses_of(uuid, timestamptz, uuid, timestamptz, timestamptz, text[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.accesses_of(uuid, timestamptz, uuid, timestamptz, timestamptz, text[], integer)
    TO neonpro_app;
