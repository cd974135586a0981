-- A cancellation is of a prescription that was issued, of the same patient, by whoever acts; it is never taken back.
CREATE OR REPLACE FUNCTION neonpro.guard_prescription_cancellation() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a cancellation is never changed or taken back'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescription_cancellations_final';
    END IF;
    IF NEW.cancelled_by_id IS DISTINCT FROM neonpro.current_professional() THEN
        RAISE EXCEPTION 'a cancellation is by the acting professional'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescription_cancellations_own';
    END IF;
    PERFORM FROM public.prescriptions AS p
    WHERE p.clinic_id = NEW.clinic_id AND p.id = NEW.prescription_id AND p.patient_id = NEW.patient_id
        AND p.status = 'issued';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only an issued prescription is cancelled'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescription_cancellations_issued';
    END IF;
    NEW.cancelled_at := clock_timestamp();
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_prescription_cancellation() FROM PUBLIC;
