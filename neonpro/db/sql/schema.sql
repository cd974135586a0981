-- Everything of ours that is not a Django table lives in the schema neonpro; the extension is a core one.
CREATE SCHEMA neonpro;
REVOKE ALL ON SCHEMA neonpro FROM PUBLIC;
GRANT USAGE ON SCHEMA neonpro TO neonpro_app;
-- The two NOLOGIN roles make their functions here themselves (see neonpro.db.functions).
GRANT USAGE, CREATE ON SCHEMA neonpro TO neonpro_gate, neonpro_search;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO neonpro_app, neonpro_gate, neonpro_search;

CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
