-- The current clinic's key for search tokens, wrapped. Where there is none yet, the offered one is kept. It opens
-- nobody's data and is no reading; who may not search does not get it.
CREATE OR REPLACE FUNCTION neonpro.search_key(offered_kid integer, offered bytea) RETURNS TABLE (kid integer, wrapped bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    who record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL OR who.role = 'patient' OR neonpro.may_open(who.role, 'identification') IS NOT TRUE THEN
        RAISE EXCEPTION 'this role does not search' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF offered IS NOT NULL THEN
        INSERT INTO neonpro.data_keys (clinic_id, patient_id, category, kid, wrapped)
        VALUES (who.clinic, who.clinic, 'search', offered_kid, offered)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN QUERY
    SELECT k.kid, k.wrapped
    FROM neonpro.data_keys AS k
    WHERE k.clinic_id = who.clinic AND k.patient_id = who.clinic AND k.category = 'search';
END
$$;
REVOKE ALL ON FUNCTION neonpro.search_key(integer, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.search_key(integer, bytea) TO neonpro_app;
