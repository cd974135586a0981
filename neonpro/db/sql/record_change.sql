-- The audit trigger: one row of audit_logs for each changed row, whatever changed it.
-- Arguments: [0] the column that holds the clinic ('' for a table outside any clinic), [1] the column that holds the
-- patient or '', [2] columns whose values are withheld ("•": the log outlives an erasure and must not repeat them),
-- [3] columns that are derived and not worth a trace. Lists are comma-separated.
-- A legal hold keeps every row of its patient: DELETE is refused.
-- INSERT stores the new values and DELETE the old ones, without what is empty; UPDATE stores {column: [old, new]} of
-- what differs, and one that changes nothing leaves nothing.
CREATE OR REPLACE FUNCTION neonpro.record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    old_row jsonb;
    new_row jsonb;
    this_row jsonb;
    diff jsonb;
    clinic_column constant text := TG_ARGV[0];
    patient_column constant text := TG_ARGV[1];
    withheld constant text[] := string_to_array(TG_ARGV[2], ',');
    derived constant text[] := string_to_array(TG_ARGV[3], ',');
BEGIN
    IF TG_OP = 'UPDATE' THEN
        old_row := to_jsonb(OLD) - derived;
        new_row := to_jsonb(NEW) - derived;
        IF old_row = new_row THEN
            RETURN NULL;
        END IF;
        this_row := new_row;
        SELECT jsonb_object_agg(
            n.key,
            CASE WHEN n.key = ANY (withheld) THEN '["•", "•"]'::jsonb ELSE jsonb_build_array(o.value, n.value) END
        )
        INTO diff
        FROM jsonb_each(new_row) AS n
        JOIN jsonb_each(old_row) AS o ON o.key = n.key
        WHERE o.value IS DISTINCT FROM n.value;
    ELSE
        this_row := CASE WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW) ELSE to_jsonb(OLD) END;
        IF TG_OP = 'DELETE' AND patient_column <> ''
            AND neonpro.is_held((this_row ->> clinic_column)::uuid, (this_row ->> patient_column)::uuid)
        THEN
            RAISE EXCEPTION 'a legal hold keeps the data of this patient'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_holds_keep';
        END IF;
        -- What is empty says nothing, and a withheld mark on it would say too much. A lone \x is an empty value of an
        -- encrypted column, written so that the caller's standard_conforming_strings cannot change what it says. Taking
        -- keys away costs half of what putting an object together does; an import notices.
        diff := this_row - derived - clinic_column - '{id,created_at}'::text[];
        diff := diff - ARRAY(SELECT d.key FROM jsonb_each_text(diff) AS d WHERE d.value IS NULL OR d.value IN ('', E'\\x'));
        IF withheld <> '{}' THEN
            SELECT diff || coalesce(jsonb_object_agg(w.key, '•'::text), '{}')
            INTO diff
            FROM unnest(withheld) AS w (key)
            WHERE diff ? w.key;
        END IF;
        diff := nullif(diff, '{}');
    END IF;
    who := neonpro.context();
    INSERT INTO public.audit_logs (
        clinic_id, action, table_name, record_id, patient_id, actor_kind, actor, role, request_id, changes
    ) VALUES (
        -- Outside any clinic (an account at sign-in) the log's own clinic is the nil UUID: the platform. A new row
        -- that is no clinic's is always the platform's: a clinic that invites somebody would learn from its own log
        -- whether the address had an account already.
        coalesce(
            (this_row ->> clinic_column)::uuid,
            CASE WHEN TG_OP <> 'INSERT' THEN who.clinic END,
            '00000000-0000-0000-0000-000000000000'
        ),
        TG_OP,
        TG_TABLE_NAME,
        (this_row ->> 'id')::uuid,
        (this_row ->> patient_column)::uuid,
        coalesce(who.kind, 'db'),
        coalesce(who.actor, session_user),
        coalesce(who.role, ''),
        who.request,
        diff
    );
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION neonpro.record_change() FROM PUBLIC;
