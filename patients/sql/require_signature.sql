-- An electronic prescription without its signature does not outlive the transaction that issues it: this runs when the
-- transaction ends, with whatever context there is then. Who sees no signature then is refused, whatever the reason.
-- A signature never changes, goes or comes later (guard_signature, refuse_change), so what passes here stays true.
CREATE OR REPLACE FUNCTION neonpro.require_signature() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.is_electronic AND NOT EXISTS (
        SELECT FROM public.prescription_signatures AS s
        WHERE s.clinic_id = NEW.clinic_id AND s.prescription_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'without its signature a prescription is not electronic'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_signed';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.require_signature() FROM PUBLIC;
