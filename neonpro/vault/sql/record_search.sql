-- owner: neonpro_search
-- Writes a search into the audit log: how many were found and for what, never what was looked for.
CREATE OR REPLACE FUNCTION neonpro.record_search(hits bigint, purpose text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF purpose IS NULL OR purpose !~ '^[a-z0-9_.:-]{1,80}$' THEN
        RAISE EXCEPTION 'a search needs a purpose' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM neonpro.record_reading('SEARCH', NULL, jsonb_build_object('purpose', purpose, 'found', hits));
END
$$;
REVOKE ALL ON FUNCTION neonpro.record_search(bigint, text) FROM PUBLIC;
