-- A BEFORE trigger of appointments. The state of an appointment changes only to one that may follow it
-- (patients.models.LAWFUL is the same list), whoever writes; a new one may be in any: what was not written down when it
-- happened, and what is imported. An encaixe is for whom it is allowed, also when it is moved. The application names the
-- rule that refused by its constraint.
CREATE OR REPLACE FUNCTION neonpro.appointment_flow() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status <> OLD.status THEN
        IF NOT (CASE OLD.status
            WHEN 'scheduled' THEN NEW.status IN ('confirmed', 'arrived', 'cancelled', 'no_show')
            WHEN 'confirmed' THEN NEW.status IN ('scheduled', 'arrived', 'cancelled', 'no_show')
            WHEN 'arrived' THEN NEW.status IN ('scheduled', 'confirmed', 'in_care', 'cancelled')
            WHEN 'in_care' THEN NEW.status IN ('arrived', 'completed')
            WHEN 'completed' THEN NEW.status = 'in_care'
            WHEN 'cancelled' THEN NEW.status IN ('scheduled', 'confirmed')
            WHEN 'no_show' THEN NEW.status IN ('scheduled', 'confirmed', 'arrived')
            ELSE false
        END)
        THEN
            RAISE EXCEPTION 'an appointment that is % does not become %', OLD.status, NEW.status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_status_flow';
        END IF;
        NEW.status_at := clock_timestamp();
    ELSIF TG_OP = 'UPDATE' THEN
        NEW.status_at := OLD.status_at;
    END IF;
    IF NEW.overbooked THEN
        IF TG_OP = 'INSERT'
            OR NOT OLD.overbooked
            OR (NEW.starts_at, NEW.ends_at, NEW.professional_id, NEW.day)
                IS DISTINCT FROM (OLD.starts_at, OLD.ends_at, OLD.professional_id, OLD.day)
        THEN
            IF NOT neonpro.may_overbook() THEN
                RAISE EXCEPTION 'this person may not overbook'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_overbooking_allowed';
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.appointment_flow() FROM PUBLIC;
