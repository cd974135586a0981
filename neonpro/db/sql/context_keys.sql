-- The keys that sign a clinic context (HMAC-SHA-256), newest first. Only functions of the owner read them.
-- The two pads are the key already XORed with the constants of RFC 2104, so that verifying is two sha256() calls.
CREATE TABLE neonpro.context_keys (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{16}$'),
    position smallint NOT NULL UNIQUE CHECK (position > 0),
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64)
);
REVOKE ALL ON neonpro.context_keys FROM PUBLIC;
