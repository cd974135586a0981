-- The professional who acts: the active row of `professionals` that is linked with the membership of the context's user;
-- NULL for everybody else, jobs included. Somebody with two rows acts as the older one.
CREATE OR REPLACE FUNCTION neonpro.current_professional() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.id
    FROM public.clinic_memberships AS m
    JOIN public.professionals AS p ON p.clinic_id = m.clinic_id AND p.membership_id = m.id
    WHERE m.clinic_id = neonpro.current_clinic() AND m.user_id = neonpro.current_user_id()
        AND m.is_active AND p.is_active
    ORDER BY p.created_at, p.id
    LIMIT 1
$$;
REVOKE ALL ON FUNCTION neonpro.current_professional() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.current_professional() TO neonpro_app, neonpro_eraser;
