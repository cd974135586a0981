-- Destroys a patient's keys of some categories for ever: row, history, audit log and replicas become unreadable at once.
-- Also where there was none yet, a row stays that lets none be made. The search forgets the patient; what is left of
-- the identification has to be indexed anew by the caller. Answers with how many keys there were.
CREATE OR REPLACE FUNCTION neonpro.destroy_keys(patient uuid, doomed text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    destroyed bigint;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL OR who.role NOT IN ('dpo', 'job') THEN
        RAISE EXCEPTION 'only the DPO destroys keys' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF neonpro.erasing_patient() IS DISTINCT FROM patient THEN
        RAISE EXCEPTION 'keys are destroyed by an approved erasure only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM unnest(doomed) AS c WHERE neonpro.may_open(who.role, c) IS NULL) THEN
        RAISE EXCEPTION 'unknown category' USING ERRCODE = 'check_violation';
    END IF;
    SELECT count(*) INTO destroyed
    FROM (
        SELECT FROM neonpro.data_keys AS k
        WHERE k.clinic_id = who.clinic AND k.patient_id = patient AND k.category = ANY (doomed) AND k.wrapped IS NOT NULL
        ORDER BY k.category
        FOR UPDATE
    ) AS locked;
    INSERT INTO neonpro.data_keys AS k (clinic_id, patient_id, category, kid, wrapped, destroyed_at)
    SELECT DISTINCT who.clinic, patient, c, 0, NULL::bytea, now() FROM unnest(doomed) AS c
    ON CONFLICT (clinic_id, patient_id, category)
    DO UPDATE SET kid = 0, wrapped = NULL, destroyed_at = now() WHERE k.wrapped IS NOT NULL;
    PERFORM neonpro.forget_tokens(patient);
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, patient_id, patients, actor_kind, actor, role, request_id, changes
    ) VALUES (
        who.clinic, 'KEYS_DESTROYED', 'patients', patient, ARRAY[patient], who.kind, who.actor, who.role, who.request,
        jsonb_build_object('categories', to_jsonb(doomed))
    );
    RETURN destroyed;
END
$$;
REVOKE ALL ON FUNCTION neonpro.destroy_keys(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.destroy_keys(uuid, text[]) TO neonpro_app;
