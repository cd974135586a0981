-- A kept signature makes its entry a signed one, in the same statement: whatever writes the one has written the other.
CREATE OR REPLACE FUNCTION neonpro.mark_signed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public.medical_records SET status = 'signed' WHERE clinic_id = NEW.clinic_id AND id = NEW.record_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the entry is not open to its signer any more'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = TG_TABLE_NAME || '_mark_signed';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.mark_signed() FROM PUBLIC;
