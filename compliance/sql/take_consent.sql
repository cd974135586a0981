-- Before a consent event is written: is this role the one to write it, does it follow from what was before, is the text
-- one that was published, and may this person speak for themselves. Number, version, hash and writer are written here.
-- What the database can see of an age is the year of birth, in clear: whoever is certainly under age cannot grant alone.
-- In the year in which somebody comes of age the day decides, which is encrypted: compliance.consents looks at that.
CREATE OR REPLACE FUNCTION neonpro.take_consent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last_number integer;
    decided text;
    born integer;
    year_there integer;
    shown record;
    acting constant text := neonpro.current_clinic_role();
BEGIN
    IF NEW.clinic_id IS DISTINCT FROM neonpro.current_clinic() THEN
        -- The row policies refuse it, and say nothing of what is there.
        RETURN NEW;
    END IF;
    IF neonpro.may_record_consent(acting, NEW.family, NEW.event) IS NOT TRUE THEN
        RAISE EXCEPTION 'this role does not record this consent'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'consent_records_role';
    END IF;
    -- Events of one consent come one after the other, whoever writes them.
    PERFORM pg_advisory_xact_lock(neonpro.consent_lock(NEW.clinic_id, NEW.patient_id, NEW.purpose, NEW.service_id));
    SELECT max(r.number) INTO last_number
    FROM public.consent_records AS r
    WHERE r.clinic_id = NEW.clinic_id AND r.patient_id = NEW.patient_id AND r.purpose = NEW.purpose
        AND r.service_id IS NOT DISTINCT FROM NEW.service_id;
    SELECT r.event INTO decided
    FROM public.consent_records AS r
    WHERE r.clinic_id = NEW.clinic_id AND r.patient_id = NEW.patient_id AND r.purpose = NEW.purpose
        AND r.service_id IS NOT DISTINCT FROM NEW.service_id AND r.event <> 'asked'
    ORDER BY r.number DESC
    LIMIT 1;
    IF NEW.event IN ('withdrawn', 'expired_by_policy') AND decided IS DISTINCT FROM 'granted' THEN
        RAISE EXCEPTION 'nothing was granted that could end'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_records_nothing_granted';
    END IF;
    NEW.number := coalesce(last_number, 0) + 1;
    NEW.happened_at := coalesce(NEW.happened_at, clock_timestamp());
    IF NEW.happened_at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'a consent is not of tomorrow'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_records_not_ahead';
    END IF;
    NEW.text_version := NULL;
    NEW.text_sha256 := '';
    IF NEW.text_id IS NOT NULL THEN
        SELECT t.version, t.sha256, t.purpose, t.service_id, t.published_at INTO shown
        FROM public.consent_texts AS t
        WHERE t.clinic_id = NEW.clinic_id AND t.id = NEW.text_id;
        IF shown.published_at IS NULL OR shown.purpose <> NEW.purpose
            OR (shown.service_id IS NOT NULL AND shown.service_id IS DISTINCT FROM NEW.service_id)
        THEN
            RAISE EXCEPTION 'the text is not a published one for this purpose'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_records_text_published';
        END IF;
        NEW.text_version := shown.version;
        NEW.text_sha256 := shown.sha256;
    END IF;
    IF NEW.event = 'granted' AND NEW.actor = 'self' THEN
        SELECT p.birth_year, extract(year FROM NEW.happened_at AT TIME ZONE c.time_zone) INTO born, year_there
        FROM public.patients AS p
        JOIN public.clinics AS c ON c.id = p.clinic_id
        WHERE p.clinic_id = NEW.clinic_id AND p.id = NEW.patient_id;
        IF year_there - born < neonpro.adult_age() THEN
            RAISE EXCEPTION 'a minor consents by a guardian'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'consent_records_minor';
        END IF;
    END IF;
    NEW.recorded_by := neonpro.current_user_id();
    NEW.recorded_role := coalesce(acting, '');
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.take_consent() FROM PUBLIC;
