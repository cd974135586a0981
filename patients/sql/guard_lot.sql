-- What is left of a lot is counted by the triggers of receipts, discards, applications and voids alone: an UPDATE of it
-- that does not come from one of them fails. When a quarantine or recall began, and who said so, is not for the caller
-- to say. What a lot is never changes; its expiry only while nothing has left it.
CREATE OR REPLACE FUNCTION neonpro.guard_lot() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.units_left := NEW.units_received;
        NEW.status_at := CASE WHEN NEW.status <> 'available' THEN clock_timestamp() END;
        NEW.status_by := CASE WHEN NEW.status <> 'available' THEN neonpro.current_user_id() END;
        RETURN NEW;
    END IF;
    IF pg_trigger_depth() < 2
        AND (NEW.units_left, NEW.units_received) IS DISTINCT FROM (OLD.units_left, OLD.units_received)
    THEN
        RAISE EXCEPTION 'stock is counted by what moves it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'product_lots_counted';
    END IF;
    IF NEW.product_id <> OLD.product_id OR NEW.number <> OLD.number
        OR (NEW.expires_on <> OLD.expires_on AND OLD.units_left <> OLD.units_received)
    THEN
        RAISE EXCEPTION 'a lot that was used stays what it is'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'product_lots_stays';
    END IF;
    IF NEW.status <> OLD.status THEN
        IF NEW.status_reason = '' THEN
            RAISE EXCEPTION 'a lot changes its situation for a reason'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'product_lots_reason_given';
        END IF;
        NEW.status_at := clock_timestamp();
        NEW.status_by := neonpro.current_user_id();
    ELSE
        NEW.status_reason := OLD.status_reason;
        NEW.status_at := OLD.status_at;
        NEW.status_by := OLD.status_by;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_lot() FROM PUBLIC;
