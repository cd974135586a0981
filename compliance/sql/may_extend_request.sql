-- Which requests may be answered later than first due: lgpd.requests.extendable of neonpro/rules/lgpd.toml, which a test
-- compares. What the statute gives a term of its own is not among them.
CREATE OR REPLACE FUNCTION neonpro.may_extend_request(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT kind IN (
        'CORRECTION', 'ANONYMIZE_BLOCK_DELETE', 'PORTABILITY', 'DELETE_CONSENTED_DATA', 'SHARING_INFO', 'OPPOSE',
        'REVIEW_AUTOMATED_DECISION', 'RECORD_RECTIFICATION'
    )
$$;
REVOKE ALL ON FUNCTION neonpro.may_extend_request(text) FROM PUBLIC;
