-- What the search and the trigger that keeps the last visit read; nothing else of theirs.
GRANT SELECT (id, clinic_id, record_number, restricted_at) ON public.patients TO neonpro_search;
GRANT SELECT (clinic_id, patient_id, day, status) ON public.appointments TO neonpro_search;
