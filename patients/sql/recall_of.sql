-- owner: neonpro_search
-- Whom a recalled lot was applied to: one row a patient, those who were not reached yet first, with the sessions
-- (application, time, professional, appointment, quantity) as JSON. For those who lead recalls, and of a recalled lot
-- alone: who got what is otherwise for those who care for the patient. The patients that it answers with are in the
-- audit log. `patients` and `reached` count all, whatever `skip` and `take` cut out.
--   one   NULL: all patients; otherwise this patient alone
CREATE OR REPLACE FUNCTION neonpro.recall_of(lot uuid, one uuid, skip integer, take integer)
RETURNS TABLE (
    patient uuid, sessions jsonb, attempts bigint, last_outcome text, reached_at timestamptz,
    patients bigint, reached bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    here constant uuid := neonpro.current_clinic();
    wanted constant uuid := lot;
    these uuid[];
BEGIN
    IF here IS NULL OR NOT neonpro.leads_recalls() OR NOT EXISTS (
        SELECT FROM public.product_lots AS l WHERE l.clinic_id = here AND l.id = wanted AND l.status = 'recalled'
    ) THEN
        RETURN;
    END IF;
    -- Twice the same, for what is answered must be written down first: an index scan of the lot's applications.
    these := ARRAY(
        SELECT q.patient FROM neonpro.recalled_patients(here, wanted, one, skip, take) AS q
    );
    IF these = '{}' THEN
        RETURN;
    END IF;
    PERFORM neonpro.record_reading('LIST', these, jsonb_build_object(
        'purpose', 'recall', 'lot', wanted, 'categories', '[]'::jsonb
    ));
    RETURN QUERY SELECT * FROM neonpro.recalled_patients(here, wanted, one, skip, take);
END
$$;
REVOKE ALL ON FUNCTION neonpro.recall_of(uuid, uuid, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.recall_of(uuid, uuid, integer, integer) TO neonpro_app;
