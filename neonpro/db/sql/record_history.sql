-- The history trigger: one row of the table's history for each changed row, whatever changed it. It runs once a
-- statement, over all rows that the statement changed (new_rows, old_rows), for bulk writes cost a few microseconds a
-- row that way. The history of the table T is T_history.
-- Arguments, lists of quoted column names: [0] the columns that are copied, [1] those that make a version. An UPDATE
-- that leaves [1] as it was leaves nothing.
CREATE OR REPLACE FUNCTION neonpro.record_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    changed text;
BEGIN
    -- A statement that changed no row fires too: an INSERT … ON CONFLICT DO UPDATE, for one, always fires twice.
    IF TG_OP = 'DELETE' THEN
        PERFORM FROM old_rows LIMIT 1;
        changed := 'old_rows';
    ELSE
        PERFORM FROM new_rows LIMIT 1;
        changed := 'new_rows';
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        -- The same words under a fresh key: the versions themselves are written anew, none is added.
        IF neonpro.resealing_patient() IS NOT NULL THEN
            RETURN NULL;
        END IF;
        -- A row whose key changed has no row before it, and is a version like any other.
        changed := format(
            'new_rows LEFT JOIN (SELECT id AS old_id, clinic_id AS old_clinic, ROW(%1$s) AS old_row FROM old_rows)'
            ' AS o ON old_id = id AND old_clinic = clinic_id WHERE old_row IS DISTINCT FROM ROW(%1$s)',
            TG_ARGV[1]
        );
    END IF;
    who := neonpro.context();
    -- Only here is the table known: one plan a statement, whose cost many rows share.
    EXECUTE format(
        'INSERT INTO %I.%I (history_id, history_date, history_type, history_user_id, actor_kind, actor, role,'
        ' request_id, %s) SELECT gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, %s FROM %s',
        TG_TABLE_SCHEMA, TG_TABLE_NAME || '_history', TG_ARGV[0], TG_ARGV[0], changed
    )
    USING
        clock_timestamp(),
        CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END,
        CASE WHEN who.kind = 'user' THEN who.actor::uuid END,
        coalesce(who.kind, 'db'),
        coalesce(who.actor, session_user),
        coalesce(who.role, ''),
        who.request;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.record_history() FROM PUBLIC;
