-- Closes categories of a patient's data to all but the DPO, or opens them again; answers with how many keys it was. The
-- DPO does it, and a job inside an erasure.
CREATE OR REPLACE FUNCTION neonpro.restrict_keys(patient uuid, closed text[], restricted boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    changed bigint;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL
        OR (who.role <> 'dpo' AND NOT (who.role = 'job' AND neonpro.erasing_patient() IS NOT DISTINCT FROM patient))
    THEN
        RAISE EXCEPTION 'only the DPO restricts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE neonpro.data_keys AS k
    SET restricted_at = CASE WHEN restricted THEN now() END
    WHERE k.clinic_id = who.clinic AND k.patient_id = patient AND k.category = ANY (closed)
        AND k.wrapped IS NOT NULL AND (k.restricted_at IS NOT NULL) <> restricted;
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, patient_id, patients, actor_kind, actor, role, request_id, changes
    ) VALUES (
        who.clinic, CASE WHEN restricted THEN 'RESTRICTED' ELSE 'RESTRICTION_LIFTED' END, 'patients', patient,
        ARRAY[patient], who.kind, who.actor, who.role, who.request, jsonb_build_object('categories', to_jsonb(closed))
    );
    RETURN changed;
END
$$;
REVOKE ALL ON FUNCTION neonpro.restrict_keys(uuid, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.restrict_keys(uuid, text[], boolean) TO neonpro_app;
