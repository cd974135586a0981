-- Keeps updated_at true whatever wrote the row. The id and the birth of a row never change.
CREATE OR REPLACE FUNCTION neonpro.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'the id of a row never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.updated_at := clock_timestamp();
    NEW.created_at := OLD.created_at;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.touch_updated_at() FROM PUBLIC;
