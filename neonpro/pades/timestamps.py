"""Timestamps by RFC 3161 over HTTP: the one thing here that uses the network, and only when it is configured."""

import base64
import http.client
from functools import lru_cache
from typing import Final
from urllib.error import URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from asn1crypto import tsp
from django.conf import settings
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError

_TIMEOUT: Final = 10
_MAX_ANSWER: Final = 256 * 1024


class _NoRedirect(HTTPRedirectHandler):
    """The address is configured; wherever it would send us is not."""

    def redirect_request(self, *args: object, **options: object) -> None:
        return None


class HttpTimestamper(TimeStamper):
    """Asks a timestamp authority, of which it sends a digest and nothing else.

    Args:
        url: http or https, with user and password in it where the authority wants them.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def __repr__(self) -> str:
        return f"<timestamps of {urlsplit(self._url).hostname}>"

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """The authority's answer.

        Raises:
            TimestampRequestError: there is none, or it is none.
        """
        request = Request(self._url, data=req.dump(), headers=self._headers)  # noqa: S310  # checked: http or https
        try:
            with build_opener(_NoRedirect()).open(request, timeout=_TIMEOUT) as answer:
                body = answer.read(_MAX_ANSWER)
                kind = answer.headers.get_content_type()
        except (URLError, OSError, http.client.HTTPException) as error:
            raise TimestampRequestError(f"no answer ({type(error).__name__})") from None
        if kind != "application/timestamp-reply":
            raise TimestampRequestError("the answer is no timestamp")
        return tsp.TimeStampResp.load(body)


@lru_cache(maxsize=2)
def _timestamper(url: str) -> HttpTimestamper:
    return HttpTimestamper(url)


def configured_timestamper() -> HttpTimestamper | None:
    """That of `NEONPRO_TSA_URL`; None where there is none."""
    return _timestamper(settings.NEONPRO_TSA_URL) if settings.NEONPRO_TSA_URL else None
