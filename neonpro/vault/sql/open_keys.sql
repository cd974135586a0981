-- The one way to keys. For each patient and category that has a key it answers with a status, and with the wrapped key
-- where that is "open":
--   open        take it
--   erased      it was destroyed
--   withheld    this role may not have this category (neonpro.may_open), or, of what neonpro.needs_care names, the
--               patient is not open to this reader (neonpro.outside_care)
--   restricted  the patient's data, or this category of them, are closed to all but the DPO
-- The access is written into the audit log first, in one row however many patients: `act` is READ (a record), LIST (a
-- page), WRITE (a key to encrypt with) or EXPORT, `purpose` says for what. Patients of whom less was opened than of the
-- others, because somebody else cares for them, are in a row of their own; those of whom nothing may be opened in
-- another, DENIED.
-- Who answers a holder's request for everything held (purpose request:ID, EXPORT), and the holder to whom the answer was
-- released, open that holder's keys, of whatever category, and nobody else's: neonpro.packaged_patient, which the tables
-- of requests bring, says whose they are.
-- Refusals are answers and not errors: an error would take its own trace with it.
CREATE OR REPLACE FUNCTION neonpro.open_keys(patients uuid[], categories text[], act text, purpose text)
RETURNS TABLE (patient uuid, category text, status text, kid integer, wrapped bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    who record;
    allowed text[];
    cared text[];
    withheld text[];
    hidden uuid[];
    outside uuid[] := '{}';
    opened uuid[];
    less uuid[];
    refused uuid[];
    packaged boolean := false;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL THEN
        RAISE EXCEPTION 'no clinic context' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF who.role = 'patient' THEN
        -- One's own, and of nobody else not even whether there is anything.
        patients := ARRAY(SELECT p FROM unnest(patients) AS p WHERE p = neonpro.current_patient());
    END IF;
    IF act IS NULL OR act NOT IN ('READ', 'LIST', 'WRITE', 'EXPORT') THEN
        RAISE EXCEPTION 'unknown kind of reading' USING ERRCODE = 'check_violation';
    END IF;
    IF purpose IS NULL OR purpose !~ '^[a-z0-9_.:-]{1,80}$' THEN
        RAISE EXCEPTION 'a reading needs a purpose' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM unnest(categories) AS c WHERE neonpro.may_open(who.role, c) IS NULL) THEN
        RAISE EXCEPTION 'unknown category' USING ERRCODE = 'check_violation';
    END IF;
    IF act = 'EXPORT' AND purpose ~ '^request:[0-9a-f-]{36}$' THEN
        packaged := coalesce(patients = ARRAY[neonpro.packaged_patient(substr(purpose, 9)::uuid)], false);
    END IF;
    allowed := ARRAY(SELECT c FROM unnest(categories) AS c WHERE packaged OR neonpro.may_open(who.role, c));
    withheld := ARRAY(SELECT c FROM unnest(categories) AS c WHERE c <> ALL (allowed));
    cared := ARRAY(SELECT c FROM unnest(allowed) AS c WHERE neonpro.needs_care(c));
    hidden := neonpro.restricted_among(patients, who.role);
    IF cared <> '{}' AND NOT packaged THEN
        outside := neonpro.outside_care(patients, false);
    END IF;
    opened := ARRAY(
        SELECT DISTINCT k.patient_id
        FROM neonpro.data_keys AS k
        WHERE k.clinic_id = who.clinic AND k.patient_id = ANY (patients) AND k.category = ANY (allowed)
            AND k.wrapped IS NOT NULL AND k.patient_id <> ALL (hidden)
            AND (k.category <> ALL (cared) OR k.patient_id <> ALL (outside))
    );
    less := ARRAY(SELECT o FROM unnest(opened) AS o WHERE o = ANY (outside));
    IF opened = '{}' OR hidden <> '{}' OR outside <> '{}' THEN
        refused := ARRAY(
            SELECT DISTINCT k.patient_id
            FROM neonpro.data_keys AS k
            WHERE k.clinic_id = who.clinic AND k.patient_id = ANY (patients) AND k.category = ANY (categories)
                AND k.wrapped IS NOT NULL AND k.patient_id <> ALL (opened)
                AND (opened = '{}' OR k.patient_id = ANY (hidden) OR k.patient_id = ANY (outside))
        );
    END IF;
    -- Where there is no key at all, erased or never made, nothing is read and nothing was refused.
    IF cardinality(less) < cardinality(opened) THEN
        PERFORM neonpro.record_reading(
            act, ARRAY(SELECT o FROM unnest(opened) AS o WHERE o <> ALL (less)), jsonb_strip_nulls(jsonb_build_object(
                'purpose', purpose, 'categories', allowed, 'withheld', nullif(withheld, '{}')
            ))
        );
    END IF;
    IF less <> '{}' THEN
        PERFORM neonpro.record_reading(act, less, jsonb_build_object(
            'purpose', purpose,
            'categories', ARRAY(SELECT c FROM unnest(allowed) AS c WHERE c <> ALL (cared)),
            'withheld', withheld || cared
        ));
    END IF;
    IF refused <> '{}' THEN
        PERFORM neonpro.record_reading('DENIED', refused, jsonb_strip_nulls(jsonb_build_object(
            'purpose', purpose,
            'withheld', nullif(withheld || CASE WHEN outside && refused THEN cared ELSE '{}' END, '{}'),
            'restricted', nullif(hidden && refused, false)
        )));
    END IF;
    RETURN QUERY
    SELECT
        k.patient_id,
        k.category,
        s.status,
        k.kid,
        CASE WHEN s.status = 'open' THEN k.wrapped END
    FROM neonpro.data_keys AS k
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN k.wrapped IS NULL THEN 'erased'
            WHEN k.patient_id = ANY (hidden) OR (k.restricted_at IS NOT NULL AND who.role NOT IN ('dpo', 'patient', 'door')) THEN 'restricted'
            WHEN k.category <> ALL (allowed) THEN 'withheld'
            WHEN k.category = ANY (cared) AND k.patient_id = ANY (outside) THEN 'withheld'
            ELSE 'open'
        END AS status
    ) AS s
    WHERE k.clinic_id = who.clinic AND k.patient_id = ANY (patients) AND k.category = ANY (categories);
END
$$;
REVOKE ALL ON FUNCTION neonpro.open_keys(uuid[], text[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.open_keys(uuid[], text[], text, text) TO neonpro_app;
