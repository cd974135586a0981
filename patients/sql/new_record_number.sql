-- Eight random digits that no patient of the current clinic has yet. A number drawn twice at the same moment is
-- refused by the unique rule; with 10^8 numbers nobody will see it happen.
CREATE OR REPLACE FUNCTION neonpro.new_record_number() RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    drawn text;
BEGIN
    LOOP
        -- Random enough for a number that is no secret; the last digits of a version 4 UUID are random bits.
        drawn := lpad((('x' || right(gen_random_uuid()::text, 12))::bit(48)::bigint % 100000000)::text, 8, '0');
        EXIT WHEN NOT EXISTS (
            SELECT FROM public.patients AS p
            WHERE p.clinic_id = neonpro.current_clinic() AND p.record_number = drawn
        );
    END LOOP;
    RETURN drawn;
END
$$;
REVOKE ALL ON FUNCTION neonpro.new_record_number() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.new_record_number() TO neonpro_app;
