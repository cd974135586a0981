-- owner: neonpro_sealer
-- Which rows stand at some places (from 0 on) of a seal of the job's clinic, and when the seal's first row was written.
CREATE OR REPLACE FUNCTION neonpro.sealed_ids(seal bigint, places integer[])
RETURNS TABLE (id uuid, first_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.ids[p.place + 1], s.first_at
    FROM neonpro.audit_seals AS s CROSS JOIN unnest(places) WITH ORDINALITY AS p (place, n)
    WHERE s.clinic_id = (SELECT neonpro.sealing_clinic()) AND s.number = seal
    ORDER BY p.n;
END
$$;
REVOKE ALL ON FUNCTION neonpro.sealed_ids(bigint, integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.sealed_ids(bigint, integer[]) TO neonpro_app;
