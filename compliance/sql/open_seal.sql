-- owner: neonpro_sealer
-- Takes the next rows of a clinic's log that no seal holds and whose transactions are all over, at most `most`, into a
-- new seal, and answers with what there is to sign. neonpro.close_seal must follow in the same transaction. No number:
-- there is nothing to seal; `waits` says that only a transaction that is still running keeps it so.
CREATE OR REPLACE FUNCTION neonpro.open_seal(
    most integer, OUT number bigint, OUT previous bytea, OUT leaves bytea, OUT first_at timestamptz, OUT last_at timestamptz,
    OUT up_to xid8, OUT waits boolean
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    nothing constant uuid := '00000000-0000-0000-0000-000000000000';
    clinic constant uuid := neonpro.sealing_clinic();
    here constant text := neonpro.seal_place();
    horizon xid8;
    last record;
    -- The window: its first transaction, the one after its last, and times that no row of it, or after it, lies before.
    low xid8;
    low_time timestamptz;
    high_time timestamptz;
    -- The first window of a place takes everything from before it, whatever the transactions were called there.
    fresh boolean;
    after_at timestamptz := '-infinity';
    after_id uuid := nothing;
    taken uuid[];
    found bigint;
BEGIN
    -- One at a time for each clinic; whoever writes into the log is not asked to wait.
    PERFORM pg_advisory_xact_lock(hashtextextended('neonpro.audit_seals:' || clinic, 0));
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    waits := false;
    SELECT s.*, s.ids[cardinality(s.ids)] AS last_id INTO last
    FROM neonpro.audit_seals AS s WHERE s.clinic_id = clinic ORDER BY s.number DESC LIMIT 1;
    fresh := last.number IS NULL OR last.place <> here OR (NOT last.complete AND last.low_xid = '0');
    IF last.number IS NOT NULL AND last.place = here AND NOT last.complete THEN
        low := last.low_xid;
        low_time := last.low_at;
        up_to := last.up_to;
        high_time := last.since;
        after_at := last.last_at;
        after_id := last.last_id;
    ELSIF fresh THEN
        low := '0';
        low_time := coalesce(CASE WHEN last.complete THEN last.since ELSE last.low_at END, '-infinity');
        SELECT h.next, h.at INTO up_to, high_time
        FROM neonpro.audit_horizons AS h WHERE h.place = here ORDER BY h.at LIMIT 1;
        IF up_to IS NULL OR horizon < up_to THEN
            waits := true;
            RETURN;
        END IF;
    ELSE
        low := last.up_to;
        low_time := last.since;
        up_to := horizon;
        IF up_to <= low THEN
            waits := true;
            RETURN;
        END IF;
        SELECT max(h.at) INTO high_time FROM neonpro.audit_horizons AS h WHERE h.place = here AND h.next <= horizon;
        high_time := greatest(high_time, low_time);
    END IF;
    -- A clock that was set back by less than this does no harm.
    SELECT array_agg(t.id ORDER BY t.created_at, t.id), string_agg(t.leaf, '' ORDER BY t.created_at, t.id),
        min(t.created_at), max(t.created_at), count(*)
    INTO taken, leaves, first_at, last_at, found
    FROM (
        SELECT e.id, e.created_at, e.leaf
        FROM neonpro.audit_entries AS e
        WHERE e.clinic_id = clinic AND e.created_at >= low_time - interval '5 minutes'
            AND (e.created_at, e.id) > (after_at, after_id)
            AND CASE WHEN fresh THEN
                (e.created_at < high_time OR e.xid < up_to)
                AND e.id NOT IN (
                    SELECT unnest(s.ids)
                    FROM neonpro.audit_seals AS s
                    WHERE s.clinic_id = clinic AND s.last_at >= low_time - interval '5 minutes' AND s.place <> here
                )
            ELSE e.xid >= low AND e.xid < up_to END
        ORDER BY e.created_at, e.id
        LIMIT most
    ) AS t;
    IF found = 0 THEN
        leaves := NULL;
        RETURN;
    END IF;
    number := coalesce(last.number, 0) + 1;
    previous := coalesce(last.digest, '');
    INSERT INTO neonpro.audit_seals (
        clinic_id, number, previous, ids, leaves, first_at, last_at, place, low_xid, low_at, up_to, since, complete
    ) VALUES (
        clinic, number, previous, taken, leaves, first_at, last_at, here, low, low_time, up_to, high_time, found < most
    );
END
$$;
REVOKE ALL ON FUNCTION neonpro.open_seal(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.open_seal(integer) TO neonpro_app;
