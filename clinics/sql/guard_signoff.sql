-- A sign-off of disputed procedures is the technical director's own act, and does not change afterwards: it ends. A BEFORE
-- trigger of scope_signoffs; the application names the rule that refused by its constraint (SIGN_OFF_RULES).
CREATE OR REPLACE FUNCTION neonpro.guard_signoff() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    director uuid;
BEGIN
    SELECT p.id INTO director
    FROM public.clinics AS c
    JOIN public.professionals AS p ON p.clinic_id = c.id AND p.id = c.technical_director_id
    JOIN public.clinic_memberships AS m ON m.clinic_id = p.clinic_id AND m.id = p.membership_id
    WHERE c.id = NEW.clinic_id AND m.user_id = neonpro.current_user_id();
    IF TG_OP = 'INSERT' THEN
        IF director IS NULL THEN
            RAISE EXCEPTION 'only the technical director signs off'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'scope_signoffs_director_only';
        END IF;
        IF NOT neonpro.has_licence(director) THEN
            RAISE EXCEPTION 'the technical director has no licence that was verified lately'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'scope_signoffs_director_licence';
        END IF;
        IF NEW.until < (SELECT (now() AT TIME ZONE c.time_zone)::date FROM public.clinics AS c WHERE c.id = NEW.clinic_id)
        THEN
            RAISE EXCEPTION 'this sign-off would be over already'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'scope_signoffs_days';
        END IF;
        NEW.director_id := director;
        NEW.signed_at := now();
        NEW.ended_at := NULL;
        RETURN NEW;
    END IF;
    IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR
        to_jsonb(NEW) - '{ended_at,updated_at}'::text[] <> to_jsonb(OLD) - '{ended_at,updated_at}'::text[]
    THEN
        RAISE EXCEPTION 'a sign-off does not change, it ends'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scope_signoffs_kept';
    END IF;
    IF director IS NULL AND neonpro.current_clinic_role() IS DISTINCT FROM 'manager' THEN
        RAISE EXCEPTION 'only the technical director or a manager ends a sign-off'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scope_signoffs_end';
    END IF;
    NEW.ended_at := now();
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_signoff() FROM PUBLIC;
