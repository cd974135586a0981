-- What the search reads; nothing else of its.
GRANT SELECT (id, clinic_id, name, preferred_name, cpf, cns, record_number, phone, other_phone, created_at)
    ON public.patients TO neonpro_search;
