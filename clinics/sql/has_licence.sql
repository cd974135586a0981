-- Whether a professional of the current clinic may act as a member of a council (sign, prescribe) on a day, today in the
-- clinic's time zone unless told: the licence is active, was verified, and is not yet due for another check.
-- clinics.licences.require_licence says the same and why; a test keeps the two together. Without a council, never.
CREATE OR REPLACE FUNCTION neonpro.has_licence(professional uuid, on_day date DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT
        FROM public.professionals AS p
        JOIN public.clinics AS c ON c.id = p.clinic_id
        CROSS JOIN LATERAL (SELECT coalesce(on_day, (now() AT TIME ZONE c.time_zone)::date) AS day) AS t
        WHERE p.clinic_id = (SELECT neonpro.current_clinic()) AND p.id = professional
            AND p.is_active AND p.council <> '' AND p.council_number <> ''
            AND p.status = 'active' AND p.verified_at IS NOT NULL
            AND p.recheck_on >= t.day
            AND (p.valid_until IS NULL OR p.valid_until >= t.day)
    )
$$;
REVOKE ALL ON FUNCTION neonpro.has_licence(uuid, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.has_licence(uuid, date) TO neonpro_app, neonpro_owner;
