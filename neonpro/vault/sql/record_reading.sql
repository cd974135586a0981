-- Writes a reading of personal data into the audit log: one row, however many patients it was. neonpro.open_keys calls it
-- before a key leaves; the application calls it again for a reading whose own row went with a rollback. It adds rows
-- and can take none away, and the actor is the context's.
CREATE OR REPLACE FUNCTION neonpro.record_reading(act text, patients uuid[], detail jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL THEN
        RAISE EXCEPTION 'no clinic context' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF act IS NULL OR act NOT IN ('READ', 'LIST', 'WRITE', 'EXPORT', 'SEARCH', 'PRINT', 'DENIED', 'UNREADABLE') THEN
        RAISE EXCEPTION 'unknown kind of reading' USING ERRCODE = 'check_violation';
    END IF;
    IF who.role = 'patient' AND NOT (coalesce(patients, '{}') <@ ARRAY[neonpro.current_patient()]) THEN
        RAISE EXCEPTION 'one reads of oneself' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, patient_id, patients, actor_kind, actor, role, request_id, changes
    ) VALUES (
        who.clinic, act, 'patients', CASE WHEN cardinality(patients) = 1 THEN patients[1] END, patients,
        who.kind, who.actor, who.role, who.request, detail
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.record_reading(text, uuid[], jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.record_reading(text, uuid[], jsonb) TO neonpro_app, neonpro_search;
