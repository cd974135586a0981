-- What a recall reads, past the row policies of care: who got what from which lot, and nothing clinical besides.
GRANT SELECT (id, clinic_id, status) ON public.product_lots TO neonpro_search;
GRANT SELECT (id, clinic_id, patient_id, professional_id, appointment_id, lot_id, quantity, applied_at)
    ON public.product_applications TO neonpro_search;
GRANT SELECT (clinic_id, application_id) ON public.product_application_voids TO neonpro_search;
GRANT SELECT (clinic_id, lot_id, patient_id, outcome, created_at) ON public.recall_contacts TO neonpro_search;
