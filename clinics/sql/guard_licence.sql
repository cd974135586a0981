-- A verification is of one licence, by one person. A BEFORE trigger of professionals; the application names the rule
-- that refused by its constraint (clinics.models.LICENCE_RULES).
--   Another council, number, state, region or category is another licence: what was verified of the old one is gone.
--   A licence turns active by a new verification alone, not by a change of its status.
--   Who verified is who writes: nobody verifies in somebody else's name.
CREATE OR REPLACE FUNCTION neonpro.guard_licence() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verified_anew boolean := NEW.verified_at IS NOT NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        verified_anew := verified_anew AND NEW.verified_at IS DISTINCT FROM OLD.verified_at;
        IF NOT verified_anew AND OLD.status <> 'unverified' AND
            (NEW.council, NEW.council_number, NEW.council_uf, NEW.council_region, NEW.council_category)
            IS DISTINCT FROM
            (OLD.council, OLD.council_number, OLD.council_uf, OLD.council_region, OLD.council_category)
        THEN
            NEW.status := 'unverified';
            NEW.verified_at := NULL;
            NEW.verification_method := '';
            NEW.verification_source := '';
            NEW.recheck_on := NULL;
            NEW.valid_until := NULL;
        ELSIF NOT verified_anew AND NEW.status = 'active' AND (
            OLD.status <> 'active' OR NEW.recheck_on > OLD.recheck_on OR (NEW.recheck_on IS NOT NULL AND OLD.recheck_on IS NULL)
            OR NEW.valid_until > OLD.valid_until OR (NEW.valid_until IS NULL AND OLD.valid_until IS NOT NULL)
        ) THEN
            RAISE EXCEPTION 'a licence becomes active, or stays so for longer, by being verified'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'professionals_verified_anew';
        END IF;
    END IF;
    IF NEW.verified_at IS NULL THEN
        NEW.verified_by_id := NULL;
    ELSIF verified_anew THEN
        SELECT m.id INTO NEW.verified_by_id
        FROM public.clinic_memberships AS m
        WHERE m.clinic_id = NEW.clinic_id AND m.user_id = neonpro.current_user_id();
    ELSE
        NEW.verified_by_id := OLD.verified_by_id;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_licence() FROM PUBLIC;
