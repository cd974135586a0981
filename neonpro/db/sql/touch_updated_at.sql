-- Keeps updated_at true whatever wrote the row. The clinic and the birth of a row never change.
CREATE OR REPLACE FUNCTION neonpro.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    NEW.created_at := OLD.created_at;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.touch_updated_at() FROM PUBLIC;
