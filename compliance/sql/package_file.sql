-- owner: neonpro_eraser
-- One file of the patient whom a request's answer is about, as it is stored; see neonpro.package_rows.
CREATE OR REPLACE FUNCTION neonpro.package_file(request uuid, relation text, record uuid, name text) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whose constant uuid := neonpro.packaged_patient(request);
    found bytea;
BEGIN
    IF whose IS NULL THEN
        RAISE EXCEPTION 'no request opens these data' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF relation ~ '_history$' OR NOT EXISTS (
        SELECT FROM pg_policy AS p
        WHERE p.polrelid = to_regclass(format('public.%I', relation)) AND p.polname = relation || '_eraser_deletes'
            AND pg_get_expr(p.polqual, p.polrelid) ~ '^\(patient_id = '
    ) THEN
        RAISE EXCEPTION 'not a table of patients' USING ERRCODE = 'check_violation';
    END IF;
    EXECUTE format(
        'SELECT t.%I FROM public.%I AS t WHERE t.clinic_id = $1 AND t.patient_id = $2 AND t.id = $3', name, relation
    ) INTO found USING neonpro.current_clinic(), whose, record;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION neonpro.package_file(uuid, text, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.package_file(uuid, text, uuid, text) TO neonpro_app;
