-- owner: neonpro_sealer
-- The seals of the job's clinic after a number, in their order, at most `most`: for verifying and for the anchor.
CREATE OR REPLACE FUNCTION neonpro.seals_after(after bigint, most integer)
RETURNS TABLE (
    number bigint, document text, digest bytea, previous bytea, leaves bytea, first_at timestamptz,
    last_at timestamptz
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.number, s.document, s.digest, s.previous, s.leaves, s.first_at, s.last_at
    FROM neonpro.audit_seals AS s
    WHERE s.clinic_id = (SELECT neonpro.sealing_clinic()) AND s.number > after
    ORDER BY s.number
    LIMIT most;
END
$$;
REVOKE ALL ON FUNCTION neonpro.seals_after(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.seals_after(bigint, integer) TO neonpro_app;
