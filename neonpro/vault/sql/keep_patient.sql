-- A value is bound to its record and its patient: under another patient it would never open again. So the patient of a
-- record never changes (and neither does its id: neonpro.touch_updated_at).
CREATE OR REPLACE FUNCTION neonpro.keep_patient() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.patient_id <> OLD.patient_id THEN
        RAISE EXCEPTION 'the patient of a record never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_keep_patient';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.keep_patient() FROM PUBLIC;
