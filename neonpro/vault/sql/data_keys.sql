-- The data keys: one for each patient and category of data, wrapped by a master key that PostgreSQL never sees. `kid`
-- says which one. A key that was destroyed leaves its row, so that none can be made in its place: erased stays erased.
-- A clinic's own key, for the search's tokens, stands under the clinic's id and the category "search".
-- A key of which a part went and a part stays is replaced (neonpro.renew_keys): `renewed_at` says when.
-- Only functions of the owner read it. No change trigger, no history, no ordinary dump: what outlives an erasure must
-- not hold a key, not even a wrapped one.
CREATE TABLE neonpro.data_keys (
    clinic_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    category text NOT NULL CHECK (
        category IN ('identification', 'contact', 'clinical', 'images', 'marketing', 'ai', 'search')
    ),
    kid integer NOT NULL,
    wrapped bytea CHECK (octet_length(wrapped) = 80),
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    renewed_at timestamptz,
    PRIMARY KEY (clinic_id, patient_id, category),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
ALTER TABLE neonpro.data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE neonpro.data_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY data_keys_clinic ON neonpro.data_keys TO neonpro_owner
    USING (clinic_id = (SELECT neonpro.current_clinic()))
    WITH CHECK (clinic_id = (SELECT neonpro.current_clinic()));
SELECT neonpro.seal_policy('neonpro.data_keys', 'data_keys_clinic', 'sql');
REVOKE ALL ON neonpro.data_keys FROM PUBLIC;
