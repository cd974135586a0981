-- Who keeps the seals (neonpro.keep_seal), whatever session_replication_role says.
CREATE TRIGGER keep_seal BEFORE UPDATE OR DELETE ON neonpro.audit_seals
FOR EACH ROW EXECUTE FUNCTION neonpro.keep_seal();
ALTER TABLE neonpro.audit_seals ENABLE ALWAYS TRIGGER keep_seal;
CREATE TRIGGER keep_seals BEFORE TRUNCATE ON neonpro.audit_seals
FOR EACH STATEMENT EXECUTE FUNCTION neonpro.keep_seal();
ALTER TABLE neonpro.audit_seals ENABLE ALWAYS TRIGGER keep_seals;
CREATE CONSTRAINT TRIGGER close_seal AFTER INSERT ON neonpro.audit_seals
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION neonpro.keep_seal();
ALTER TABLE neonpro.audit_seals ENABLE ALWAYS TRIGGER close_seal;
