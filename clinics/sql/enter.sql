-- owner: neonpro_gate
-- Opens a clinic context for the rest of the transaction (or savepoint). The application hands in
-- fingerprint|kind|actor|clinic|request|mac, signed for this backend and this transaction; the role is never the
-- application's to say: it is the membership's, read here and now. Answers with the role and the sealed context,
-- or with no row when the user has no active membership of the clinic. Kinds:
--   user    a person; the role comes from clinic_memberships
--   job     a command or a scheduled job, by name; one clinic at a time, or none
--   signin  a request that nobody has signed in for yet; no clinic, sees accounts only
CREATE OR REPLACE FUNCTION neonpro.enter(token text) RETURNS TABLE (role text, sealed text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    part text[] := string_to_array(token, '|');
    message text;
BEGIN
    IF cardinality(part) IS DISTINCT FROM 6
        OR neonpro.context_mac(part[1], array_to_string(part[1:5], '|')) IS DISTINCT FROM part[6]
    THEN
        RAISE EXCEPTION 'invalid clinic context' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF part[2] = 'user' THEN
        SELECT m.role INTO role
        FROM public.clinic_memberships AS m
        JOIN public.users AS u ON u.id = m.user_id
        JOIN public.clinics AS c ON c.id = m.clinic_id
        WHERE m.user_id = part[3]::uuid AND m.clinic_id = nullif(part[4], '')::uuid
            AND m.is_active AND u.is_active AND c.is_active;
    ELSIF part[2] IN ('job', 'signin') THEN
        role := part[2];
    END IF;
    IF role IS NULL THEN
        RETURN;
    END IF;
    message := array_to_string(part[1:4] || role || part[5], '|');
    sealed := message || '|' || neonpro.context_mac(part[1], message);
    PERFORM set_config('neonpro.context', sealed, true);
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION neonpro.enter(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.enter(text) TO neonpro_app, neonpro_owner;
