-- owner: neonpro_gate
-- The names of the clinic's team and professionals, present and past, by account and by professional, to a patient on the
-- page «Meus dados»: who accessed their data and who cared for them is told by name. Nobody else needs this, and no
-- address or role is told.
CREATE OR REPLACE FUNCTION neonpro.team_names() RETURNS TABLE (account uuid, display_name text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m.user_id, m.display_name
    FROM public.clinic_memberships AS m
    WHERE neonpro.current_patient() IS NOT NULL AND m.clinic_id = neonpro.current_clinic()
    UNION ALL
    SELECT p.id, p.full_name
    FROM public.professionals AS p
    WHERE neonpro.current_patient() IS NOT NULL AND p.clinic_id = neonpro.current_clinic()
$$;
REVOKE ALL ON FUNCTION neonpro.team_names() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.team_names() TO neonpro_app;
