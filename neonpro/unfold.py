"""The admin's look and menus (django-unfold's settings)."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "NeonPro",
    "SITE_HEADER": "NeonPro",
}
