-- owner: neonpro_eraser
-- Looks for texts in every text, JSON, array-of-text and bytea column of every table of the database that this role may
-- read, whatever its row policies show to whom: histories, and the audit log through its parent. Of a clinic's table
-- only the current clinic's rows and the platform's: else one clinic would learn what stands in another's. Answers with
-- the tables and columns in which something was found, and in how many rows; never with what. Only while an approved
-- erasure is going on, or anybody could ask the database for words. Keys and tokens (neonpro.*) are no text.
CREATE OR REPLACE FUNCTION neonpro.residual_scan(needles text[])
RETURNS TABLE (place text, spot text, hits bigint, looked_at bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    folded constant text[] := ARRAY(SELECT '%' || replace(replace(replace(lower(n), '\', '\\'), '%', '\%'), '_', '\_') || '%' FROM unnest(needles) AS n);
    raw constant bytea[] := ARRAY(SELECT convert_to(n, 'UTF8') FROM unnest(needles) AS n);
    found record;
    col record;
    scope text;
    condition text;
    n bigint;
    columns bigint := 0;
BEGIN
    IF neonpro.erasing_patient() IS NULL THEN
        RAISE EXCEPTION 'no erasure is going on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR found IN
        SELECT c.oid, s.nspname, c.relname,
            EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'clinic_id' AND a.attnum > 0)
                AS of_a_clinic
        FROM pg_class AS c JOIN pg_namespace AS s ON s.oid = c.relnamespace
        WHERE s.nspname IN ('public', 'neonpro') AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
            AND has_table_privilege(c.oid, 'SELECT')
        ORDER BY 2, 3
    LOOP
        scope := CASE
            WHEN found.of_a_clinic THEN 'clinic_id IN ($1, ''00000000-0000-0000-0000-000000000000'') AND '
            WHEN found.relname = 'clinics' THEN 'id = $1 AND '
            -- Accounts are the platform's: those of other clinics are not this one's to learn of.
            WHEN found.relname = 'users'
                THEN 'id IN (SELECT m.user_id FROM public.clinic_memberships AS m WHERE m.clinic_id = $1) AND '
            ELSE ''
        END;
        condition := '';
        FOR col IN
            SELECT a.attname, t.typname = 'bytea' AS binary FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = found.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
                t.typname IN ('text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'bytea', 'citext', 'xml')
                OR t.typname IN ('_text', '_varchar', '_json', '_jsonb')
            )
            ORDER BY a.attnum
        LOOP
            columns := columns + 1;
            condition := condition || CASE WHEN condition = '' THEN '' ELSE ' OR ' END || CASE WHEN col.binary
                THEN format('EXISTS (SELECT FROM unnest($3) AS b WHERE position(b IN t.%I) > 0)', col.attname)
                ELSE format('lower(t.%I::text) LIKE ANY ($2)', col.attname) END;
        END LOOP;
        CONTINUE WHEN condition = '';
        EXECUTE format(
            'SELECT count(*) FROM %I.%I AS t WHERE %s (%s)', found.nspname, found.relname,
            scope, condition
        ) INTO n USING here, folded, raw;
        CONTINUE WHEN n = 0;
        -- Which column: asked only where something was found.
        FOR col IN
            SELECT a.attname, t.typname = 'bytea' AS binary FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = found.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
                t.typname IN ('text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'bytea', 'citext', 'xml')
                OR t.typname IN ('_text', '_varchar', '_json', '_jsonb')
            )
        LOOP
            EXECUTE format(
                'SELECT count(*) FROM %I.%I AS t WHERE %s %s', found.nspname, found.relname,
                scope,
                CASE WHEN col.binary
                    THEN format('EXISTS (SELECT FROM unnest($3) AS b WHERE position(b IN t.%I) > 0)', col.attname)
                    ELSE format('lower(t.%I::text) LIKE ANY ($2)', col.attname) END
            ) INTO hits USING here, folded, raw;
            IF hits > 0 THEN
                place := found.relname;
                spot := col.attname;
                looked_at := columns;
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
    place := '';
    spot := '';
    hits := 0;
    looked_at := columns;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION neonpro.residual_scan(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.residual_scan(text[]) TO neonpro_app;
