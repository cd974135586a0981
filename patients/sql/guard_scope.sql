-- Nobody performs what the clinic's matrix does not allow them (neonpro.scope_refusal). A BEFORE trigger of appointments,
-- after those that set the day and judge the state. Booking is not refused, it is warned about: the sign-off may come, or
-- somebody else take over. Care that begins or is completed is. What an import brings happened elsewhere, and is a fact.
CREATE OR REPLACE FUNCTION neonpro.guard_scope() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refusal text;
BEGIN
    IF NEW.status NOT IN ('in_care', 'completed') OR NEW.professional_id IS NULL OR NEW.service_id IS NULL
        OR (TG_OP = 'INSERT' AND NEW.source <> '')
    THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.status IN ('in_care', 'completed')
            AND (NEW.professional_id, NEW.service_id, NEW.day)
                IS NOT DISTINCT FROM (OLD.professional_id, OLD.service_id, OLD.day)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    refusal := neonpro.scope_refusal(NEW.professional_id, NEW.service_id, NEW.day);
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION 'outside the scope of practice: %', refusal
            USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_scope_' || refusal;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_scope() FROM PUBLIC;
