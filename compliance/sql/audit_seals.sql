-- Seals of the audit log: each is a Merkle tree (RFC 6962) over a batch of one clinic's rows, signed, with the digest of
-- the seal before it. Rows are sealed once their transactions are over, so nobody who writes waits for a seal.
--   document         what is signed, with its signature (compliance.certificates); NULL only inside the sealing transaction
--   digest           SHA-256 of the document; the next seal names it as `previous`
--   ids, leaves      which rows, and the hash of each, 32 bytes each, in the order of created_at and id: what verifying
--                    needs to say which row it is that was changed or is missing
--   place            the database that wrote the rows: transaction ids count anew in a restored one
--   low_xid, up_to   the batch is of transactions from low_xid on and before up_to (the first of a place: of all before)
--   low_at, since    no row of those transactions is older than low_at; none of a later batch is older than since
--   complete         FALSE when more rows of the same transactions follow in the next seal
-- Only functions of neonpro_sealer reach it.
CREATE TABLE neonpro.audit_seals (
    clinic_id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    document text,
    digest bytea CHECK (octet_length(digest) = 32),
    previous bytea NOT NULL CHECK (octet_length(previous) IN (0, 32)),
    ids uuid[] NOT NULL,
    leaves bytea NOT NULL CHECK (octet_length(leaves) = 32 * cardinality(ids)),
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    place text NOT NULL,
    low_xid xid8 NOT NULL,
    low_at timestamptz NOT NULL,
    up_to xid8 NOT NULL,
    since timestamptz NOT NULL,
    complete boolean NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, number),
    -- Two seals after the same one would be a fork.
    CONSTRAINT audit_seals_no_fork UNIQUE (clinic_id, previous)
);
-- Hashes and random numbers do not get smaller.
ALTER TABLE neonpro.audit_seals ALTER COLUMN ids SET STORAGE EXTERNAL, ALTER COLUMN leaves SET STORAGE EXTERNAL;
ALTER TABLE neonpro.audit_seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE neonpro.audit_seals FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_seals_sealer ON neonpro.audit_seals TO neonpro_sealer USING (true) WITH CHECK (true);
SELECT neonpro.seal_policy('neonpro.audit_seals', 'audit_seals_sealer', 'sql');
REVOKE ALL ON neonpro.audit_seals FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON neonpro.audit_seals TO neonpro_sealer;

GRANT USAGE, CREATE ON SCHEMA neonpro TO neonpro_sealer;
GRANT USAGE ON SCHEMA public TO neonpro_sealer;
GRANT SELECT ON public.audit_logs TO neonpro_sealer;
GRANT EXECUTE ON FUNCTION neonpro.context() TO neonpro_sealer;
