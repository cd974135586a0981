-- Which categories are opened patient by patient: only to those who care for the patient (neonpro.outside_care, which the
-- tables of care bring), whatever the role. NULL for a category that does not exist.
CREATE OR REPLACE FUNCTION neonpro.needs_care(category text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN category IN ('clinical', 'images') THEN true
        WHEN category IN ('identification', 'contact', 'marketing', 'ai') THEN false
    END
$$;
REVOKE ALL ON FUNCTION neonpro.needs_care(text) FROM PUBLIC;
