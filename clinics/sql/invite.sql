-- owner: neonpro_gate
-- The account behind an e-mail address, made if there is none yet (then nobody can sign in to it before setting a
-- password). The answer is the same either way: a clinic does not learn where else somebody works.
CREATE OR REPLACE FUNCTION neonpro.invite(address text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account uuid;
BEGIN
    IF neonpro.current_clinic_role() NOT IN ('manager', 'job') OR neonpro.current_clinic() IS NULL THEN
        RAISE EXCEPTION 'only a manager invites' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF address IS NULL OR trim(address) !~ '^[^@[:space:]]+@[^@[:space:]]+$' THEN
        RAISE EXCEPTION 'not an e-mail address' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.users (email, password, is_superuser)
    VALUES (lower(trim(address)), '!' || gen_random_uuid(), false)
    ON CONFLICT DO NOTHING;
    SELECT u.id INTO STRICT account FROM public.users AS u WHERE lower(u.email) = lower(trim(address));
    RETURN account;
END
$$;
REVOKE ALL ON FUNCTION neonpro.invite(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.invite(text) TO neonpro_app;
