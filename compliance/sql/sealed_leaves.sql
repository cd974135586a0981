-- owner: neonpro_sealer
-- What the rows of one seal of the job's clinic hash to now, in the seal's order: 32 bytes each, zeros for a row that is
-- missing.
CREATE OR REPLACE FUNCTION neonpro.sealed_leaves(seal bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- The planner cannot know how many rows a seal has; row by row, a big one would take for ever.
SET enable_nestloop = off
AS $$
DECLARE
    clinic constant uuid := neonpro.sealing_clinic();
    sealed record;
BEGIN
    SELECT s.ids, s.first_at, s.last_at INTO STRICT sealed
    FROM neonpro.audit_seals AS s WHERE s.clinic_id = clinic AND s.number = seal;
    RETURN (
        SELECT string_agg(coalesce(e.leaf, decode(repeat('00', 32), 'hex')), '' ORDER BY m.n)
        FROM unnest(sealed.ids) WITH ORDINALITY AS m (id, n)
        LEFT JOIN (
            SELECT a.id, a.leaf FROM neonpro.audit_entries AS a
            WHERE a.clinic_id = clinic AND a.created_at BETWEEN sealed.first_at AND sealed.last_at
        ) AS e ON e.id = m.id
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.sealed_leaves(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.sealed_leaves(bigint) TO neonpro_app;
