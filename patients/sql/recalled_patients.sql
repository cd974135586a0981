-- owner: neonpro_search
-- The query of neonpro.recall_of, which alone calls it and says who may.
CREATE OR REPLACE FUNCTION neonpro.recalled_patients(here uuid, wanted uuid, one uuid, skip integer, take integer)
RETURNS TABLE (
    patient uuid, sessions jsonb, attempts bigint, last_outcome text, reached_at timestamptz,
    patients bigint, reached bigint
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH given AS MATERIALIZED (
        SELECT a.patient_id, a.id, a.applied_at, a.professional_id, a.appointment_id, a.quantity
        FROM public.product_applications AS a
        WHERE a.clinic_id = here AND a.lot_id = wanted AND (one IS NULL OR a.patient_id = one)
            AND NOT EXISTS (
                SELECT FROM public.product_application_voids AS v
                WHERE v.clinic_id = here AND v.application_id = a.id
            )
    ),
    people AS (
        SELECT g.patient_id, max(g.applied_at) AS last_at, jsonb_agg(jsonb_build_object(
            'application', g.id, 'at', g.applied_at, 'professional', g.professional_id,
            'appointment', g.appointment_id, 'quantity', g.quantity
        ) ORDER BY g.applied_at) AS sessions
        FROM given AS g
        GROUP BY g.patient_id
    ),
    tried AS (
        SELECT
            t.patient_id,
            count(*) AS attempts,
            (array_agg(t.outcome ORDER BY t.created_at DESC))[1] AS last_outcome,
            min(t.created_at) FILTER (WHERE t.outcome = 'reached') AS reached_at
        FROM public.recall_contacts AS t
        WHERE t.clinic_id = here AND t.lot_id = wanted
        GROUP BY t.patient_id
    )
    SELECT
        p.patient_id, p.sessions, coalesce(t.attempts, 0), coalesce(t.last_outcome, '')::text, t.reached_at,
        count(*) OVER (), count(t.reached_at) OVER ()
    FROM people AS p
    LEFT JOIN tried AS t ON t.patient_id = p.patient_id
    ORDER BY (t.reached_at IS NOT NULL), p.last_at, p.patient_id
    LIMIT take OFFSET skip
$$;
REVOKE ALL ON FUNCTION neonpro.recalled_patients(uuid, uuid, uuid, integer, integer) FROM PUBLIC;
