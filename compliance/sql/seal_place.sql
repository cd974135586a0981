-- owner: neonpro_sealer
-- Which database this is: a restored one is another, and counts its transactions anew.
CREATE OR REPLACE FUNCTION neonpro.seal_place() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.system_identifier || ':' || d.oid
    FROM pg_control_system() AS s, pg_database AS d
    WHERE d.datname = current_database()
$$;
REVOKE ALL ON FUNCTION neonpro.seal_place() FROM PUBLIC;
