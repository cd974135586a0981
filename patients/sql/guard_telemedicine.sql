-- The life of a telemedicine session (CFM 2.314/2022, Lei 14.510/2022), for whoever asks:
--   planned -> running              by its professional, licensed today, with both identities, both places, and the
--                                   telemedicine term in force; in an emergency with a reason instead, but never after the
--                                   patient refused or withdrew
--   running -> ended                by its professional
--   planned, running -> refused     by the patient (whoever is told writes it down) or by its professional
--   planned, running -> converted   to a visit in person, by its professional; before the start by the front desk too
--   planned -> cancelled
-- Recording wants a consent of its own while it lasts, and so does sharing. Times and consents are written here.
-- The consents are the floor above's: neonpro.consent_now, which makes a withdrawal at the same moment wait.
CREATE OR REPLACE FUNCTION neonpro.guard_telemedicine() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant text := 'telemedicine_sessions_';
    acting constant text := neonpro.current_clinic_role();
    own constant boolean := coalesce(
        (CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END).professional_id = neonpro.current_professional(), false
    );
    clock constant timestamptz := clock_timestamp();
    term record;
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
        RAISE EXCEPTION 'a session is kept' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'kept';
    END IF;
    IF NEW.clinic_id IS DISTINCT FROM neonpro.current_clinic() THEN
        -- The row policies refuse it, and say nothing of what is there.
        RETURN NEW;
    END IF;
    IF NEW.appointment_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.appointments AS a
        WHERE a.clinic_id = NEW.clinic_id AND a.id = NEW.appointment_id AND a.patient_id = NEW.patient_id
    ) THEN
        RAISE EXCEPTION 'the appointment is of another patient'
            USING ERRCODE = 'check_violation', CONSTRAINT = here || 'own_appointment';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'planned' THEN
            RAISE EXCEPTION 'a session begins as planned' USING ERRCODE = 'check_violation', CONSTRAINT = here || 'begins';
        END IF;
        NEW.consent := NULL;
        NEW.started_at := NULL;
        NEW.ended_at := NULL;
        NEW.recording_started_at := NULL;
        NEW.recording_stopped_at := NULL;
        NEW.recording_consent := NULL;
        NEW.sharing_consent := NULL;
        NEW.record := NULL;
        RETURN NEW;
    END IF;
    IF OLD.status NOT IN ('planned', 'running') THEN
        -- What is over is over. What may follow: its entry in the record, and the visit in person.
        IF NEW.status <> OLD.status
            OR to_jsonb(NEW) - '{record,in_person_appointment_id,updated_at}'::text[]
                IS DISTINCT FROM to_jsonb(OLD) - '{record,in_person_appointment_id,updated_at}'::text[]
            OR (OLD.in_person_appointment_id IS NOT NULL
                AND NEW.in_person_appointment_id IS DISTINCT FROM OLD.in_person_appointment_id)
            OR (NEW.in_person_appointment_id IS NOT NULL AND OLD.status NOT IN ('refused', 'converted'))
        THEN
            RAISE EXCEPTION 'a session that is over never changes'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'over';
        END IF;
    END IF;
    IF NEW.record IS DISTINCT FROM OLD.record THEN
        IF NOT own OR OLD.started_at IS NULL AND NEW.status <> 'running'
            OR EXISTS (SELECT FROM public.medical_records AS r WHERE r.clinic_id = OLD.clinic_id AND r.id = OLD.record)
            OR NOT EXISTS (
                SELECT FROM public.medical_records AS r
                WHERE r.clinic_id = NEW.clinic_id AND r.id = NEW.record AND r.patient_id = NEW.patient_id
            )
        THEN
            RAISE EXCEPTION 'the entry of a session is one of its patient, and stays'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'own_record';
        END IF;
    END IF;
    -- The database's own columns: nobody types them.
    NEW.consent := OLD.consent;
    NEW.started_at := OLD.started_at;
    NEW.ended_at := OLD.ended_at;
    NEW.refused_at := OLD.refused_at;
    NEW.converted_to_in_person_at := OLD.converted_to_in_person_at;
    NEW.recording_consent := OLD.recording_consent;
    NEW.sharing_consent := OLD.sharing_consent;
    IF OLD.status <> 'planned' AND (
        NEW.professional_id <> OLD.professional_id OR NEW.modality <> OLD.modality
        OR NEW.appointment_id IS DISTINCT FROM OLD.appointment_id OR NEW.emergency <> OLD.emergency
        OR NEW.emergency_reason <> OLD.emergency_reason OR NEW.patient_identity <> OLD.patient_identity
        OR NEW.professional_identified <> OLD.professional_identified OR NEW.patient_location <> OLD.patient_location
        OR NEW.professional_location <> OLD.professional_location OR NEW.overdue_reason <> OLD.overdue_reason
        OR NEW.in_person_overdue <> OLD.in_person_overdue
    ) THEN
        RAISE EXCEPTION 'how a session began never changes'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'beginning_stays';
    END IF;
    IF NEW.status = 'running' AND OLD.status = 'planned' THEN
        IF NOT own THEN
            RAISE EXCEPTION 'a session is started by its professional'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'own_start';
        END IF;
        IF NOT neonpro.has_licence(NEW.professional_id) THEN
            RAISE EXCEPTION 'the professional has no verified licence today'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'licence';
        END IF;
        IF NEW.patient_identity = '' OR NOT NEW.professional_identified OR octet_length(NEW.patient_location) = 0
            OR NEW.professional_location = ''
        THEN
            RAISE EXCEPTION 'identities and places come first'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'identities';
        END IF;
        IF NEW.in_person_overdue AND octet_length(NEW.overdue_reason) = 0 THEN
            RAISE EXCEPTION 'going on without a visit in person wants a reason'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'overdue';
        END IF;
        SELECT * INTO term FROM neonpro.consent_now(NEW.patient_id, 'telemedicine');
        IF term.state = 'granted' THEN
            NEW.consent := term.record;
        ELSIF term.state IN ('refused', 'withdrawn') THEN
            RAISE EXCEPTION 'the patient refused care at a distance'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'patient_refused';
        ELSIF NOT NEW.emergency OR octet_length(NEW.emergency_reason) = 0 THEN
            RAISE EXCEPTION 'no session without the telemedicine term'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'consent';
        END IF;
        NEW.started_at := clock;
    ELSIF NEW.status = 'ended' AND OLD.status = 'running' THEN
        IF NOT own THEN
            RAISE EXCEPTION 'a session is ended by its professional'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'own_end';
        END IF;
        NEW.ended_at := clock;
    ELSIF NEW.status = 'refused' AND OLD.status IN ('planned', 'running') THEN
        IF NEW.refused_by = 'PROFESSIONAL' AND NOT own THEN
            RAISE EXCEPTION 'only its professional refuses in the professional''s name'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'own_refusal';
        END IF;
        NEW.refused_at := clock;
        NEW.ended_at := CASE WHEN OLD.status = 'running' THEN clock END;
    ELSIF NEW.status = 'converted' AND OLD.status IN ('planned', 'running') THEN
        IF NOT own AND (OLD.status = 'running' OR acting NOT IN ('manager', 'reception')) THEN
            RAISE EXCEPTION 'a running session is changed by its professional'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here || 'own_change';
        END IF;
        NEW.converted_to_in_person_at := clock;
        NEW.ended_at := CASE WHEN OLD.status = 'running' THEN clock END;
    ELSIF NEW.status = 'cancelled' AND OLD.status = 'planned' THEN
        NULL;
    ELSIF NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'a session does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = here || 'steps';
    END IF;
    IF NEW.recording_started_at IS DISTINCT FROM OLD.recording_started_at THEN
        IF OLD.recording_started_at IS NOT NULL OR OLD.status <> 'running' OR NEW.status <> 'running' OR NOT own THEN
            RAISE EXCEPTION 'a recording begins once, while the session runs'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'recording';
        END IF;
        SELECT * INTO term FROM neonpro.consent_now(NEW.patient_id, 'telemedicine_recording');
        IF term.state IS DISTINCT FROM 'granted' THEN
            RAISE EXCEPTION 'no recording without its own consent'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'recording_consent';
        END IF;
        NEW.recording_consent := term.record;
        NEW.recording_started_at := clock;
    END IF;
    IF OLD.recording_stopped_at IS NOT NULL THEN
        NEW.recording_stopped_at := OLD.recording_stopped_at;
    ELSIF OLD.recording_started_at IS NOT NULL
        AND (NEW.recording_stopped_at IS NOT NULL OR NEW.status <> 'running')
    THEN
        NEW.recording_stopped_at := CASE WHEN OLD.status = 'running' THEN clock ELSE OLD.recording_stopped_at END;
    ELSE
        NEW.recording_stopped_at := NULL;
    END IF;
    IF NEW.shared_with <> OLD.shared_with AND octet_length(NEW.shared_with) > 0 THEN
        SELECT * INTO term FROM neonpro.consent_now(NEW.patient_id, 'telemedicine_sharing');
        IF NOT own OR term.state IS DISTINCT FROM 'granted' THEN
            RAISE EXCEPTION 'no sharing without its own consent'
                USING ERRCODE = 'check_violation', CONSTRAINT = here || 'sharing_consent';
        END IF;
        NEW.sharing_consent := term.record;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_telemedicine() FROM PUBLIC;
