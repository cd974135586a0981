-- Whom a transaction erases just now: a row while neonpro.begin_erasure's transaction lasts, and of no meaning in any
-- other, since it names its transaction. Only the owner's functions write it; triggers and policies believe nothing else.
CREATE TABLE neonpro.erasing (
    xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    clinic_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    erasure_id uuid NOT NULL,
    -- While neonpro.reseal_rows runs, and at no other moment.
    resealing boolean NOT NULL DEFAULT false
);
ALTER TABLE neonpro.erasing ENABLE ROW LEVEL SECURITY;
ALTER TABLE neonpro.erasing FORCE ROW LEVEL SECURITY;
CREATE POLICY erasing_clinic ON neonpro.erasing TO neonpro_owner
    USING (clinic_id = (SELECT neonpro.current_clinic()))
    WITH CHECK (clinic_id = (SELECT neonpro.current_clinic()));
SELECT neonpro.seal_policy('neonpro.erasing', 'erasing_clinic', 'sql');
REVOKE ALL ON neonpro.erasing FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA neonpro TO neonpro_eraser;
GRANT USAGE ON SCHEMA public TO neonpro_eraser;
GRANT EXECUTE ON FUNCTION neonpro.current_clinic() TO neonpro_eraser;
GRANT EXECUTE ON FUNCTION neonpro.current_clinic_role() TO neonpro_eraser;
GRANT EXECUTE ON FUNCTION neonpro.current_user_id() TO neonpro_eraser;
GRANT EXECUTE ON FUNCTION neonpro.context() TO neonpro_eraser;
