-- owner: neonpro_sealer
-- Notes which transaction id comes next, and when: see neonpro.audit_horizons. The statement's time lies before its
-- snapshot, so whoever gets a later id writes later than `at`. Old notes go, but for the last.
CREATE OR REPLACE FUNCTION neonpro.note_horizon() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant text := neonpro.seal_place();
BEGIN
    PERFORM neonpro.sealing_clinic();
    INSERT INTO neonpro.audit_horizons (place, at, next)
    VALUES (here, statement_timestamp(), pg_snapshot_xmax(pg_current_snapshot()))
    ON CONFLICT DO NOTHING;
    DELETE FROM neonpro.audit_horizons AS h
    WHERE h.at < statement_timestamp() - interval '30 days'
        -- The first of a place says what was there before its seals.
        AND h.at > (SELECT min(f.at) FROM neonpro.audit_horizons AS f WHERE f.place = h.place);
END
$$;
REVOKE ALL ON FUNCTION neonpro.note_horizon() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.note_horizon() TO neonpro_app;
