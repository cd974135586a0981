-- An attempt to reach somebody is recorded while a lot is recalled, and says itself who recorded it.
CREATE OR REPLACE FUNCTION neonpro.recall_contact() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    situation text;
BEGIN
    SELECT l.status INTO situation
    FROM public.product_lots AS l
    WHERE l.clinic_id = NEW.clinic_id AND l.id = NEW.lot_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such lot' USING ERRCODE = 'no_data_found';
    END IF;
    IF situation <> 'recalled' THEN
        RAISE EXCEPTION 'this lot is not recalled'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recall_contacts_lot_recalled';
    END IF;
    NEW.recorded_by := neonpro.current_user_id();
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.recall_contact() FROM PUBLIC;
