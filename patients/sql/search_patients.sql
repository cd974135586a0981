-- owner: neonpro_search
-- Patients of the current clinic whose name (or preferred name) holds all the words, or whose CPF, CNS or phone is the
-- digits. The one door to searching: operators such as LIKE cannot use an index under row security, so this runs as a
-- role of its own and filters the clinic itself. NULL arguments search nothing.
CREATE OR REPLACE FUNCTION neonpro.search_patients(words text[], digits text, take integer) RETURNS TABLE (patient uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here constant uuid := neonpro.current_clinic();
    patterns text[];
BEGIN
    IF here IS NULL OR neonpro.current_clinic_role() NOT IN ('manager', 'reception', 'professional', 'dpo', 'job') THEN
        RETURN;
    END IF;
    -- The longest first: it tells the index most. The backslash is written so that the caller's
    -- standard_conforming_strings cannot change what the function says.
    SELECT array_agg('%' || regexp_replace(word, E'([\\\\%_])', E'\\\\\\1', 'g') || '%' ORDER BY length(word) DESC, word)
    INTO patterns
    FROM (SELECT neonpro.fold(w) FROM unnest(words) AS w) AS folded (word)
    WHERE word <> '';
    IF patterns IS NOT NULL THEN
        RETURN QUERY
        SELECT p.id
        FROM public.patients AS p
        WHERE p.clinic_id = here
            -- LIKE ALL by itself cannot use an index; its first pattern can.
            AND (
                neonpro.fold(p.name) LIKE patterns[1] AND neonpro.fold(p.name) LIKE ALL (patterns)
                OR neonpro.fold(p.preferred_name) LIKE patterns[1] AND neonpro.fold(p.preferred_name) LIKE ALL (patterns)
            )
        ORDER BY p.created_at DESC, p.id
        LIMIT least(take, 1000);
    ELSIF digits <> '' THEN
        RETURN QUERY
        SELECT p.id
        FROM public.patients AS p
        WHERE p.clinic_id = here
            AND (p.cpf = digits OR p.cns = digits OR p.record_number = digits
                OR p.phone = '+55' || digits OR p.other_phone = '+55' || digits)
        ORDER BY p.created_at DESC, p.id
        LIMIT least(take, 1000);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION neonpro.search_patients(text[], text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION neonpro.search_patients(text[], text, integer) TO neonpro_app;
