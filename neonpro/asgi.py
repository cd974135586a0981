"""The ASGI entry point of a deployment."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neonpro.settings")
application = get_asgi_application()
