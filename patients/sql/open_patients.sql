-- Which patients are open to the reader clinically, now: the one answer that all row policies of clinical tables and the
-- keys of clinical data go by. A patient is open to a professional
--   who is in the patient's care team (care_team, not ended), or
--   to whom somebody opened the record (resource_permissions: view_patient, by share or break_glass, not over yet).
-- To write, a mere view is not enough: the care team, an emergency (break_glass) or change_patient.
-- Nobody else, whatever rows there are: reception, managers, auditors, the DPO and jobs have no clinical reading.
--   among     only these patients (NULL: all)
--   to_write  who may write about them
-- The clock is asked, not the transaction: what ends at noon is closed at noon, also in a session that began before.
CREATE OR REPLACE FUNCTION neonpro.open_patients(among uuid[], to_write boolean) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS 500
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    own constant uuid := neonpro.current_professional();
    clock constant timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.role IS DISTINCT FROM 'professional' THEN
        RETURN;
    END IF;
    IF own IS NOT NULL THEN
        IF among IS NULL THEN
            RETURN QUERY
            SELECT c.patient_id FROM public.care_team AS c
            WHERE c.clinic_id = who.clinic AND c.professional_id = own AND c.until IS NULL;
        ELSE
            RETURN QUERY
            SELECT c.patient_id FROM public.care_team AS c
            WHERE c.clinic_id = who.clinic AND c.professional_id = own AND c.until IS NULL
                AND c.patient_id = ANY (among);
        END IF;
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
        AND g.object_pk ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        AND (among IS NULL OR g.object_pk = ANY (among::text[]));
END
$$;
REVOKE ALL ON FUNCTION neonpro.open_patients(uuid[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.open_patients(uuid[], boolean) TO neonpro_app;
