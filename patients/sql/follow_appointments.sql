-- Appointments open care, and close what only they had opened: one statement for all the rows of another.
-- A live appointment (not cancelled, no no-show) with a professional puts that professional into the patient's care team.
-- When it is cancelled, missed, or moved to somebody else, a stay that an appointment began ends, unless the professional
-- has another live appointment with the patient; put right, it opens again.
-- Whoever books has no right to the care team: it is this function, the owner's, that writes; `added_by` is the booker.
CREATE OR REPLACE FUNCTION neonpro.follow_appointments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE public.care_team AS c
        SET until = clock_timestamp(), ended = 'appointment'
        FROM (
            SELECT DISTINCT o.clinic_id, o.patient_id, o.professional_id
            FROM old_rows AS o
            JOIN new_rows AS n ON n.clinic_id = o.clinic_id AND n.id = o.id
            WHERE o.professional_id IS NOT NULL AND o.status NOT IN ('cancelled', 'no_show')
                AND (n.professional_id IS DISTINCT FROM o.professional_id OR n.status IN ('cancelled', 'no_show'))
        ) AS gone
        WHERE c.clinic_id = gone.clinic_id AND c.patient_id = gone.patient_id
            AND c.professional_id = gone.professional_id AND c.until IS NULL AND c.began = 'appointment'
            AND NOT EXISTS (
                SELECT FROM public.appointments AS a
                WHERE a.clinic_id = gone.clinic_id AND a.patient_id = gone.patient_id
                    AND a.professional_id = gone.professional_id AND a.status NOT IN ('cancelled', 'no_show')
            );
    END IF;
    INSERT INTO public.care_team (
        clinic_id, patient_id, professional_id, began, appointment_id, reason, ended, end_reason
    )
    SELECT DISTINCT ON (n.clinic_id, n.patient_id, n.professional_id)
        n.clinic_id, n.patient_id, n.professional_id, 'appointment', n.id, '', '', ''
    FROM new_rows AS n
    -- Where no context is open (a superuser at work) nobody is given anything.
    WHERE n.clinic_id = neonpro.current_clinic()
        AND n.professional_id IS NOT NULL AND n.status NOT IN ('cancelled', 'no_show')
        AND NOT EXISTS (
            SELECT FROM public.care_team AS c
            WHERE c.clinic_id = n.clinic_id AND c.patient_id = n.patient_id
                AND c.professional_id = n.professional_id AND c.until IS NULL
        )
    ORDER BY n.clinic_id, n.patient_id, n.professional_id, n.day, n.id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.follow_appointments() FROM PUBLIC;
