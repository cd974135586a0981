"""The system checks of signing: the configured roots are certificates, and the timestamp authority has an address."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.utils import timezone

from neonpro.pades.roots import RootsInvalid, is_root, read_certificates

_SETTINGS = ("NEONPRO_ICP_ROOTS", "NEONPRO_SIGNATURE_ROOTS", "NEONPRO_TSA_ROOTS")


def check_signing(**_: Any) -> list[CheckMessage]:
    """Everything wrong with the settings of signing, pades.E001 to pades.E003 and pades.W001 to pades.W002."""
    messages: list[CheckMessage] = []
    for name in _SETTINGS:
        messages += _roots(name)
    url = settings.NEONPRO_TSA_URL
    if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        # The address itself may hold a password.
        messages.append(
            Error("NEONPRO_TSA_URL is no address.", hint="It begins with http:// or https://.", id="pades.E003")
        )
    return messages


def _roots(name: str) -> list[CheckMessage]:
    paths = getattr(settings, name)
    try:
        found = read_certificates(paths)
    except RootsInvalid as error:
        return [Error(f"{name}: {error}.", hint="Name PEM or DER files, or directories of them.", id="pades.E001")]
    if paths and not any(is_root(one) for one in found):
        return [
            Error(
                f"{name} has no root among its certificates.",
                hint="A root certifies itself; intermediates may stand beside it.",
                id="pades.E002",
            )
        ]
    late = [one for one in found if is_root(one) and one.not_valid_after_utc < timezone.now()]
    if late:
        return [
            Warning(
                f"{name}: {len(late)} of its roots have expired.",
                hint="Keep them while signatures made under them are verified; new ones need the successor too.",
                id="pades.W001",
            )
        ]
    return []
