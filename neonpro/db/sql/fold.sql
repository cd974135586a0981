-- A text as the search compares it: lower case, without accents. IMMUTABLE so that an index may hold it; unaccent()
-- itself is only STABLE because its dictionary could be changed, which here it never is.
CREATE OR REPLACE FUNCTION neonpro.fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, value)) $$;
REVOKE ALL ON FUNCTION neonpro.fold(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.fold(text) TO neonpro_app, neonpro_search;
