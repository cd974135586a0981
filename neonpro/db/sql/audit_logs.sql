-- The audit log: partitioned by month, written by triggers and functions of the owner only. Django's model of it is
-- compliance.AuditLog. No foreign keys: the log outlives what it speaks of. Room for the seals: `xid` says in which
-- transaction a row was written, so that rows can be sealed in commit order.
CREATE TABLE public.audit_logs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The nil UUID stands for the platform: what belongs to no clinic.
    clinic_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    action text NOT NULL CHECK (action ~ '^[A-Z][A-Z_]{2,30}$'),
    table_name text NOT NULL,
    record_id uuid,
    -- Whom it is about: the patient of a changed row; of a reading, when there was exactly one.
    patient_id uuid,
    -- Everyone whose personal data a reading opened: a list page is one row.
    patients uuid[],
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'job', 'signin', 'door', 'patient', 'db')),
    actor text NOT NULL,
    role text NOT NULL,
    request_id uuid,
    changes jsonb,
    PRIMARY KEY (clinic_id, created_at, id)
) PARTITION BY RANGE (created_at);

CREATE INDEX audit_logs_patient ON public.audit_logs (clinic_id, patient_id, created_at) WHERE patient_id IS NOT NULL;
CREATE INDEX audit_logs_record ON public.audit_logs (clinic_id, record_id, created_at) WHERE record_id IS NOT NULL;
-- «Who read this patient's data»; asked through neonpro.accesses_of, as the role for searching.
CREATE INDEX audit_logs_patients ON public.audit_logs USING gin (patients) WHERE patients IS NOT NULL;
CREATE INDEX audit_logs_actor ON public.audit_logs (clinic_id, actor, created_at);

-- Should nobody have made a month's partition, the row still has a place: work must not stop for it.
CREATE TABLE public.audit_logs_default PARTITION OF public.audit_logs DEFAULT;
