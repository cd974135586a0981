-- Which role may open which category of personal data: the one table of it. NULL for a category that does not exist.
-- Reception, management and the DPO never read clinical text, whatever SQL they run; an auditor reads nothing personal. A
-- patient on the page «Meus dados» opens their own keys alone (neonpro.open_keys); the page's door compares a date of birth
-- and takes an address to write to.
CREATE OR REPLACE FUNCTION neonpro.may_open(role text, category text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE category
        WHEN 'identification' THEN role IN ('manager', 'reception', 'professional', 'dpo', 'job', 'patient', 'door')
        WHEN 'contact' THEN role IN ('manager', 'reception', 'professional', 'dpo', 'job', 'patient', 'door')
        WHEN 'clinical' THEN role = 'professional'
        WHEN 'images' THEN role = 'professional'
        WHEN 'marketing' THEN role IN ('manager', 'reception', 'dpo', 'job')
        WHEN 'ai' THEN role IN ('professional', 'job')
    END
$$;
REVOKE ALL ON FUNCTION neonpro.may_open(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.may_open(text, text) TO neonpro_app, neonpro_search;
