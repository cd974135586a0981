-- A text that patients are asked to agree to. It is drafted, published, and then replaced by another version; what was
-- published never changes, for it is what somebody agreed to. Version and hash are written here and nowhere else.
CREATE OR REPLACE FUNCTION neonpro.guard_consent_text() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant text := 'consent_texts_guard';
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.published_at IS NOT NULL THEN
            RAISE EXCEPTION 'a published text stays' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.version <> OLD.version OR NEW.purpose <> OLD.purpose OR NEW.service_id IS DISTINCT FROM OLD.service_id THEN
            RAISE EXCEPTION 'what a text is for, and its number, never change'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
        IF OLD.published_at IS NOT NULL AND (
            NEW.title <> OLD.title OR NEW.body <> OLD.body OR NEW.published_at IS DISTINCT FROM OLD.published_at
            OR (OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at)
        ) THEN
            RAISE EXCEPTION 'a published text never changes' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = here;
        END IF;
    ELSE
        -- Two drafts at the same moment: the second waits, and then counts the first.
        PERFORM pg_advisory_xact_lock(
            hashtextextended(format('neonpro.consent_text:%s:%s:%s', NEW.clinic_id, NEW.purpose, NEW.service_id), 0)
        );
        SELECT coalesce(max(t.version), 0) + 1 INTO NEW.version
        FROM public.consent_texts AS t
        WHERE t.clinic_id = NEW.clinic_id AND t.purpose = NEW.purpose AND t.service_id IS NOT DISTINCT FROM NEW.service_id;
    END IF;
    -- Over what people read: line ends do not count.
    NEW.body := replace(NEW.body, E'\r\n', E'\n');
    NEW.sha256 := encode(sha256(convert_to(NEW.title || E'\n\n' || NEW.body, 'UTF8')), 'hex');
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_consent_text() FROM PUBLIC;
