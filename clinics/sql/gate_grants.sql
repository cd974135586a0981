-- What the gate's functions read and write; nothing else of its.
GRANT SELECT ON public.users, public.clinics, public.clinic_memberships TO neonpro_gate;
GRANT INSERT ON public.users TO neonpro_gate;
