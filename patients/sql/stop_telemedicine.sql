-- What of telemedicine ends with a consent of the patient: sessions that are planned or running, or a recording. Called by
-- the floor above (neonpro.stop_uses) inside the transaction that ends the consent, whoever writes that down.
CREATE OR REPLACE FUNCTION neonpro.stop_telemedicine(patient uuid, purpose text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF purpose = 'telemedicine' THEN
        UPDATE public.telemedicine_sessions AS s SET status = 'refused', refused_by = 'PATIENT'
        WHERE s.clinic_id = neonpro.current_clinic() AND s.patient_id = patient AND s.status IN ('planned', 'running');
    ELSIF purpose = 'telemedicine_recording' THEN
        UPDATE public.telemedicine_sessions AS s SET recording_stopped_at = clock_timestamp()
        WHERE s.clinic_id = neonpro.current_clinic() AND s.patient_id = patient AND s.status = 'running'
            AND s.recording_started_at IS NOT NULL AND s.recording_stopped_at IS NULL;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION neonpro.stop_telemedicine(uuid, text) FROM PUBLIC;
