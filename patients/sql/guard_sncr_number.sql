-- A number that SNCR gave: recorded by the person it was given to, used once, for one document, and then never again.
CREATE OR REPLACE FUNCTION neonpro.guard_sncr_number() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a number of SNCR is never deleted'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'sncr_numbers_guard';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.used_for IS NOT NULL OR NEW.user_id IS DISTINCT FROM neonpro.current_user_id() THEN
            RAISE EXCEPTION 'a number of SNCR is recorded unused, by the person it was given to'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'sncr_numbers_guard';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.used_for IS NOT NULL OR NEW.used_for IS NULL
        OR to_jsonb(NEW) - '{used_for,used_in,used_at,updated_at}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{used_for,used_in,used_at,updated_at}'::text[]
    THEN
        RAISE EXCEPTION 'a number of SNCR is used once'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'sncr_numbers_guard';
    END IF;
    NEW.used_in := neonpro.current_clinic();
    NEW.used_at := clock_timestamp();
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_sncr_number() FROM PUBLIC;
