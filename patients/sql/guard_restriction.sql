-- Only the DPO closes a patient's data to everybody else, or opens them again (LGPD art. 18, IV).
CREATE OR REPLACE FUNCTION neonpro.guard_restriction() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.restricted_at IS DISTINCT FROM (CASE TG_OP WHEN 'UPDATE' THEN OLD.restricted_at END)
        AND neonpro.current_clinic_role() IS DISTINCT FROM 'dpo'
    THEN
        RAISE EXCEPTION 'only the DPO restricts a patient'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'patients_guard_restriction';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_restriction() FROM PUBLIC;
