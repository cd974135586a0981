-- Which of these patients are closed to the reader for clinical data (neonpro.open_patients): what the keys go by.
CREATE OR REPLACE FUNCTION neonpro.outside_care(patients uuid[], to_write boolean) RETURNS uuid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(
        SELECT DISTINCT p.id FROM unnest(patients) AS p (id)
        EXCEPT
        SELECT o.id FROM neonpro.open_patients(patients, to_write) AS o (id)
    )
$$;
REVOKE ALL ON FUNCTION neonpro.outside_care(uuid[], boolean) FROM PUBLIC;
