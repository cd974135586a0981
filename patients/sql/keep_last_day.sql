-- owner: neonpro_search
-- Keeps the day of each patient's last visit beside the search's tokens: one statement for all the rows of another. It
-- orders what a search finds, so it may be a visit behind when two visits of a patient change at the same moment.
CREATE OR REPLACE FUNCTION neonpro.keep_last_day() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE neonpro.search_tokens AS t
        SET last_day = a.day
        FROM (
            SELECT n.clinic_id, n.patient_id, max(n.day) AS day
            FROM new_rows AS n
            WHERE n.status <> 'cancelled'
            GROUP BY n.clinic_id, n.patient_id
        ) AS a
        WHERE t.patient_id = a.patient_id AND t.clinic_id = a.clinic_id AND (t.last_day < a.day) IS NOT FALSE;
    ELSE
        UPDATE neonpro.search_tokens AS t
        SET last_day = a.day
        FROM (
            SELECT c.clinic_id, c.patient_id, (
                SELECT max(p.day)
                FROM public.appointments AS p
                WHERE p.clinic_id = c.clinic_id AND p.patient_id = c.patient_id AND p.status <> 'cancelled'
            ) AS day
            FROM (
                -- The patient of an appointment never changes.
                SELECT DISTINCT n.clinic_id, n.patient_id
                FROM old_rows AS o
                JOIN new_rows AS n ON n.id = o.id
                WHERE (o.day, o.status = 'cancelled') IS DISTINCT FROM (n.day, n.status = 'cancelled')
            ) AS c
        ) AS a
        WHERE t.patient_id = a.patient_id AND t.clinic_id = a.clinic_id AND t.last_day IS DISTINCT FROM a.day;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.keep_last_day() FROM PUBLIC;
-- Whoever makes a trigger must be allowed to run its function.
GRANT EXECUTE ON FUNCTION neonpro.keep_last_day() TO neonpro_owner;
