-- owner: neonpro_eraser
-- Which erasures this database has carried out, of whatever clinic: ids and nothing else. The application compares them
-- with the ledger outside the database: after a restore of an older dump some are missing, and it refuses to serve.
CREATE OR REPLACE FUNCTION neonpro.executed_erasures() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT e.id FROM public.erasures AS e WHERE e.executed_at IS NOT NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.executed_erasures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.executed_erasures() TO neonpro_app;
