-- What «who accessed» reads of the audit log, by way of its parent table; the partitions stay shut by themselves.
GRANT SELECT (
    id, clinic_id, created_at, action, table_name, patient_id, patients, actor_kind, actor, role, request_id, changes
) ON public.audit_logs TO neonpro_search;
