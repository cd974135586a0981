-- What must not be applied is refused here, whoever writes (RDC 509/2021; rule anvisa.application_blocks): the day is
-- the application's on the clinic's own clock. The lot is locked first, so that its last units are applied once, and
-- the product shared, so that a cancellation waits for applications that are under way or comes before them.
-- Who applies it may (neonpro.scope_refusal). What the label says is copied: it stays true when the product is changed later.
CREATE OR REPLACE FUNCTION neonpro.apply_product() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lot record;
    day date;
    scope text;
    broken text;
BEGIN
    SELECT
        l.product_id, l.number, l.expires_on, l.status, l.units_left,
        p.kind, p.registration_number, p.registration_status, p.registration_valid_until, p.model,
        coalesce(nullif(p.holder, ''), p.manufacturer) AS holder
    INTO lot
    FROM public.product_lots AS l
    JOIN public.products AS p ON p.clinic_id = l.clinic_id AND p.id = l.product_id
    WHERE l.clinic_id = NEW.clinic_id AND l.id = NEW.lot_id
    FOR UPDATE OF l FOR SHARE OF p;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such lot' USING ERRCODE = 'no_data_found';
    END IF;
    SELECT (NEW.applied_at AT TIME ZONE c.time_zone)::date INTO day FROM public.clinics AS c WHERE c.id = NEW.clinic_id;
    scope := CASE
        WHEN EXISTS (
            SELECT FROM public.professionals AS p
            WHERE p.clinic_id = NEW.clinic_id AND p.id = NEW.professional_id
                AND p.status IN ('suspended', 'cancelled', 'transferred', 'deceased')
        ) THEN 'licence'
        WHEN NEW.service_id IS NOT NULL THEN neonpro.scope_refusal(NEW.professional_id, NEW.service_id, day)
    END;
    broken := CASE
        WHEN NEW.applied_at > clock_timestamp() + interval '5 minutes' THEN 'not_yet'
        WHEN lot.status = 'recalled' THEN 'lot_recalled'
        WHEN lot.status = 'quarantined' THEN 'lot_quarantined'
        WHEN lot.expires_on < day THEN 'lot_expired'
        WHEN lot.registration_status IN ('cancelled', 'suspended') THEN 'registration_cancelled'
        WHEN lot.registration_status = 'expired' OR lot.registration_valid_until < day THEN 'registration_expired'
        WHEN NEW.technique IN ('injected', 'implanted') AND lot.kind IN ('cosmetic', 'sanitizer')
            THEN 'cosmetic_injected'
        WHEN scope = 'licence' THEN 'licence'
        WHEN scope IS NOT NULL THEN 'scope'
        WHEN NEW.quantity > lot.units_left THEN 'not_enough'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'this may not be applied: %', broken
            USING ERRCODE = 'check_violation', CONSTRAINT = 'product_applications_' || broken;
    END IF;
    NEW.product_id := lot.product_id;
    NEW.lot_number := lot.number;
    NEW.lot_expires_on := lot.expires_on;
    NEW.registration_number := lot.registration_number;
    NEW.holder := lot.holder;
    NEW.model := lot.model;
    UPDATE public.product_lots AS l
    SET units_left = l.units_left - NEW.quantity
    WHERE l.clinic_id = NEW.clinic_id AND l.id = NEW.lot_id;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.apply_product() FROM PUBLIC;
