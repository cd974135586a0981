-- What is sealed of a row of the audit log: `entry`, its stored values in canonical JSON, and `leaf`, their hash as RFC
-- 6962 has it. Of values after they were stored, so that what is read later hashes to the same; times in UTC whatever the
-- session's settings. The view has the rights and the row policies of whoever reads it.
CREATE VIEW neonpro.audit_entries WITH (security_invoker = true) AS
SELECT e.clinic_id, e.created_at, e.id, e.xid, e.entry,
    sha256('\x00'::bytea || convert_to(e.entry, 'UTF8')) AS leaf
FROM (
    SELECT l.clinic_id, l.created_at, l.id, l.xid, json_build_array(
        l.id, l.clinic_id, l.created_at AT TIME ZONE 'UTC', l.xid::text, l.action, l.table_name, l.record_id, l.patient_id,
        l.patients, l.actor_kind, l.actor, l.role, l.request_id, l.changes
    )::text AS entry
    FROM public.audit_logs AS l
) AS e;
REVOKE ALL ON neonpro.audit_entries FROM PUBLIC;
GRANT SELECT ON neonpro.audit_entries TO neonpro_sealer;
