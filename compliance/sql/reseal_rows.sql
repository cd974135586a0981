-- owner: neonpro_eraser
-- Writes kept values of the patient whom this transaction erases anew, under a fresh key: in one encrypted column, each
-- old ciphertext of a record becomes the new one, in the row and in all its versions. Both are of the same length, for
-- they say the same. Answers with how many values there were. The three arrays are parallel.
CREATE OR REPLACE FUNCTION neonpro.reseal_rows(
    relation text, spot text, records uuid[], olds bytea[], news bytea[]
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant uuid := neonpro.current_clinic();
    place text;
    changed bigint;
    resealed bigint := 0;
BEGIN
    IF neonpro.erasing_patient() IS NULL THEN
        RAISE EXCEPTION 'no erasure is going on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF relation ~ '_history$' OR NOT EXISTS (
        SELECT FROM pg_policy AS p
        JOIN pg_attribute AS a ON a.attrelid = p.polrelid AND a.attname = spot AND a.atttypid = 'bytea'::regtype
        WHERE p.polrelid = to_regclass(format('public.%I', relation)) AND p.polname = relation || '_eraser_reseals'
    ) THEN
        RAISE EXCEPTION 'not an encrypted column of a table of patients' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM neonpro.set_resealing(true);
    FOREACH place IN ARRAY ARRAY[relation, relation || '_history'] LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_attribute AS a
            WHERE a.attrelid = to_regclass(format('public.%I', place)) AND a.attname = spot
        );
        EXECUTE format(
            'UPDATE public.%1$I AS t SET %2$I = n.fresh FROM unnest($2, $3, $4) AS n (record, old, fresh)'
            ' WHERE t.clinic_id = $1 AND t.id = n.record AND t.%2$I = n.old AND octet_length(n.fresh) = octet_length(n.old)',
            place, spot
        ) USING here, records, olds, news;
        GET DIAGNOSTICS changed = ROW_COUNT;
        resealed := resealed + changed;
    END LOOP;
    PERFORM neonpro.set_resealing(false);
    RETURN resealed;
END
$$;
REVOKE ALL ON FUNCTION neonpro.reseal_rows(text, text, uuid[], bytea[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.reseal_rows(text, text, uuid[], bytea[], bytea[]) TO neonpro_app;
