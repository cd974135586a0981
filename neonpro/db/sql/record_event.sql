-- Writes what happened but changed no row (a sign-in, an export, a print) into the audit log. The actor is the
-- context's and cannot be given. An event at the door names the account, and each clinic in which it is an active member
-- gets a row of its own, with the account's role there: the clinics do not learn of each other. One that belongs to no
-- clinic goes to the platform.
CREATE OR REPLACE FUNCTION neonpro.record_event(event text, account uuid, detail jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    at_the_door constant boolean := event IN ('LOGIN', 'LOGIN_FAILED', 'LOGOUT');
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.kind IS NULL THEN
        RAISE EXCEPTION 'no clinic context' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF event NOT IN ('LOGIN', 'LOGIN_FAILED', 'LOGOUT', 'CLINIC_ENTERED', 'EXPORT', 'PRINT', 'DENIED', 'IMPORT', 'KEYS_ROTATED')
    THEN
        RAISE EXCEPTION 'unknown event' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, record_id, actor_kind, actor, role, request_id, changes
    )
    SELECT
        place.clinic_id, event, CASE WHEN account IS NULL THEN '' ELSE 'users' END, account,
        who.kind, coalesce(nullif(who.actor, ''), account::text, ''), place.role, who.request, detail
    FROM (
        SELECT who.clinic AS clinic_id, who.role AS role WHERE who.clinic IS NOT NULL
        UNION ALL
        SELECT c.clinic_id, CASE WHEN who.kind = 'user' THEN c.role ELSE who.role END
        FROM neonpro.clinics_of(account) AS c
        WHERE at_the_door AND c.clinic_id IS DISTINCT FROM who.clinic
        UNION ALL
        SELECT '00000000-0000-0000-0000-000000000000', who.role
        WHERE who.clinic IS NULL AND NOT (at_the_door AND EXISTS (SELECT FROM neonpro.clinics_of(account)))
    ) AS place;
END
$$;
REVOKE ALL ON FUNCTION neonpro.record_event(text, uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.record_event(text, uuid, jsonb) TO neonpro_app, neonpro_owner;
