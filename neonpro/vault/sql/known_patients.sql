-- owner: neonpro_search
-- Which patients of the current clinic hold these CPFs (kind "cpf"), or ids in another system ("external"), that no two
-- of a clinic may share: for the import and for the warning before a clash. Restricted patients too: a second record of
-- theirs must not be made, and the unique rule would tell of them in any case. Each call leaves one SEARCH row.
CREATE OR REPLACE FUNCTION neonpro.known_patients(kind text, tokens bigint[], purpose text)
RETURNS TABLE (token bigint, patient uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    hits bigint;
BEGIN
    IF here IS NULL OR neonpro.current_patient() IS NOT NULL
        OR neonpro.may_open(neonpro.current_clinic_role(), 'identification') IS NOT TRUE THEN
        RETURN;
    END IF;
    IF kind = 'cpf' THEN
        RETURN QUERY
        SELECT t.cpf, t.patient_id FROM neonpro.search_tokens AS t
        WHERE t.cpf = ANY (known_patients.tokens) AND t.cpf IS NOT NULL AND t.clinic_id = here;
    ELSIF kind = 'external' THEN
        RETURN QUERY
        SELECT t.external, t.patient_id FROM neonpro.search_tokens AS t
        WHERE t.external = ANY (known_patients.tokens) AND t.external IS NOT NULL AND t.clinic_id = here;
    ELSE
        RAISE EXCEPTION 'unknown kind of token' USING ERRCODE = 'check_violation';
    END IF;
    GET DIAGNOSTICS hits = ROW_COUNT;
    PERFORM neonpro.record_search(hits, purpose);
END
$$;
REVOKE ALL ON FUNCTION neonpro.known_patients(text, bigint[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.known_patients(text, bigint[], text) TO neonpro_app;
