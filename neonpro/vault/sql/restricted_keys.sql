-- A category of one patient's data can be closed to all but the DPO (LGPD art. 18, IV): since when, beside its key.
ALTER TABLE neonpro.data_keys ADD COLUMN IF NOT EXISTS restricted_at timestamptz;
