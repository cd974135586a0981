-- Whether whoever acts may book an encaixe, a deliberate overbooking: a manager, a job, and the members of reception and
-- professionals whom a manager has given it to. It reads the caller's own membership, which every role may see.
CREATE OR REPLACE FUNCTION neonpro.may_overbook() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(neonpro.current_clinic_role() IN ('manager', 'job'), false) OR EXISTS (
        SELECT FROM public.clinic_memberships AS m
        WHERE m.clinic_id = neonpro.current_clinic()
            AND m.user_id = neonpro.current_user_id()
            AND m.is_active AND m.may_overbook
            AND m.role IN ('reception', 'professional')
    )
$$;
REVOKE ALL ON FUNCTION neonpro.may_overbook() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.may_overbook() TO neonpro_app, neonpro_owner;
