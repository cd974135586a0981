-- The life of a prescription: a draft of its prescriber, then issued, then never touched again, whoever asks.
--   INSERT   only a draft, of the acting professional
--   UPDATE   a draft by its prescriber; draft -> issued changes nothing that was written, on the clinic's own day, by
--            somebody with a licence, with items that all go on this document and no other (substances.kinds: what is
--            proscribed goes on none), and with a number of SNCR that is the prescriber's and was taken for this document
--            and with the patient's CPF or passport and the CID that it must say; how much of what for how long is
--            encrypted, and so the workflow's to refuse
--   DELETE   only a draft
-- That nothing controlled is electronic without a number is a CHECK of the table.
CREATE OR REPLACE FUNCTION neonpro.guard_prescription() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    issuing constant text[] :=
        '{status,kind,is_electronic,sncr_number,issued_on,issued_at,valid_until,content,updated_at}';
    own constant uuid := neonpro.current_professional();
    today date;
BEGIN
    -- An approved erasure takes a patient's rows away (compliance/sql/begin_erasure.sql).
    IF TG_OP = 'DELETE' THEN
        IF OLD.patient_id = neonpro.erasing_patient() THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF own IS NULL OR NEW.prescriber_id IS DISTINCT FROM own THEN
            RAISE EXCEPTION 'a prescription is its prescriber''s'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescriptions_own';
        END IF;
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'a prescription begins as a draft'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_begins';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'an issued prescription never changes'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescriptions_issued';
    END IF;
    IF own IS NULL OR OLD.prescriber_id <> own THEN
        RAISE EXCEPTION 'a prescription is its prescriber''s'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescriptions_own';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.status = 'draft' THEN
        IF NEW.prescriber_id <> OLD.prescriber_id OR NEW.renews_id IS DISTINCT FROM OLD.renews_id
            OR NEW.batch <> OLD.batch
        THEN
            RAISE EXCEPTION 'prescriber and origin of a draft never change'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_origin';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.status <> 'issued' OR to_jsonb(NEW) - issuing IS DISTINCT FROM to_jsonb(OLD) - issuing THEN
        RAISE EXCEPTION 'what is issued is the draft as it was saved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_as_saved';
    END IF;
    IF NOT neonpro.has_licence(own) THEN
        RAISE EXCEPTION 'without a valid licence nobody prescribes'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'prescriptions_licence';
    END IF;
    SELECT (clock_timestamp() AT TIME ZONE c.time_zone)::date INTO STRICT today
    FROM public.clinics AS c WHERE c.id = OLD.clinic_id;
    IF NEW.issued_on IS DISTINCT FROM today THEN
        RAISE EXCEPTION 'a prescription is issued on the day it is signed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_day';
    END IF;
    NEW.issued_at := clock_timestamp();
    IF NOT EXISTS (
        SELECT FROM public.prescription_items AS i WHERE i.clinic_id = OLD.clinic_id AND i.prescription_id = OLD.id
    ) THEN
        RAISE EXCEPTION 'an empty prescription is not issued'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_items';
    END IF;
    -- What has no entry is free text and common; the item's own CHECK says so, and so does the first condition here.
    IF EXISTS (
        SELECT
        FROM public.prescription_items AS i
        LEFT JOIN public.substances AS s ON s.id = i.substance_id
        WHERE i.clinic_id = OLD.clinic_id AND i.prescription_id = OLD.id AND (
            i.kind <> NEW.kind
            OR (i.substance_id IS NULL AND NEW.kind <> 'COMMON')
            OR (i.substance_id IS NOT NULL AND (
                s.id IS NULL OR NEW.kind <> ALL (s.kinds)
                OR today < s.valid_from OR today > coalesce(s.valid_to, today)
            ))
        )
    ) THEN
        RAISE EXCEPTION 'an item does not go on this document'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_one_type';
    END IF;
    -- What is encrypted shows whether it is filled in, and no more (as NotEmpty).
    IF NEW.kind <> 'COMMON' AND NOT EXISTS (
        SELECT FROM public.patients AS p
        WHERE p.clinic_id = OLD.clinic_id AND p.id = OLD.patient_id
            AND coalesce(octet_length(p.cpf), 0) + coalesce(octet_length(p.passport), 0) > 0
    ) THEN
        RAISE EXCEPTION 'a controlled or retained prescription needs the patient''s CPF or passport'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_patient_identified';
    END IF;
    IF coalesce(octet_length(NEW.cid), 0) = 0 AND EXISTS (
        SELECT FROM public.prescription_items AS i
        JOIN public.substances AS s ON s.id = i.substance_id
        WHERE i.clinic_id = OLD.clinic_id AND i.prescription_id = OLD.id AND s.on_list = 'C5'
    ) THEN
        RAISE EXCEPTION 'an anabolic needs a CID'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_cid';
    END IF;
    IF NEW.sncr_number <> '' AND NOT EXISTS (
        SELECT FROM public.sncr_numbers AS n
        WHERE n.number = NEW.sncr_number AND n.sncr_type = split_part(NEW.kind, '_', 1)
            AND n.user_id = neonpro.current_user_id() AND n.used_for = OLD.id
    ) THEN
        RAISE EXCEPTION 'this number of SNCR was not taken for this document'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescriptions_number';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_prescription() FROM PUBLIC;
