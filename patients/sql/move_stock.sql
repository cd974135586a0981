-- A receipt, discard or correction changes what is left of its lot; the lot's row lock lines up all who move it.
CREATE OR REPLACE FUNCTION neonpro.move_stock() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    units numeric;
BEGIN
    SELECT l.units_left INTO units
    FROM public.product_lots AS l
    WHERE l.clinic_id = NEW.clinic_id AND l.id = NEW.lot_id
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such lot' USING ERRCODE = 'no_data_found';
    END IF;
    IF units + NEW.quantity < 0 THEN
        RAISE EXCEPTION 'more than is left'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_movements_not_enough';
    END IF;
    NEW.recorded_by := neonpro.current_user_id();
    UPDATE public.product_lots AS l
    SET units_left = l.units_left + NEW.quantity,
        units_received = l.units_received + CASE WHEN NEW.kind = 'received' THEN NEW.quantity ELSE 0 END
    WHERE l.clinic_id = NEW.clinic_id AND l.id = NEW.lot_id;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.move_stock() FROM PUBLIC;
