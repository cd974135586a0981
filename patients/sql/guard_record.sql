-- The life of an entry in a medical record: draft -> finalised -> signed, and nothing else, for whoever asks.
--   INSERT   only a draft, of the acting professional; an addendum names a finalised original of the same patient
--   UPDATE   a draft by its author; draft -> finalised changes nothing that was written, and writes down who wrote it
--            (from the author's row in `professionals`, then never looked up again), when, and the clinic's time zone;
--            finalised -> signed changes that one word, once a signature is kept (neonpro.record_signed)
--   DELETE   only a draft
-- (CFM 1.638/2002: dated and timed entries with their author. NGS1: a correction adds, it never overwrites.)
CREATE OR REPLACE FUNCTION neonpro.guard_record() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What the database alone writes.
    kept constant text[] := '{status,finalised_at,time_zone,author_name,author_council,author_number,author_uf,author_region,author_category,author_rqe,author_role,revision,updated_at}';
    here constant text := TG_TABLE_NAME || '_guard_record';
    own constant uuid := neonpro.current_professional();
    author record;
BEGIN
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'a finalised entry is never deleted' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF own IS NULL OR NEW.author_id IS DISTINCT FROM own THEN
            RAISE EXCEPTION 'an entry is its author''s' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'an entry begins as a draft' USING ERRCODE = 'check_violation', CONSTRAINT = here;
        END IF;
        IF NEW.amends_id IS NOT NULL THEN
            IF NOT EXISTS (
                SELECT FROM public.medical_records AS r
                WHERE r.clinic_id = NEW.clinic_id AND r.id = NEW.amends_id AND r.patient_id = NEW.patient_id
                    AND r.status <> 'draft' AND r.amends_id IS NULL
            ) THEN
                RAISE EXCEPTION 'an addendum corrects a finalised entry of the same patient'
                    USING ERRCODE = 'check_violation', CONSTRAINT = here;
            END IF;
            IF octet_length(NEW.amend_reason) = 0 THEN
                RAISE EXCEPTION 'an addendum gives its reason' USING ERRCODE = 'check_violation', CONSTRAINT = here;
            END IF;
        END IF;
        NEW.revision := 0;
        NEW.finalised_at := NULL;
        NEW.time_zone := '';
        NEW.author_name := '';
        NEW.author_council := '';
        NEW.author_number := '';
        NEW.author_uf := '';
        NEW.author_region := NULL;
        NEW.author_category := '';
        NEW.author_rqe := '';
        NEW.author_role := '';
        RETURN NEW;
    END IF;
    IF OLD.status = 'draft' THEN
        IF own IS NULL OR OLD.author_id <> own THEN
            RAISE EXCEPTION 'a draft is its author''s' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        IF NEW.author_id <> OLD.author_id OR NEW.amends_id IS DISTINCT FROM OLD.amends_id
            OR (NEW.amends_id IS NOT NULL AND octet_length(NEW.amend_reason) = 0)
        THEN
            RAISE EXCEPTION 'author and original of a draft never change' USING ERRCODE = 'check_violation', CONSTRAINT = here;
        END IF;
        IF NEW.status = 'draft' THEN
            NEW.revision := OLD.revision + 1;
            RETURN NEW;
        END IF;
        IF NEW.status <> 'finalised' OR to_jsonb(NEW) - kept IS DISTINCT FROM to_jsonb(OLD) - kept THEN
            RAISE EXCEPTION 'what is finalised is the draft as it was saved' USING ERRCODE = 'check_violation', CONSTRAINT = here;
        END IF;
        IF NEW.content IS NULL OR NEW.occurred_at > clock_timestamp() THEN
            RAISE EXCEPTION 'an empty entry, or one of what is yet to happen, cannot be finalised'
                USING ERRCODE = 'check_violation', CONSTRAINT = here;
        END IF;
        SELECT * INTO STRICT author FROM public.professionals AS p WHERE p.clinic_id = OLD.clinic_id AND p.id = own;
        NEW.revision := OLD.revision;
        NEW.finalised_at := clock_timestamp();
        SELECT c.time_zone INTO STRICT NEW.time_zone FROM public.clinics AS c WHERE c.id = OLD.clinic_id;
        NEW.author_name := author.full_name;
        NEW.author_council := author.council;
        NEW.author_number := author.council_number;
        NEW.author_uf := author.council_uf;
        NEW.author_region := author.council_region;
        NEW.author_category := author.council_category;
        NEW.author_rqe := author.rqe;
        NEW.author_role := author.specialty;
        RETURN NEW;
    END IF;
    IF OLD.status = 'finalised' AND NEW.status = 'signed'
        AND to_jsonb(NEW) - '{status,updated_at}'::text[] = to_jsonb(OLD) - '{status,updated_at}'::text[]
        AND neonpro.record_signed(OLD.clinic_id, OLD.id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a finalised entry never changes: write an addendum' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_record() FROM PUBLIC;
