-- An act is noted by whom the context names, and its list is written in the same transaction (which began at now()):
-- nobody adds a record to what a committee decided earlier. Nothing is listed whose time is not over, or that a legal
-- hold keeps.
CREATE OR REPLACE FUNCTION neonpro.guard_disposal() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'disposal_acts' THEN
        IF NEW.recorded_by_id IS DISTINCT FROM neonpro.current_user_id()
            OR NEW.created_at NOT BETWEEN now() AND clock_timestamp()
        THEN
            RAISE EXCEPTION 'who notes an act is who acts, now'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disposal_acts_recorded';
        END IF;
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.disposal_acts AS a
        WHERE a.clinic_id = NEW.clinic_id AND a.id = NEW.act_id AND a.created_at >= now()
            AND a.recorded_by_id = neonpro.current_user_id()
    ) THEN
        RAISE EXCEPTION 'the list of an act is closed with it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disposal_items_closed';
    END IF;
    IF NEW.kept_until >= current_date OR neonpro.is_held(NEW.clinic_id, NEW.patient_id) THEN
        RAISE EXCEPTION 'the law or a legal hold keeps this record'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disposal_items_due';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_disposal() FROM PUBLIC;
