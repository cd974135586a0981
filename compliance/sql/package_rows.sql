-- owner: neonpro_eraser
-- The rows that a table holds of the patient whom a request's answer is about (neonpro.packaged_patient), as they are
-- stored: what is encrypted stays so. Whatever table names a patient: also those whose rows the DPO does not see.
--   left_out  columns that are not wanted: files come one by one (neonpro.package_file)
CREATE OR REPLACE FUNCTION neonpro.package_rows(request uuid, relation text, left_out text[]) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whose constant uuid := neonpro.packaged_patient(request);
    owning text;
    columns text;
BEGIN
    IF whose IS NULL THEN
        RAISE EXCEPTION 'no request opens these data' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- The policy that lets this role delete a patient's rows names the column that says whose they are.
    SELECT CASE WHEN pg_get_expr(p.polqual, p.polrelid) ~ '^\(patient_id = ' THEN 'patient_id' ELSE 'id' END
    INTO owning
    FROM pg_policy AS p
    WHERE p.polrelid = to_regclass(format('public.%I', relation)) AND p.polname = relation || '_eraser_deletes';
    IF owning IS NULL OR relation ~ '_history$' THEN
        RAISE EXCEPTION 'not a table of patients' USING ERRCODE = 'check_violation';
    END IF;
    SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum) INTO columns
    FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass(format('public.%I', relation)) AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attname <> ALL (left_out);
    RETURN QUERY EXECUTE format(
        'SELECT to_jsonb(s) FROM (SELECT %s FROM public.%I AS t WHERE t.clinic_id = $1 AND t.%I = $2'
        ' ORDER BY t.created_at, t.id) AS s',
        columns, relation, owning
    ) USING neonpro.current_clinic(), whose;
END
$$;
REVOKE ALL ON FUNCTION neonpro.package_rows(uuid, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.package_rows(uuid, text, text[]) TO neonpro_app;
