-- Who enters a care team, and that a stay in one is only ever begun and ended.
--   began = appointment  a live appointment of this patient with this professional is there
--   began = colleague    a professional who is in the team now adds another one
--   began = manager      the manager or a job does
-- When, by whom and until when are the database's to say. Ending it is final: who comes back has a new row.
CREATE OR REPLACE FUNCTION neonpro.guard_care() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    role constant text := neonpro.current_clinic_role();
    here constant text := TG_TABLE_NAME || '_guard_care';
BEGIN
    -- The same words under a fresh key (compliance/sql/reseal_rows.sql).
    IF TG_OP = 'UPDATE' THEN
        IF OLD.patient_id = neonpro.resealing_patient() THEN
            RETURN NEW;
        END IF;
    END IF;
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a stay in a care team is ended, not deleted'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.since := clock_timestamp();
        NEW.added_by_id := neonpro.current_user_id();
        IF NEW.until IS NOT NULL OR NEW.ended_by_id IS NOT NULL OR NEW.end_reason <> '' OR NEW.ended <> '' THEN
            RAISE EXCEPTION 'a stay in a care team begins open' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        IF NEW.began = 'colleague' AND (role IS DISTINCT FROM 'professional' OR NOT EXISTS (
            SELECT FROM public.care_team AS c
            WHERE c.clinic_id = NEW.clinic_id AND c.patient_id = NEW.patient_id AND c.until IS NULL
                AND c.professional_id = neonpro.current_professional()
        )) OR NEW.began = 'manager' AND role IS DISTINCT FROM 'manager' AND role IS DISTINCT FROM 'job' THEN
            RAISE EXCEPTION 'only the care team or a manager adds somebody to it'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        IF NEW.began = 'appointment' AND NOT EXISTS (
            SELECT FROM public.appointments AS a
            WHERE a.clinic_id = NEW.clinic_id AND a.id = NEW.appointment_id AND a.patient_id = NEW.patient_id
                AND a.professional_id = NEW.professional_id AND a.status NOT IN ('cancelled', 'no_show')
        ) THEN
            RAISE EXCEPTION 'no such appointment opens care' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.until IS NOT NULL OR NEW.until IS NULL
        OR (to_jsonb(NEW) - '{until,ended,ended_by_id,end_reason,updated_at}'::text[])
            IS DISTINCT FROM (to_jsonb(OLD) - '{until,ended,ended_by_id,end_reason,updated_at}'::text[])
    THEN
        RAISE EXCEPTION 'a stay in a care team can only be ended, once'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
    END IF;
    NEW.until := clock_timestamp();
    -- Only neonpro.follow_appointments, which is the owner's, ends one in an appointment's name.
    IF NOT (current_user = 'neonpro_owner' AND NEW.ended = 'appointment') THEN
        NEW.ended := CASE WHEN role = 'professional' THEN 'left' ELSE 'manager' END;
    END IF;
    NEW.ended_by_id := neonpro.current_user_id();
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_care() FROM PUBLIC;
