-- A request of a holder begins as received, is answered only to whom was identified, is refused only with a ground, and
-- stays as it ended. Its due day is the one that it began with (compliance.models.due_day), or, once and where the law
-- leaves room, a later one with a reason. Who identified the holder, and the moments, are written here. A package is
-- released to the holder's own page by the encarregado alone, once, to whom was identified, and never taken back.
CREATE OR REPLACE FUNCTION neonpro.guard_request() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended constant text[] := ARRAY['answered', 'refused'];
    today date;
BEGIN
    IF NEW.clinic_id IS DISTINCT FROM neonpro.current_clinic() THEN
        -- The row policies refuse it, and say nothing of what is there.
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'received' OR NEW.answered_at IS NOT NULL OR NEW.extended_at IS NOT NULL
            OR NEW.extended_from IS NOT NULL OR NEW.released_at IS NOT NULL OR NEW.received_at > clock_timestamp() + interval '1 minute'
        THEN
            RAISE EXCEPTION 'a request begins as received, and not tomorrow'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_begin';
        END IF;
    ELSE
        IF OLD.status = ANY (ended) THEN
            RAISE EXCEPTION 'this request was closed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_closed';
        END IF;
        IF NEW.kind <> OLD.kind OR NEW.channel <> OLD.channel OR NEW.received_at <> OLD.received_at
            OR (OLD.identity_check <> '' AND NEW.identity_check <> OLD.identity_check)
            OR OLD.details IS DISTINCT FROM NEW.details
        THEN
            RAISE EXCEPTION 'what was asked, how and when, stays'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_kept';
        END IF;
        IF NEW.status <> OLD.status AND NEW.status = 'received' THEN
            RAISE EXCEPTION 'a request does not go back'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_forward';
        END IF;
        IF NEW.extended_at IS DISTINCT FROM OLD.extended_at THEN
            SELECT (clock_timestamp() AT TIME ZONE c.time_zone)::date INTO today
            FROM public.clinics AS c WHERE c.id = NEW.clinic_id;
            IF OLD.extended_at IS NOT NULL OR NOT neonpro.may_extend_request(NEW.kind)
                OR coalesce(octet_length(NEW.extension_reason), 0) = 0
                OR NEW.due_on <= OLD.due_on OR today > OLD.due_on OR NEW.status = ANY (ended)
            THEN
                RAISE EXCEPTION 'this request cannot be extended'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_extension';
            END IF;
            NEW.extended_at := clock_timestamp();
            NEW.extended_from := OLD.due_on;
        ELSIF NEW.due_on <> OLD.due_on OR NEW.extended_from IS DISTINCT FROM OLD.extended_from
            OR NEW.extension_reason IS DISTINCT FROM OLD.extension_reason
        THEN
            RAISE EXCEPTION 'the due day is not moved'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_due';
        END IF;
    END IF;
    IF NEW.identity_check = '' THEN
        NEW.identity_checked_at := NULL;
        NEW.identity_checked_by := NULL;
    ELSIF TG_OP = 'INSERT' OR OLD.identity_check = '' THEN
        NEW.identity_checked_at := clock_timestamp();
        NEW.identity_checked_by := neonpro.current_user_id();
    ELSE
        NEW.identity_checked_at := OLD.identity_checked_at;
        NEW.identity_checked_by := OLD.identity_checked_by;
    END IF;
    IF NEW.status = 'answered' AND (
        NEW.identity_check = ''
        -- An erasure is answered by its certificate and its letter.
        OR (coalesce(octet_length(NEW.answer), 0) = 0 AND NOT EXISTS (
            SELECT FROM public.erasures AS e WHERE e.clinic_id = NEW.clinic_id AND e.request_id = NEW.id
                AND e.executed_at IS NOT NULL
        ))
    ) THEN
        RAISE EXCEPTION 'who asks is identified first, and told something'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_answer';
    END IF;
    IF NEW.status = 'refused' AND coalesce(octet_length(NEW.refusal_ground), 0) = 0 THEN
        RAISE EXCEPTION 'a refusal says why'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_ground';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.released_at IS DISTINCT FROM OLD.released_at THEN
        IF OLD.released_at IS NOT NULL OR neonpro.current_clinic_role() IS DISTINCT FROM 'dpo'
            OR NEW.kind NOT IN ('ACCESS', 'PORTABILITY', 'RECORD_COPY') OR NEW.identity_check = ''
            OR NEW.status = 'refused'
        THEN
            RAISE EXCEPTION 'this package cannot be released'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'data_requests_released';
        END IF;
        NEW.released_at := clock_timestamp();
    END IF;
    NEW.answered_at := CASE WHEN NEW.status = ANY (ended) THEN coalesce(NEW.answered_at, clock_timestamp()) END;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_request() FROM PUBLIC;
