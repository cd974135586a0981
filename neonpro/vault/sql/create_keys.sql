-- Keeps new data keys, made and wrapped by the application; answers with how many it took. One that exists, also a
-- destroyed one, stays as it is, and so does that of a patient who is closed to the writer, wholly or, of what
-- neonpro.needs_care names, for not being in the writer's care: the caller sees from the
-- number that it has to ask neonpro.open_keys. The four arrays are parallel.
CREATE OR REPLACE FUNCTION neonpro.create_keys(
    patients uuid[], categories text[], master integer, wrapped_keys bytea[]
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    hidden uuid[];
    outside uuid[] := '{}';
    made bigint;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL THEN
        RAISE EXCEPTION 'no clinic context' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF who.role IN ('patient', 'door') THEN
        RAISE EXCEPTION 'this role makes no keys' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM (SELECT DISTINCT unnest(categories)) AS c (name) WHERE neonpro.may_open(who.role, c.name) IS NOT TRUE)
    THEN
        RAISE EXCEPTION 'this role may not write this category' USING ERRCODE = 'insufficient_privilege';
    END IF;
    hidden := neonpro.restricted_among(patients, who.role);
    IF EXISTS (SELECT FROM unnest(categories) AS c WHERE neonpro.needs_care(c)) THEN
        outside := neonpro.outside_care(patients, true);
    END IF;
    INSERT INTO neonpro.data_keys (clinic_id, patient_id, category, kid, wrapped)
    SELECT who.clinic, n.patient_id, n.category, master, n.wrapped
    FROM unnest(patients, categories, wrapped_keys) AS n (patient_id, category, wrapped)
    WHERE n.patient_id <> ALL (hidden) AND n.wrapped IS NOT NULL
        AND NOT (neonpro.needs_care(n.category) AND n.patient_id = ANY (outside))
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION neonpro.create_keys(uuid[], text[], integer, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.create_keys(uuid[], text[], integer, bytea[]) TO neonpro_app;
