-- Makes the audit log's partitions from this month to some months ahead; answers with how many it made. Each partition
-- is as shut as the log itself: policies of a parent do not protect a partition that is named directly, so row
-- security is forced on each with no policy at all, nothing is granted, and the triggers are always on.
CREATE OR REPLACE FUNCTION neonpro.ensure_audit_partitions(months integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    first_day timestamptz := date_trunc('month', now());
    partition_name text;
    made integer := 0;
    part record;
    trigger_name name;
BEGIN
    FOR offset_months IN 0..months LOOP
        partition_name := 'audit_logs_' || to_char(first_day + make_interval(months => offset_months), 'YYYY_MM');
        IF to_regclass('public.' || partition_name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.audit_logs FOR VALUES FROM (%L) TO (%L)',
                partition_name,
                first_day + make_interval(months => offset_months),
                first_day + make_interval(months => offset_months + 1)
            );
            made := made + 1;
        END IF;
    END LOOP;
    FOR part IN
        SELECT i.inhrelid::regclass AS name FROM pg_inherits AS i WHERE i.inhparent = 'public.audit_logs'::regclass
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', part.name);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', part.name);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, neonpro_app', part.name);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION neonpro.refuse_change()', part.name
        );
        FOR trigger_name IN
            SELECT t.tgname FROM pg_trigger AS t WHERE t.tgrelid = part.name AND NOT t.tgisinternal AND t.tgenabled <> 'A'
        LOOP
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', part.name, trigger_name);
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION neonpro.ensure_audit_partitions(integer) FROM PUBLIC;
