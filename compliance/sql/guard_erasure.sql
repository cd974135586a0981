-- Who proposes an erasure and who approves it is whom the context names, never what somebody writes. The only DPO of a
-- clinic may approve their own (after signing in again, which the application asks for); with two, the other one does. A
-- plan that was changed is a new proposal; what is noted as a coincidence takes the approval away. What was carried out stays as it is.
-- A record whose time is over is proposed in the same way, and only if an act of the committee eliminates it.
CREATE OR REPLACE FUNCTION neonpro.guard_erasure() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    me constant uuid := neonpro.current_user_id();
BEGIN
    IF NEW.clinic_id IS DISTINCT FROM neonpro.current_clinic() THEN
        -- The row policies refuse it, and say nothing of what is there.
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.kind IN ('request', 'disposal')
                AND (NEW.proposed_by_id IS DISTINCT FROM me OR NEW.approved_by_id IS NOT NULL)
            OR NEW.kind NOT IN ('request', 'disposal') AND neonpro.current_clinic_role() IS DISTINCT FROM 'job'
            OR NEW.executed_at IS NOT NULL
        THEN
            RAISE EXCEPTION 'an erasure begins as the proposal of whoever writes it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_proposal';
        END IF;
        IF NEW.kind = 'disposal' AND NOT EXISTS (
            SELECT FROM public.disposal_items AS i
            JOIN public.disposal_acts AS a ON a.clinic_id = i.clinic_id AND a.id = i.act_id
            WHERE i.clinic_id = NEW.clinic_id AND i.id = NEW.disposal_id AND i.patient_id = NEW.patient_id
                AND a.choice = 'ELIMINATE'
        ) THEN
            RAISE EXCEPTION 'no act of the committee eliminates this record'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_of_an_act';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.executed_at IS NOT NULL OR (NEW.patient_id, NEW.kind, NEW.plan_digest, NEW.proposed_by_id, NEW.disposal_id)
        IS DISTINCT FROM (OLD.patient_id, OLD.kind, OLD.plan_digest, OLD.proposed_by_id, OLD.disposal_id)
    THEN
        RAISE EXCEPTION 'an erasure is not rewritten' USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_kept';
    END IF;
    -- Whoever approved has not seen what was noted since.
    IF NEW.coincidences IS DISTINCT FROM OLD.coincidences THEN
        NEW.approved_by_id := NULL;
        NEW.approved_at := NULL;
        NEW.alone := false;
        RETURN NEW;
    END IF;
    IF NEW.approved_by_id IS DISTINCT FROM OLD.approved_by_id THEN
        IF NEW.approved_by_id IS DISTINCT FROM me OR neonpro.current_clinic_role() IS DISTINCT FROM 'dpo' THEN
            RAISE EXCEPTION 'who approves is who acts'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_approval';
        END IF;
        IF NEW.approved_by_id = NEW.proposed_by_id AND (NOT NEW.alone OR (
            SELECT count(*) FROM public.clinic_memberships AS m
            WHERE m.clinic_id = NEW.clinic_id AND m.role = 'dpo' AND m.is_active
        ) <> 1) THEN
            RAISE EXCEPTION 'another person approves'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_two_people';
        END IF;
    END IF;
    IF NEW.executed_at IS NOT NULL AND neonpro.erasing_patient() IS DISTINCT FROM NEW.patient_id THEN
        RAISE EXCEPTION 'no erasure is going on' USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_kept';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION neonpro.guard_erasure() FROM PUBLIC;
