-- owner: neonpro_gate
-- The clinics in which an account is an active member: for the account itself (the clinic switcher) and while
-- signing in. Nobody else is told.
CREATE OR REPLACE FUNCTION neonpro.clinics_of(account uuid)
RETURNS TABLE (clinic_id uuid, clinic_name text, role text, time_zone text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.id, c.trade_name, m.role, c.time_zone
    FROM neonpro.context() AS who
    JOIN public.clinic_memberships AS m ON m.user_id = account AND m.is_active
    JOIN public.clinics AS c ON c.id = m.clinic_id AND c.is_active
    JOIN public.users AS u ON u.id = m.user_id AND u.is_active
    WHERE who.kind = 'signin' OR (who.kind = 'user' AND who.actor = account::text)
    ORDER BY c.trade_name, c.id
$$;
REVOKE ALL ON FUNCTION neonpro.clinics_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.clinics_of(uuid) TO neonpro_app, neonpro_owner;
