-- owner: neonpro_eraser
-- Deletes rows of the patient whom this transaction erases, and all versions of them; answers with both numbers. The
-- row policies of this role let it see, of whatever table, no row of anybody else to delete. The two halves keep to one
-- table: `relation` is a table of patients in the schema public, never a history or the log.
CREATE OR REPLACE FUNCTION neonpro.erase_rows(relation text, records uuid[], OUT gone bigint, OUT versions bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant uuid := neonpro.current_clinic();
BEGIN
    IF neonpro.erasing_patient() IS NULL THEN
        RAISE EXCEPTION 'no erasure is going on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_policy AS p
        WHERE p.polrelid = to_regclass(format('public.%I', relation)) AND p.polname = relation || '_eraser_deletes'
    ) OR relation ~ '_history$'
    THEN
        RAISE EXCEPTION 'not a table of patients' USING ERRCODE = 'check_violation';
    END IF;
    EXECUTE format('DELETE FROM public.%I WHERE clinic_id = $1 AND id = ANY ($2)', relation) USING here, records;
    GET DIAGNOSTICS gone = ROW_COUNT;
    versions := 0;
    IF to_regclass(format('public.%I', relation || '_history')) IS NOT NULL THEN
        EXECUTE format('DELETE FROM public.%I WHERE clinic_id = $1 AND id = ANY ($2)', relation || '_history')
        USING here, records;
        GET DIAGNOSTICS versions = ROW_COUNT;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION neonpro.erase_rows(text, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.erase_rows(text, uuid[]) TO neonpro_app;
