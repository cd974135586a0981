-- What patients are found by. A token is a keyed hash (neonpro/vault/search.py); whoever sees them all, without any key,
-- still sees which patients share the beginning of a word, and can guess the commonest names. So only functions of
-- neonpro_search, which nobody can be, see this table: not the application, and row security keeps the owner out too.
-- It goes at an erasure, and stays out of ordinary dumps.
CREATE TABLE neonpro.search_tokens (
    clinic_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    tokens bigint[] NOT NULL,
    cpf bigint,
    external bigint,
    -- The last visit, past or to come, that was not cancelled. No index may hold it: so its change touches none.
    last_day date,
    -- The clinic never first: the planner would read a whole clinic to AND it with the tokens.
    PRIMARY KEY (patient_id, clinic_id)
) WITH (fillfactor = 85);
-- Without the pending list each search is as fast as the last one.
CREATE INDEX search_tokens_tokens ON neonpro.search_tokens USING gin (tokens) WITH (fastupdate = off);
-- Tokens are keyed for each clinic, so a clash tells nothing of another one.
CREATE UNIQUE INDEX patients_one_per_cpf ON neonpro.search_tokens (cpf, clinic_id) WHERE cpf IS NOT NULL;
CREATE UNIQUE INDEX patients_one_per_external_id ON neonpro.search_tokens (external, clinic_id)
    WHERE external IS NOT NULL;

ALTER TABLE neonpro.search_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE neonpro.search_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY search_tokens_search ON neonpro.search_tokens TO neonpro_search USING (true) WITH CHECK (true);
SELECT neonpro.seal_policy('neonpro.search_tokens', 'search_tokens_search', 'sql');
REVOKE ALL ON neonpro.search_tokens FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON neonpro.search_tokens TO neonpro_search;
