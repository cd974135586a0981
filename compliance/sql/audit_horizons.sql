-- When each transaction id had not been given out yet: a row of transaction `next` or later is no older than `at`. So
-- the rows of a batch are found by their time, for which there is an index, and none is needed for transaction ids.
CREATE TABLE neonpro.audit_horizons (
    place text NOT NULL,
    at timestamptz NOT NULL,
    next xid8 NOT NULL,
    PRIMARY KEY (place, at)
);
ALTER TABLE neonpro.audit_horizons ENABLE ROW LEVEL SECURITY;
ALTER TABLE neonpro.audit_horizons FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_horizons_sealer ON neonpro.audit_horizons TO neonpro_sealer USING (true) WITH CHECK (true);
SELECT neonpro.seal_policy('neonpro.audit_horizons', 'audit_horizons_sealer', 'sql');
REVOKE ALL ON neonpro.audit_horizons FROM PUBLIC;
GRANT SELECT, INSERT, DELETE ON neonpro.audit_horizons TO neonpro_sealer;
