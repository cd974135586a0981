-- The day of an appointment with an hour is the day of that hour where the clinic is. In a clinic that the writer does
-- not see there is none, and the row policy refuses the row.
CREATE OR REPLACE FUNCTION neonpro.appointment_day() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.starts_at IS NOT NULL THEN
        SELECT (NEW.starts_at AT TIME ZONE c.time_zone)::date
        INTO NEW.day
        FROM public.clinics AS c
        WHERE c.id = NEW.clinic_id;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.appointment_day() FROM PUBLIC;
