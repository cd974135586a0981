-- owner: neonpro_search
-- Makes the search find patients by these tokens and no others. The four arrays are parallel; each text is an array of
-- bigint. Patients that are not the clinic's, or closed to the writer, are refused, and so is one whose name was erased:
-- the call holds the key, so an erasure that begins meanwhile waits, and takes the tokens with it.
CREATE OR REPLACE FUNCTION neonpro.write_tokens(patients uuid[], tokens text[], cpf bigint[], external bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    who constant text := neonpro.current_clinic_role();
    written bigint;
BEGIN
    IF here IS NULL OR who IN ('patient', 'door') OR neonpro.may_open(who, 'identification') IS NOT TRUE THEN
        RAISE EXCEPTION 'this role does not write search tokens' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM neonpro.hold_keys(patients, array_fill('identification'::text, ARRAY[cardinality(patients)]))
    ) THEN
        RAISE EXCEPTION 'the patient was erased' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO neonpro.search_tokens (clinic_id, patient_id, tokens, cpf, external, last_day)
    SELECT here, p.id, n.tokens::bigint[], n.cpf, n.external, (
        -- Nothing for a new patient; after a restore the tokens come back to patients who have been here.
        SELECT max(a.day) FROM public.appointments AS a
        WHERE a.clinic_id = here AND a.patient_id = p.id AND a.status <> 'cancelled'
    )
    FROM unnest(patients, tokens, cpf, external) AS n (patient, tokens, cpf, external)
    JOIN public.patients AS p
        ON p.clinic_id = here AND p.id = n.patient AND (p.restricted_at IS NULL OR who = 'dpo')
    -- In one order, so that two writers never wait for each other.
    ORDER BY p.id
    ON CONFLICT (patient_id, clinic_id)
    DO UPDATE SET tokens = excluded.tokens, cpf = excluded.cpf, external = excluded.external;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> cardinality(patients) THEN
        RAISE EXCEPTION 'not a patient that this role may write' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION neonpro.write_tokens(uuid[], text[], bigint[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.write_tokens(uuid[], text[], bigint[], bigint[]) TO neonpro_app;
