-- owner: neonpro_search
-- Makes the search forget a patient of the current clinic: part of an erasure.
CREATE OR REPLACE FUNCTION neonpro.forget_tokens(patient uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF neonpro.current_clinic() IS NULL OR neonpro.current_clinic_role() NOT IN ('dpo', 'job') THEN
        RAISE EXCEPTION 'only the DPO erases' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM neonpro.search_tokens AS t WHERE t.patient_id = patient AND t.clinic_id = neonpro.current_clinic();
END
$$;
REVOKE ALL ON FUNCTION neonpro.forget_tokens(uuid) FROM PUBLIC;
-- neonpro.destroy_keys, which is the owner's, calls it.
GRANT EXECUTE ON FUNCTION neonpro.forget_tokens(uuid) TO neonpro_app, neonpro_owner;
