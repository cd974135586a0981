-- What was applied stays written. One thing may be added later, once: that the patient was given the label.
CREATE OR REPLACE FUNCTION neonpro.keep_application() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.patient_label_given_at IS NULL
        AND to_jsonb(NEW) - '{patient_label_given_at,updated_at}'::text[]
            = to_jsonb(OLD) - '{patient_label_given_at,updated_at}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on %: rows are only ever added', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION neonpro.keep_application() FROM PUBLIC;
