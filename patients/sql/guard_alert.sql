-- An alert is added and ended, never rewritten: what was known on a day stays readable. The database says who and when.
CREATE OR REPLACE FUNCTION neonpro.guard_alert() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own constant uuid := neonpro.current_professional();
    here constant text := TG_TABLE_NAME || '_guard_alert';
BEGIN
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF own IS NULL OR NEW.ended_at IS NOT NULL OR NEW.ended_by_id IS NOT NULL THEN
            RAISE EXCEPTION 'an alert is noted by a professional, and holds' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        NEW.noted_by_id := own;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR own IS NULL OR OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
        OR to_jsonb(NEW) - '{ended_at,ended_by_id,updated_at}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{ended_at,ended_by_id,updated_at}'::text[]
    THEN
        RAISE EXCEPTION 'an alert can only be ended, once' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
    END IF;
    NEW.ended_at := clock_timestamp();
    NEW.ended_by_id := own;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_alert() FROM PUBLIC;
