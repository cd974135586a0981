"""Floor 2: personal data under keys of the patient, which PostgreSQL hands out and writes down."""
