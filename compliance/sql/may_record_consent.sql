-- Who writes down which consent event: the one table of it. Asking and granting go by the family: the front desk sees to
-- marketing, images and telemedicine, the professional to what is part of care, the DPO to everything. To refuse and to
-- withdraw is as easy as can be: whoever is told writes it down, and patients do so themselves on the page «Meus dados». A policy's expiry is the DPO's or a routine's.
CREATE OR REPLACE FUNCTION neonpro.may_record_consent(role text, family text, event text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN event = 'withdrawn' AND role = 'patient' THEN true
        WHEN event IN ('refused', 'withdrawn') THEN role IN ('manager', 'reception', 'professional', 'dpo', 'job')
        WHEN event = 'expired_by_policy' THEN role IN ('dpo', 'job')
        WHEN event NOT IN ('asked', 'granted') THEN false
        WHEN family = 'LGPD' THEN role IN ('manager', 'reception', 'dpo', 'job')
        WHEN family IN ('IMAGE_USE', 'TELEMEDICINE') THEN role IN ('manager', 'reception', 'professional', 'dpo', 'job')
        WHEN family IN ('PROCEDURE', 'AI', 'DRUG_RISK') THEN role IN ('professional', 'dpo', 'job')
        ELSE false
    END
$$;
REVOKE ALL ON FUNCTION neonpro.may_record_consent(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.may_record_consent(text, text, text) TO neonpro_app;
