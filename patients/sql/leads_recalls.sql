-- Whether the person who acts leads a recall: the manager and the DPO by their role, and of the professionals the one
-- who is the clinic's technical director.
CREATE OR REPLACE FUNCTION neonpro.leads_recalls() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL THEN
        RETURN false;
    END IF;
    IF who.role <> 'professional' THEN
        RETURN who.role IN ('manager', 'dpo');
    END IF;
    RETURN EXISTS (
        SELECT FROM public.clinics AS c
        JOIN public.professionals AS p ON p.clinic_id = c.id AND p.id = c.technical_director_id
        JOIN public.clinic_memberships AS m ON m.clinic_id = p.clinic_id AND m.id = p.membership_id
        WHERE c.id = who.clinic AND m.user_id = who.actor::uuid AND m.is_active
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.leads_recalls() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.leads_recalls() TO neonpro_app, neonpro_search;
