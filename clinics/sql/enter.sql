-- owner: neonpro_gate
-- Opens a clinic context for the rest of the transaction (or savepoint). The application hands in
-- fingerprint|kind|actor|clinic|request|mac, signed for this backend and this transaction; the role is never the
-- application's to say: it is the membership's, read here and now. Answers with the role and the sealed context,
-- or with no row when the user has no active membership of the clinic. Kinds:
--   user    a person; the role comes from clinic_memberships
--   job     a command or a scheduled job, by name; one clinic at a time, or none
--   signin  a request that nobody has signed in for yet; no clinic, sees accounts only
--   door    the page «Meus dados» of a clinic while nobody has signed in: finds whom somebody claims to be, and no more
--   patient a holder of data on that page. What is handed in is the hash of a session's secret; whose session it is, and
--           that it lasts, is read here and now, and each visit keeps it alive (15 minutes, one hour at most)
CREATE OR REPLACE FUNCTION neonpro.enter(token text) RETURNS TABLE (role text, sealed text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    part text[] := string_to_array(token, '|');
    message text;
    holder text;
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
    ELSIF part[2] = 'patient' THEN
        SELECT s.patient_id::text INTO holder
        FROM public.holder_sessions AS s
        JOIN public.clinics AS c ON c.id = s.clinic_id
        WHERE s.digest = part[3] AND s.clinic_id = nullif(part[4], '')::uuid AND c.is_active AND s.ended_at IS NULL
            AND s.created_at > now() - interval '1 hour' AND s.last_seen_at > now() - interval '15 minutes';
        IF holder IS NOT NULL THEN
            -- Once a minute is enough, and pages that come together do not wait for each other.
            UPDATE public.holder_sessions AS s SET last_seen_at = now()
            WHERE s.digest = part[3] AND s.clinic_id = part[4]::uuid AND s.last_seen_at < now() - interval '1 minute';
            part[3] := holder;
            role := 'patient';
        END IF;
    ELSIF part[2] = 'door' THEN
        SELECT 'door' INTO role FROM public.clinics AS c WHERE c.id = nullif(part[4], '')::uuid AND c.is_active;
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
