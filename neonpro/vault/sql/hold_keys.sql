-- Holds keys until the transaction ends, so that no erasure can come between a key and what is written under it, and
-- names those that were destroyed already. A writer who meets an erasure waits here, and is then told. The two arrays
-- are parallel. One that an erasure replaced just now counts as destroyed too, but to that erasure itself: who opened the
-- old one a moment ago would write what nobody can read; a minute later nobody has it any more. Keys that need care (neonpro.needs_care) of a patient who is not open to the caller are neither held nor
-- told of; what would be written under them is refused by the row policies.
CREATE OR REPLACE FUNCTION neonpro.hold_keys(patients uuid[], categories text[])
RETURNS TABLE (patient uuid, category text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    outside uuid[] := '{}';
BEGIN
    IF neonpro.current_clinic_role() = 'patient' THEN
        patients := array_fill(neonpro.current_patient(), ARRAY[cardinality(categories)]);
    END IF;
    IF EXISTS (SELECT FROM unnest(categories) AS c WHERE neonpro.needs_care(c)) THEN
        outside := neonpro.outside_care(patients, true);
    END IF;
    RETURN QUERY
    WITH held AS (
        SELECT k.patient_id, k.category, k.wrapped, k.renewed_at
        FROM neonpro.data_keys AS k
        JOIN unnest(patients, categories) AS n (patient_id, category)
            ON n.patient_id = k.patient_id AND n.category = k.category
        WHERE k.clinic_id = neonpro.current_clinic()
            AND NOT (neonpro.needs_care(k.category) AND k.patient_id = ANY (outside))
        -- In one order, so that two writers never wait for each other.
        ORDER BY k.patient_id, k.category
        FOR SHARE OF k
    )
    SELECT h.patient_id, h.category FROM held AS h
    WHERE h.wrapped IS NULL
        OR (h.renewed_at > now() - interval '1 minute' AND h.patient_id IS DISTINCT FROM neonpro.erasing_patient());
END
$$;
REVOKE ALL ON FUNCTION neonpro.hold_keys(uuid[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.hold_keys(uuid[], text[]) TO neonpro_app, neonpro_search;
