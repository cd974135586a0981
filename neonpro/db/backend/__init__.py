"""The database backend: `ENGINE = "neonpro.db.backend"`."""
