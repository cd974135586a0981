-- HMAC-SHA-256 of a message under one of the context keys, bound to this backend and this transaction, in hex.
-- NULL when there is no such key. Neither the application nor PUBLIC may call it: it would sign anything.
CREATE OR REPLACE FUNCTION neonpro.context_mac(key_fingerprint text, message text) RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT encode(
        sha256(
            k.outer_pad || sha256(
                k.inner_pad || convert_to(
                    message
                    || '|' || pg_backend_pid()
                    || '|' || (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint,
                    'UTF8'
                )
            )
        ),
        'hex'
    )
    FROM neonpro.context_keys AS k
    WHERE k.fingerprint = key_fingerprint
$$;
REVOKE ALL ON FUNCTION neonpro.context_mac(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.context_mac(text, text) TO neonpro_gate;
