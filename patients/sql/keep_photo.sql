-- A photograph in the record stays. One thing may be said later, once: that it was withdrawn, and why.
CREATE OR REPLACE FUNCTION neonpro.keep_photo() RETURNS trigger
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
    -- The columns one by one: as JSON a photograph would be written out in full.
    IF TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL
        AND (NEW.clinic_id, NEW.patient_id, NEW.application_id, NEW.appointment_id, NEW.moment, NEW.taken_at,
            NEW.caption, NEW.width, NEW.height, NEW.content, NEW.thumbnail)
        IS NOT DISTINCT FROM (OLD.clinic_id, OLD.patient_id, OLD.application_id, OLD.appointment_id, OLD.moment,
            OLD.taken_at, OLD.caption, OLD.width, OLD.height, OLD.content, OLD.thumbnail)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on %: rows are only ever added', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION neonpro.keep_photo() FROM PUBLIC;
