-- The state of a consent is the fold of its events: each event is the new state, but asking again takes nothing away from
-- somebody who has granted. It is derived here, after the event is written, and a row of lgpd_consents is never typed.
-- What a consent carried ends with it, in the same transaction (neonpro.stop_uses).
CREATE OR REPLACE FUNCTION neonpro.derive_consent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.lgpd_consents AS c
        (clinic_id, patient_id, purpose, service_id, state, since, number, record, asked_at)
    VALUES (
        NEW.clinic_id, NEW.patient_id, NEW.purpose, NEW.service_id, NEW.event, NEW.happened_at, NEW.number, NEW.id,
        CASE WHEN NEW.event = 'asked' THEN NEW.happened_at END
    )
    ON CONFLICT (clinic_id, patient_id, purpose, service_id) DO UPDATE SET
        state = CASE WHEN NEW.event = 'asked' AND c.state = 'granted' THEN c.state ELSE NEW.event END,
        since = CASE WHEN NEW.event = 'asked' AND c.state = 'granted' THEN c.since ELSE NEW.happened_at END,
        record = CASE WHEN NEW.event = 'asked' AND c.state = 'granted' THEN c.record ELSE NEW.id END,
        number = NEW.number,
        asked_at = CASE WHEN NEW.event = 'asked' THEN NEW.happened_at ELSE c.asked_at END;
    IF NEW.event IN ('withdrawn', 'refused', 'expired_by_policy') THEN
        PERFORM neonpro.stop_uses(NEW.patient_id, NEW.purpose, NEW.service_id);
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.derive_consent() FROM PUBLIC;
