-- Why a professional of the current clinic may not perform a service on a day, or NULL where they may: 'licence' (the
-- council has taken it), 'undecided' (the clinic's matrix is silent), 'forbidden', 'title' (no registered specialty) or
-- 'disputed' (not signed off for that day by who is technical director now). clinics.scope.may_perform puts it into words;
-- triggers refuse by it. A service without a procedure class is anybody's.
CREATE OR REPLACE FUNCTION neonpro.scope_refusal(professional uuid, service uuid, on_day date) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN s.procedure_class = '' THEN NULL
        WHEN p.status IN ('suspended', 'cancelled', 'transferred', 'deceased') THEN 'licence'
        WHEN r.level IS NULL THEN 'undecided'
        WHEN r.level = 'allowed' THEN NULL
        WHEN r.level = 'allowed_with_title' THEN CASE WHEN p.rqe = '' THEN 'title' END
        WHEN r.level = 'disputed' THEN CASE WHEN NOT EXISTS (
            SELECT
            FROM public.scope_signoffs AS o
            WHERE o.clinic_id = p.clinic_id AND o.professional_id = p.id AND o.procedure_class = s.procedure_class
                AND o.director_id = c.technical_director_id
                AND on_day <= o.until
                AND on_day >= (o.signed_at AT TIME ZONE c.time_zone)::date
                AND (o.ended_at IS NULL OR on_day < (o.ended_at AT TIME ZONE c.time_zone)::date)
        ) THEN 'disputed' END
        ELSE 'forbidden'
    END
    FROM public.professionals AS p
    JOIN public.clinics AS c ON c.id = p.clinic_id
    JOIN public.services AS s ON s.clinic_id = p.clinic_id AND s.id = service
    LEFT JOIN public.scope_rules AS r
        ON r.clinic_id = p.clinic_id AND r.procedure_class = s.procedure_class AND r.council = p.council
    WHERE p.clinic_id = (SELECT neonpro.current_clinic()) AND p.id = professional
$$;
REVOKE ALL ON FUNCTION neonpro.scope_refusal(uuid, uuid, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.scope_refusal(uuid, uuid, date) TO neonpro_app, neonpro_owner;
