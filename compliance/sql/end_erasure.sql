-- Closes what neonpro.begin_erasure opened and appends the event ERASE to the audit log.
CREATE OR REPLACE FUNCTION neonpro.end_erasure(detail jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    done record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    DELETE FROM neonpro.erasing AS e WHERE e.xid = pg_current_xact_id_if_assigned() AND e.clinic_id = who.clinic
    RETURNING e.* INTO done;
    IF done.patient_id IS NULL THEN
        RAISE EXCEPTION 'no erasure is going on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, record_id, patient_id, actor_kind, actor, role, request_id, changes
    ) VALUES (
        who.clinic, 'ERASE', 'erasures', done.erasure_id, done.patient_id, who.kind, who.actor, who.role, who.request,
        detail
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.end_erasure(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.end_erasure(jsonb) TO neonpro_app;
