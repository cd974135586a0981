-- Whether the page «Meus dados» may be tried once more. The three arrays are parallel: what is counted, how many are allowed,
-- and in what time; one thing may stand there twice, with two limits. What is refused is not counted, so that trying on
-- makes nobody wait longer. For the page's door alone.
CREATE OR REPLACE FUNCTION neonpro.holder_try(keys text[], most integer[], within interval[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant uuid := neonpro.current_clinic();
    one text;
BEGIN
    IF here IS NULL OR neonpro.current_clinic_role() IS DISTINCT FROM 'door' THEN
        RAISE EXCEPTION 'only the page counts who comes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- In one order, so that two never wait for each other.
    FOR one IN SELECT DISTINCT k FROM unnest(keys) AS k ORDER BY k LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(format('neonpro.holder_try:%s:%s', here, one), 0));
    END LOOP;
    DELETE FROM neonpro.holder_tries AS t WHERE t.clinic_id = here AND t.tried_at < now() - interval '1 day';
    IF EXISTS (
        SELECT
        FROM unnest(keys, most, within) AS l (key, most, within)
        WHERE (
            SELECT count(*) FROM neonpro.holder_tries AS t
            WHERE t.clinic_id = here AND t.key = l.key AND t.tried_at > clock_timestamp() - l.within
        ) >= l.most
    ) THEN
        RETURN false;
    END IF;
    INSERT INTO neonpro.holder_tries (clinic_id, key) SELECT DISTINCT here, k FROM unnest(keys) AS k;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION neonpro.holder_try(text[], integer[], interval[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.holder_try(text[], integer[], interval[]) TO neonpro_app;
