-- How often the page «Meus dados» was tried, by keyed hashes of addresses and of what people typed: for its limits alone,
-- and for a day. No personal data; only neonpro.holder_try reads and writes it.
CREATE TABLE neonpro.holder_tries (
    clinic_id uuid NOT NULL,
    key text NOT NULL CHECK (key ~ '^[a-z_]{1,20}:[0-9a-f]{64}$'),
    tried_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX holder_tries_key ON neonpro.holder_tries (clinic_id, key, tried_at);
CREATE INDEX holder_tries_old ON neonpro.holder_tries (clinic_id, tried_at);
ALTER TABLE neonpro.holder_tries ENABLE ROW LEVEL SECURITY;
ALTER TABLE neonpro.holder_tries FORCE ROW LEVEL SECURITY;
CREATE POLICY holder_tries_clinic ON neonpro.holder_tries TO neonpro_owner
    USING (clinic_id = (SELECT neonpro.current_clinic()))
    WITH CHECK (clinic_id = (SELECT neonpro.current_clinic()));
SELECT neonpro.seal_policy('neonpro.holder_tries', 'holder_tries_clinic', 'sql');
REVOKE ALL ON neonpro.holder_tries FROM PUBLIC;
