-- owner: neonpro_eraser
-- Which rows a table holds of a patient of the current clinic, for the plan of an erasure: their ids, how many versions
-- there are of each, and what their plain columns of a few names say. For the DPO and jobs, who see no clinical row
-- otherwise: never a value of an encrypted column, and of the audit log (`relation` '') only how many rows.
CREATE OR REPLACE FUNCTION neonpro.data_of(relation text, patient uuid, names text[])
RETURNS TABLE (record uuid, versions bigint, facts jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    owning text;
    columns text;
    history constant text := relation || '_history';
BEGIN
    IF here IS NULL OR neonpro.current_clinic_role() NOT IN ('dpo', 'job') THEN
        RAISE EXCEPTION 'only the DPO plans an erasure' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF relation = '' THEN
        RETURN QUERY
        SELECT NULL::uuid, count(*), NULL::jsonb
        FROM (
            SELECT l.id FROM public.audit_logs AS l WHERE l.clinic_id = here AND l.patient_id = patient
            UNION
            SELECT l.id FROM public.audit_logs AS l WHERE l.clinic_id = here AND l.patients @> ARRAY[patient]
        ) AS l;
        RETURN;
    END IF;
    -- The policy that lets this role delete a patient's rows names the column that says whose they are.
    SELECT CASE WHEN pg_get_expr(p.polqual, p.polrelid) ~ '^\(patient_id = ' THEN 'patient_id' ELSE 'id' END
    INTO owning
    FROM pg_policy AS p
    WHERE p.polrelid = to_regclass(format('public.%I', relation)) AND p.polname = relation || '_eraser_deletes';
    IF owning IS NULL OR EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass(format('public.%I', relation))
            AND a.attname = ANY (names) AND a.atttypid NOT IN (
                'text'::regtype, 'varchar'::regtype, 'date'::regtype, 'timestamptz'::regtype, 'boolean'::regtype,
                'uuid'::regtype, 'integer'::regtype, 'smallint'::regtype
            )
    ) THEN
        RAISE EXCEPTION 'not a table of patients, or not a plain column' USING ERRCODE = 'check_violation';
    END IF;
    SELECT string_agg(format('%L, t.%I', name, name), ', ') INTO columns FROM unnest(names) AS name;
    RETURN QUERY EXECUTE format(
        'SELECT t.id, %s, jsonb_build_object(%s) FROM public.%I AS t WHERE t.clinic_id = $1 AND t.%I = $2 ORDER BY t.id',
        CASE
            WHEN to_regclass(format('public.%I', history)) IS NULL THEN '0::bigint'
            ELSE format('(SELECT count(*) FROM public.%I AS h WHERE h.clinic_id = $1 AND h.id = t.id)', history)
        END,
        columns, relation, owning
    ) USING here, patient;
END
$$;
REVOKE ALL ON FUNCTION neonpro.data_of(text, uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.data_of(text, uuid, text[]) TO neonpro_app;
