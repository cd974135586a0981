-- What the gate reads and writes of the sessions of the page «Meus dados» (neonpro.enter), and whose names it tells there
-- (neonpro.team_names).
GRANT SELECT, UPDATE ON public.holder_sessions TO neonpro_gate;
GRANT SELECT (id, clinic_id, full_name) ON public.professionals TO neonpro_gate;
