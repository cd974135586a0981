"""No models: Django announces the end of `migrate` (see `deploy.after_migrate`) only to apps that have this module."""
