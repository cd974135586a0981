-- A voided application gives its units back to the lot, whatever has become of the lot. The unique rule sees to it that
-- it does so once: a second void takes everything back that it did here.
CREATE OR REPLACE FUNCTION neonpro.void_application() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    done record;
BEGIN
    SELECT a.patient_id, a.lot_id, a.quantity INTO done
    FROM public.product_applications AS a
    WHERE a.clinic_id = NEW.clinic_id AND a.id = NEW.application_id;
    IF NOT FOUND OR done.patient_id <> NEW.patient_id THEN
        RAISE EXCEPTION 'no such application' USING ERRCODE = 'no_data_found';
    END IF;
    UPDATE public.product_lots AS l
    SET units_left = l.units_left + done.quantity
    WHERE l.clinic_id = NEW.clinic_id AND l.id = done.lot_id;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.void_application() FROM PUBLIC;
