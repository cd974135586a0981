"""The project's settings, and what the other sides of the pairs need: a second connection and two stock admins."""

from pathlib import Path
from typing import Any

import django
import unfold

from neonpro.settings import *  # noqa: F403
from neonpro.settings import DATABASES, TEMPLATES
from tests.bench.house import UNBOUND

ROOT_URLCONF = "tests.bench.urls"

# The project's backend refuses such a role, and rightly.
DATABASES["unbound"] = DATABASES["default"] | {"ENGINE": "django.db.backends.postgresql", "USER": UNBOUND}


def _templates_of(name: str, package: str) -> dict[str, Any]:
    """A template engine that finds a package's own templates first, whatever overrides them in the project."""
    return TEMPLATES[0] | {"NAME": name, "DIRS": [Path(package).parent / "templates"]}


# The project's engine stays the first, and so the default.
TEMPLATES = [
    TEMPLATES[0],
    _templates_of("stock", f"{Path(django.__file__).parent}/contrib/admin/admin.py"),
    _templates_of("themed", str(unfold.__file__)),
]
