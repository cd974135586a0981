"""The names of the database roles; `deploy/roles.sql` makes them."""

OWNER = "neonpro_owner"
"""Owns the schema and runs migrations."""

APP = "neonpro_app"
"""What the web and the jobs connect as."""

GATE = "neonpro_gate"
"""Owns the functions that decide who may enter a clinic."""

SEARCH = "neonpro_search"
"""Owns the functions that search patients and the accesses to them."""

ERASER = "neonpro_eraser"
"""Owns the functions that delete an erased patient's rows and look for what is left of them."""

SEALER = "neonpro_sealer"
"""Owns the functions that seal the audit log and verify it."""
