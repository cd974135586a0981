-- For tables that are only ever added to: whoever asks, the tables' owner included, an old row stays as it is. But for
-- the rows of the patient whom this transaction erases with an approval (neonpro.erasing_patient): they go, or what is
-- kept of them is written anew under a fresh key (neonpro.resealing_patient). The audit log never.
CREATE OR REPLACE FUNCTION neonpro.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_row jsonb;
BEGIN
    IF TG_OP IN ('DELETE', 'UPDATE') AND TG_LEVEL = 'ROW' AND TG_TABLE_NAME !~ '^audit_logs' THEN
        old_row := to_jsonb(OLD);
        IF (CASE WHEN old_row ? 'patient_id' THEN old_row ->> 'patient_id' ELSE old_row ->> 'id' END)::uuid
            = (CASE TG_OP WHEN 'DELETE' THEN neonpro.erasing_patient() ELSE neonpro.resealing_patient() END)
        THEN
            IF TG_OP = 'DELETE' THEN
                RETURN OLD;
            END IF;
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %: rows are only ever added', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION neonpro.refuse_change() FROM PUBLIC;
