-- A signature is of whoever wrote what is signed, on a day on which their licence counts (neonpro.has_licence): of an
-- entry that is final and not yet signed, or of a prescription that is being issued electronically, which only its own
-- transaction can still sign (neonpro.require_signature, and one signature each). Its patient is that one's. What the
-- stored file hashes to is the database's to say, so that a job can tell later whether it is still the same without
-- reading it.
CREATE OR REPLACE FUNCTION neonpro.guard_signature() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant text := TG_TABLE_NAME || '_guard_signature';
    own constant uuid := neonpro.current_professional();
    entry record;
BEGIN
    IF TG_TABLE_NAME = 'prescription_signatures' THEN
        SELECT p.patient_id, p.prescriber_id AS author_id, p.status = 'issued' AND p.is_electronic AS ready,
            p.issued_at AS since
        INTO entry
        FROM public.prescriptions AS p
        WHERE p.clinic_id = NEW.clinic_id AND p.id = NEW.prescription_id;
    ELSE
        SELECT r.patient_id, r.author_id, r.status = 'finalised' AS ready, r.finalised_at AS since INTO entry
        FROM public.medical_records AS r
        WHERE r.clinic_id = NEW.clinic_id AND r.id = NEW.record_id;
    END IF;
    IF own IS NULL OR NEW.signer_id IS DISTINCT FROM own OR entry.author_id IS DISTINCT FROM own THEN
        RAISE EXCEPTION 'only the author signs an entry' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
    END IF;
    IF entry.patient_id IS DISTINCT FROM NEW.patient_id THEN
        RAISE EXCEPTION 'a signature is of its entry''s patient' USING ERRCODE = 'check_violation', CONSTRAINT = here;
    END IF;
    IF entry.ready IS NOT TRUE THEN
        RAISE EXCEPTION 'a signature is of an entry that is final and not signed'
            USING ERRCODE = 'check_violation', CONSTRAINT = here;
    END IF;
    IF neonpro.has_licence(own) IS NOT TRUE THEN
        RAISE EXCEPTION 'signing needs an active licence, verified not too long ago'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
    END IF;
    -- The signature's own clock has whole seconds.
    IF NEW.signed_at < entry.since - interval '2 seconds' OR NEW.signed_at > clock_timestamp() + interval '5 minutes' THEN
        RAISE EXCEPTION 'a signature is made after its entry is final, and not in the future'
            USING ERRCODE = 'check_violation', CONSTRAINT = here;
    END IF;
    NEW.sealed_sha256 := encode(sha256(NEW.document), 'hex');
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_signature() FROM PUBLIC;
