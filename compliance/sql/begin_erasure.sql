-- Opens an erasure for the rest of the transaction: from here on, and only of this patient, keys may be destroyed and
-- rows deleted. It wants an erasure of the current clinic that is approved and was not carried out, by two people (or by
-- the only DPO, who signed in again), or one that the rules give to a job; and no legal hold. A second one of the same
-- patient waits here, and then finds that it was done.
-- A record whose time is over wants, besides the approval, the committee's act that eliminates it.
CREATE OR REPLACE FUNCTION neonpro.begin_erasure(erasure uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    ordered record;
BEGIN
    SELECT * INTO who FROM neonpro.context();
    IF who.clinic IS NULL OR who.role NOT IN ('dpo', 'job') THEN
        RAISE EXCEPTION 'only the DPO erases' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT e.* INTO ordered FROM public.erasures AS e WHERE e.clinic_id = who.clinic AND e.id = erasure;
    IF ordered.id IS NULL THEN
        RAISE EXCEPTION 'no such erasure' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('neonpro.erasure:' || who.clinic || ordered.patient_id, 0));
    SELECT e.* INTO ordered FROM public.erasures AS e WHERE e.clinic_id = who.clinic AND e.id = erasure FOR UPDATE;
    IF ordered.executed_at IS NOT NULL THEN
        RAISE EXCEPTION 'this erasure was carried out already'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_once';
    END IF;
    IF ordered.kind IN ('request', 'disposal') AND (
        ordered.approved_by_id IS NULL OR (ordered.approved_by_id = ordered.proposed_by_id AND NOT ordered.alone)
    ) OR ordered.kind NOT IN ('request', 'disposal') AND who.role <> 'job'
    THEN
        RAISE EXCEPTION 'this erasure is not approved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_approved';
    END IF;
    IF ordered.kind = 'disposal' AND NOT EXISTS (
        SELECT FROM public.disposal_items AS i
        JOIN public.disposal_acts AS a ON a.clinic_id = i.clinic_id AND a.id = i.act_id
        WHERE i.clinic_id = who.clinic AND i.id = ordered.disposal_id AND i.patient_id = ordered.patient_id
            AND i.kept_until < current_date AND a.choice = 'ELIMINATE'
    ) THEN
        RAISE EXCEPTION 'no act of the committee eliminates this record'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erasures_of_an_act';
    END IF;
    IF neonpro.is_held(who.clinic, ordered.patient_id) THEN
        RAISE EXCEPTION 'a legal hold keeps the data of this patient'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_holds_keep';
    END IF;
    INSERT INTO neonpro.erasing (clinic_id, patient_id, erasure_id) VALUES (who.clinic, ordered.patient_id, erasure);
    RETURN ordered.patient_id;
END
$$;
REVOKE ALL ON FUNCTION neonpro.begin_erasure(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.begin_erasure(uuid) TO neonpro_app;
