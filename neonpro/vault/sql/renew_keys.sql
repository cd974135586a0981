-- Replaces a patient's keys of some categories by fresh ones, in an approved erasure that keeps a part of what they open:
-- what is kept has to be written anew under them by the caller (neonpro.reseal_rows); whatever else the old ones opened,
-- in the audit log and in copies, opens no more. The two arrays are parallel. Answers with how many keys it were.
CREATE OR REPLACE FUNCTION neonpro.renew_keys(patient uuid, categories text[], master integer, wrapped_keys bytea[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    renewed bigint;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL OR who.role NOT IN ('dpo', 'job') THEN
        RAISE EXCEPTION 'only the DPO renews keys' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF neonpro.erasing_patient() IS DISTINCT FROM patient THEN
        RAISE EXCEPTION 'keys are renewed by an approved erasure only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE neonpro.data_keys AS k
    SET kid = master, wrapped = n.wrapped, renewed_at = clock_timestamp()
    FROM unnest(categories, wrapped_keys) AS n (category, wrapped)
    WHERE k.clinic_id = who.clinic AND k.patient_id = patient AND k.category = n.category AND k.category <> 'search'
        AND k.wrapped IS NOT NULL AND n.wrapped IS NOT NULL;
    GET DIAGNOSTICS renewed = ROW_COUNT;
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, patient_id, patients, actor_kind, actor, role, request_id, changes
    ) VALUES (
        who.clinic, 'KEYS_RENEWED', 'patients', patient, ARRAY[patient], who.kind, who.actor, who.role, who.request,
        jsonb_build_object('categories', to_jsonb(categories))
    );
    RETURN renewed;
END
$$;
REVOKE ALL ON FUNCTION neonpro.renew_keys(uuid, text[], integer, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.renew_keys(uuid, text[], integer, bytea[]) TO neonpro_app;
