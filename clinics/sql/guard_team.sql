-- Two rules of a clinic's team that hold whoever writes: nobody changes their own role or ends their own access, and a
-- clinic never loses its last active manager. An AFTER trigger of clinic_memberships; the application names the rule
-- that refused by its constraint (clinics.models.TEAM_RULES).
CREATE OR REPLACE FUNCTION neonpro.guard_team() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.user_id = neonpro.current_user_id()
        AND (TG_OP = 'DELETE' OR (NEW.role, NEW.is_active) IS DISTINCT FROM (OLD.role, OLD.is_active))
    THEN
        RAISE EXCEPTION 'nobody changes their own role'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'clinic_memberships_not_own_role';
    END IF;
    IF OLD.role = 'manager' AND OLD.is_active THEN
        -- Two managers who end each other's access at the same moment: the second waits here, then sees one manager.
        PERFORM pg_advisory_xact_lock(hashtextextended('neonpro.team:' || OLD.clinic_id, 0));
        IF NOT EXISTS (
            SELECT FROM public.clinic_memberships AS m
            WHERE m.clinic_id = OLD.clinic_id AND m.role = 'manager' AND m.is_active
        ) THEN
            RAISE EXCEPTION 'a clinic keeps a manager'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'clinic_memberships_keep_manager';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_team() FROM PUBLIC;
