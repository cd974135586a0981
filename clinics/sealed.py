"""Search terms that may stand in a URL: only the person who searched can read them, in that clinic, on that day.

What people search for is a name or a CPF. Addresses of pages end up in server logs, browser histories and Referer
headers, so a term never stands there in the clear.
"""

import base64
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

WORK_DAY = 12 * 60 * 60
"""Seconds for which a sealed term can be read; a session lasts as long."""


class UnreadableTerm(Exception):
    """The seal is somebody else's, another clinic's, too old or damaged."""


def seal(term: str, *, user: UUID, clinic: UUID) -> str:
    """The term, encrypted for one person in one clinic: safe in a URL."""
    return _cipher(user, clinic).encrypt(term.encode()).decode()


def unseal(sealed: str, *, user: UUID, clinic: UUID) -> str:
    """What `seal` was given.

    Raises:
        UnreadableTerm: for anything else than a term that this person sealed in this clinic within a work day.
    """
    try:
        return _cipher(user, clinic).decrypt(sealed.encode(), ttl=WORK_DAY).decode()
    except (InvalidToken, UnicodeError) as error:
        raise UnreadableTerm from error


def _cipher(user: UUID, clinic: UUID) -> Fernet:
    # A key of its own for each person and clinic: a term sealed elsewhere simply does not open.
    key = salted_hmac("clinics.sealed", f"{user}|{clinic}", secret=settings.SECRET_KEY, algorithm="sha256")
    return Fernet(base64.urlsafe_b64encode(key.digest()))
