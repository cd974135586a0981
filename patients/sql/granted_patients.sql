-- Which patients somebody opened to the reader clinically (resource_permissions: view_patient, by share or break_glass), for
-- as long as it lasts. To write, a mere view is not enough: an emergency (break_glass) or change_patient. For professionals
-- only, whatever rows there are: reception, managers, auditors, the DPO and jobs have no clinical reading.
-- The clock is asked, not the transaction: what ends at noon is closed at noon, also in a session that began before.
CREATE OR REPLACE FUNCTION neonpro.granted_patients(to_write boolean) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    clock constant timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.role IS DISTINCT FROM 'professional' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT g.object_pk::uuid
    FROM public.resource_permissions AS g
    JOIN public.django_content_type AS t ON t.id = g.content_type_id AND t.app_label = 'patients' AND t.model = 'patient'
    JOIN public.auth_permission AS p ON p.id = g.permission_id AND p.content_type_id = t.id
    WHERE g.clinic_id = who.clinic AND g.user_id = who.actor::uuid
        AND (g.expires_at IS NULL OR g.expires_at > clock)
        AND CASE
            WHEN to_write THEN p.codename = 'change_patient' OR (p.codename = 'view_patient' AND g.kind = 'break_glass')
            ELSE p.codename = 'view_patient'
        END
        AND g.object_pk ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
END
$$;
REVOKE ALL ON FUNCTION neonpro.granted_patients(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.granted_patients(boolean) TO neonpro_app;
