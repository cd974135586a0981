-- For tables that are only ever added to: whoever asks, the tables' owner included, an old row stays as it is.
CREATE OR REPLACE FUNCTION neonpro.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %: rows are only ever added', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION neonpro.refuse_change() FROM PUBLIC;
