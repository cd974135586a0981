-- owner: neonpro_search
-- Patients of the current clinic, the last visit first: those who have all the words' tokens, or one of the numbers'
-- tokens, or the record number. The one door to searching: operators on arrays cannot use an index under row security,
-- so this runs as a role of its own and filters the clinic itself. A restricted patient is found by the DPO alone, and
-- by the door of the page «Meus dados», which tells nobody. At
-- most 1000; `more` says whether there were others. Each call leaves one SEARCH row, also when nothing was found.
CREATE OR REPLACE FUNCTION neonpro.search_patients(
    words bigint[], numbers bigint[], record_number text, take integer, purpose text
) RETURNS TABLE (patient uuid, more boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant uuid := neonpro.current_clinic();
    who constant text := neonpro.current_clinic_role();
    most constant integer := greatest(least(take, 1000), 0);
    hidden uuid[] := '{}';
    hits uuid[];
BEGIN
    IF here IS NULL OR who = 'patient' OR neonpro.may_open(who, 'identification') IS NOT TRUE THEN
        RETURN;
    END IF;
    IF who NOT IN ('dpo', 'door') THEN
        hidden := ARRAY(SELECT p.id FROM public.patients AS p WHERE p.clinic_id = here AND p.restricted_at IS NOT NULL);
    END IF;
    IF words <> '{}' THEN
        hits := ARRAY(
            SELECT t.patient_id
            FROM neonpro.search_tokens AS t
            -- IS TRUE: or the planner reads the clinic's part of the primary key, all of it, to AND it (twice the time).
            WHERE t.tokens @> words AND (t.clinic_id = here) IS TRUE AND t.patient_id <> ALL (hidden)
            ORDER BY t.last_day DESC NULLS LAST, t.patient_id
            LIMIT most + 1
        );
    ELSE
        hits := ARRAY(
            SELECT f.id
            FROM (
                SELECT t.patient_id, t.last_day
                FROM neonpro.search_tokens AS t
                WHERE t.tokens && numbers AND (t.clinic_id = here) IS TRUE
                UNION
                -- The number of a record whose patient was erased still finds the record.
                SELECT p.id, t.last_day
                FROM public.patients AS p
                LEFT JOIN neonpro.search_tokens AS t ON t.patient_id = p.id AND t.clinic_id = here
                WHERE p.clinic_id = here AND p.record_number = search_patients.record_number
            ) AS f (id, last_day)
            WHERE f.id <> ALL (hidden)
            ORDER BY f.last_day DESC NULLS LAST, f.id
            LIMIT most + 1
        );
    END IF;
    PERFORM neonpro.record_search(least(cardinality(hits), most), purpose);
    RETURN QUERY SELECT f.id, cardinality(hits) > most FROM unnest(hits[1:most]) AS f (id);
END
$$;
REVOKE ALL ON FUNCTION neonpro.search_patients(bigint[], bigint[], text, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.search_patients(bigint[], bigint[], text, integer, text) TO neonpro_app;
