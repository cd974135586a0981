-- owner: neonpro_sealer
-- A row of the current clinic's log as it is sealed, with its seal and its place in it: what an inclusion proof is made
-- of. For those who may read the log, and for jobs. No row: there is none, or no seal holds it yet.
CREATE OR REPLACE FUNCTION neonpro.sealed_entry(row_id uuid, row_time timestamptz)
RETURNS TABLE (entry text, place bigint, document text, leaves bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    who record;
    clinic uuid;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.kind IS NULL OR who.role NOT IN ('dpo', 'manager', 'auditor', 'job') THEN
        RETURN;
    END IF;
    clinic := coalesce(who.clinic, '00000000-0000-0000-0000-000000000000');
    RETURN QUERY
    SELECT e.entry, array_position(s.ids, row_id)::bigint - 1, s.document, s.leaves
    FROM neonpro.audit_entries AS e
    JOIN neonpro.audit_seals AS s ON s.clinic_id = clinic AND row_time BETWEEN s.first_at AND s.last_at
    WHERE e.clinic_id = clinic AND e.created_at = row_time AND e.id = row_id
        AND row_id = ANY (s.ids);
END
$$;
REVOKE ALL ON FUNCTION neonpro.sealed_entry(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.sealed_entry(uuid, timestamptz) TO neonpro_app;
