-- owner: neonpro_eraser
-- The distinct ciphertexts that one encrypted column and its versions hold of the patient whom this transaction erases,
-- to be written anew under a fresh key. Ciphertext alone: what it says is for whom the keys are open.
CREATE OR REPLACE FUNCTION neonpro.sealed_values(relation text, spot text)
RETURNS TABLE (record uuid, sealed bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    whose constant uuid := neonpro.erasing_patient();
    owning text;
    query text;
    history constant text := relation || '_history';
BEGIN
    IF whose IS NULL THEN
        RAISE EXCEPTION 'no erasure is going on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT CASE WHEN pg_get_expr(p.polqual, p.polrelid) ~ '^\(patient_id = ' THEN 'patient_id' ELSE 'id' END
    INTO owning
    FROM pg_policy AS p
    JOIN pg_attribute AS a ON a.attrelid = p.polrelid AND a.attname = spot AND a.atttypid = 'bytea'::regtype
    WHERE p.polrelid = to_regclass(format('public.%I', relation)) AND p.polname = relation || '_eraser_reseals';
    IF owning IS NULL OR relation ~ '_history$' THEN
        RAISE EXCEPTION 'not an encrypted column of a table of patients' USING ERRCODE = 'check_violation';
    END IF;
    query := format(
        'SELECT t.id, t.%I FROM public.%I AS t WHERE t.clinic_id = $1 AND t.%I = $2 AND octet_length(t.%I) > 0',
        spot, relation, owning, spot
    );
    IF EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass(format('public.%I', history)) AND a.attname = spot
    ) THEN
        query := query || format(
            ' UNION SELECT h.id, h.%I FROM public.%I AS h WHERE h.clinic_id = $1 AND h.%I = $2 AND octet_length(h.%I) > 0',
            spot, history, owning, spot
        );
    END IF;
    RETURN QUERY EXECUTE query USING here, whose;
END
$$;
REVOKE ALL ON FUNCTION neonpro.sealed_values(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.sealed_values(text, text) TO neonpro_app;
