-- Items are added to, changed in, moved between and taken out of drafts of one patient by their prescriber; once a
-- prescription is issued its items stay as they are. The draft is locked: it cannot be issued at the same moment.
CREATE OR REPLACE FUNCTION neonpro.guard_prescription_item() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own constant uuid := neonpro.current_professional();
BEGIN
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM FROM public.prescriptions AS p
        WHERE p.clinic_id = OLD.clinic_id AND p.id = OLD.prescription_id AND p.status = 'draft'
            AND p.prescriber_id = own
        FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the items of an issued prescription never change'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescription_items_issued';
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
    END IF;
    PERFORM FROM public.prescriptions AS p
    WHERE p.clinic_id = NEW.clinic_id AND p.id = NEW.prescription_id AND p.status = 'draft'
        AND p.prescriber_id = own AND p.patient_id = NEW.patient_id
    FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an item belongs to a draft of the same patient and of the acting prescriber'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescription_items_draft';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_prescription_item() FROM PUBLIC;
