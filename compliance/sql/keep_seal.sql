-- owner: neonpro_sealer
-- A seal is closed once and kept: no change after that, no deletion, and none left open at the end of a transaction.
CREATE OR REPLACE FUNCTION neonpro.keep_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        IF TG_OP = 'UPDATE' AND TG_LEVEL = 'ROW' THEN
            IF OLD.document IS NULL AND NEW.document IS NOT NULL
                AND to_jsonb(NEW) - '{document,digest}'::text[] = to_jsonb(OLD) - '{document,digest}'::text[]
            THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'a seal never changes' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'audit_seals_kept';
    END IF;
    IF EXISTS (
        SELECT FROM neonpro.audit_seals AS s
        WHERE s.clinic_id = NEW.clinic_id AND s.number = NEW.number AND s.document IS NULL
    ) THEN
        RAISE EXCEPTION 'a seal was left open' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_seals_closed';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.keep_seal() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.keep_seal() TO neonpro_owner;
