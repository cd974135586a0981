-- What the gate reads and writes of the sessions of the page «Meus dados» (neonpro.enter).
GRANT SELECT, UPDATE ON public.holder_sessions TO neonpro_gate;
