-- owner: neonpro_sealer
-- Gives the seal that this transaction opened its signed document; from then on it never changes.
CREATE OR REPLACE FUNCTION neonpro.close_seal(signed text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE neonpro.audit_seals AS s
    SET document = signed, digest = sha256(convert_to(signed, 'UTF8'))
    WHERE s.clinic_id = neonpro.sealing_clinic() AND s.document IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no seal is open' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION neonpro.close_seal(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.close_seal(text) TO neonpro_app;
