-- Who acts, in which clinic, with which role, for which request: read from the transaction's signed context.
-- All NULL without a context; an error when the context was not signed for this backend and this transaction.
-- The token is  fingerprint|kind|actor|clinic|role|request|mac  (see neonpro.enter).
CREATE OR REPLACE FUNCTION neonpro.context(
    OUT kind text, OUT actor text, OUT clinic uuid, OUT role text, OUT request uuid
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token text := current_setting('neonpro.context', true);
    part text[];
BEGIN
    -- After a transaction that set it, the setting reads '' and no longer NULL.
    IF token IS NULL OR token = '' THEN
        RETURN;
    END IF;
    part := string_to_array(token, '|');
    IF cardinality(part) IS DISTINCT FROM 7
        OR neonpro.context_mac(part[1], array_to_string(part[1:6], '|')) IS DISTINCT FROM part[7]
    THEN
        RAISE EXCEPTION 'invalid clinic context' USING ERRCODE = 'insufficient_privilege';
    END IF;
    kind := part[2];
    actor := part[3];
    clinic := nullif(part[4], '')::uuid;
    role := part[5];
    request := nullif(part[6], '')::uuid;
END
$$;
REVOKE ALL ON FUNCTION neonpro.context() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.context() TO neonpro_gate, neonpro_search;
