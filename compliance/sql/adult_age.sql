-- From which age somebody consents alone: lgpd.minors.assisted_below of neonpro/rules/lgpd.toml, which a test compares.
CREATE OR REPLACE FUNCTION neonpro.adult_age() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 18
$$;
REVOKE ALL ON FUNCTION neonpro.adult_age() FROM PUBLIC;
