"""The project's settings, and what the other sides of the pairs need: a second connection and two stock admins."""

from pathlib import Path
from typing import Any

import unfold
from django.contrib import admin

from neonpro.settings import *  # noqa: F403
from neonpro.settings import DATABASES, TEMPLATES
from tests.bench.house import UNBOUND

ROOT_URLCONF = "tests.bench.urls"

# The project's backend refuses such a role, and rightly.
DATABASES["unbound"] = DATABASES["default"] | {"ENGINE": "django.db.backends.postgresql", "USER": UNBOUND}


def _templates_of(name: str, package: Path) -> dict[str, Any]:
    """A template engine that finds a package's own templates first, whatever overrides them elsewhere."""
    return TEMPLATES[0] | {"NAME": name, "DIRS": [package / "templates"]}


# The project's engine stays the first, and so the default.
TEMPLATES = [
    TEMPLATES[0],
    _templates_of("stock", Path(admin.__file__).parent),
    _templates_of("themed", Path(unfold.__file__).parent),
]
