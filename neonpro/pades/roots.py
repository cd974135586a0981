"""The certificates that are trusted: which roots, and what a chain that ends in each is worth."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings

_SUFFIXES: Final = {".pem", ".crt", ".cer", ".der"}


class RootsInvalid(Exception):
    """A configured file is missing, or is no certificate; the message names the file."""


@dataclass(frozen=True, slots=True)
class Roots:
    """Trust anchors.

    Args:
        icp: roots of ICP-Brasil: what they certify is a qualified signature (Lei 14.063/2020 art. 4 III).
        other: roots that the clinic accepts besides: what they certify is an advanced signature (art. 4 II).
        tsa: roots of timestamp authorities alone; those of `icp` count for timestamps too.
        intermediates: authorities in between, where a PFX comes without them.
    """

    icp: tuple[x509.Certificate, ...] = ()
    other: tuple[x509.Certificate, ...] = ()
    tsa: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.icp or self.other)

    @property
    def signers(self) -> tuple[x509.Certificate, ...]:
        """The roots of people's certificates."""
        return self.icp + self.other

    @property
    def timestamps(self) -> tuple[x509.Certificate, ...]:
        """The roots of timestamp authorities."""
        return self.icp + self.tsa

    def is_icp(self, anchor: bytes) -> bool:
        """Whether a certificate, by its SHA-256, is a root of ICP-Brasil."""
        return any(root.fingerprint(SHA256()) == anchor for root in self.icp)


def is_root(certificate: x509.Certificate) -> bool:
    """Whether a certificate certifies itself."""
    return certificate.subject == certificate.issuer


def read_certificates(paths: Iterable[str]) -> tuple[x509.Certificate, ...]:
    """The certificates in files (PEM with any number, or DER) and directories of them.

    Raises:
        RootsInvalid: one is missing, unreadable or no certificate.
    """
    found: list[x509.Certificate] = []
    for path in paths:
        for file in _files(Path(path)):
            found += _read(file)
    return tuple(found)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
    if not files:
        raise RootsInvalid(f"{path}: no certificate in this directory (.pem, .crt, .cer, .der)")
    return files


def _read(file: Path) -> list[x509.Certificate]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise RootsInvalid(f"{file}: {error.strerror}") from error
    try:
        if re.search(rb"-----BEGIN", data):
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise RootsInvalid(f"{file}: not a certificate") from error


def load_roots(*, icp: Iterable[str] = (), other: Iterable[str] = (), tsa: Iterable[str] = ()) -> Roots:
    """Read trust anchors from files and directories. What does not certify itself in them is an intermediate.

    Raises:
        RootsInvalid: a file is missing or no certificate.
    """
    groups = [read_certificates(paths) for paths in (icp, other, tsa)]
    anchors = [tuple(one for one in group if is_root(one)) for group in groups]
    between = tuple(dict.fromkeys(one for group in groups for one in group if not is_root(one)))
    return Roots(icp=anchors[0], other=anchors[1], tsa=anchors[2], intermediates=between)


@lru_cache(maxsize=4)
def _configured(icp: tuple[str, ...], other: tuple[str, ...], tsa: tuple[str, ...]) -> Roots:
    return load_roots(icp=icp, other=other, tsa=tsa)


def configured_roots() -> Roots:
    """The roots of `NEONPRO_ICP_ROOTS`, `NEONPRO_SIGNATURE_ROOTS` and `NEONPRO_TSA_ROOTS`; read once a process.

    Raises:
        RootsInvalid: a file is missing or no certificate.
    """
    return _configured(
        tuple(settings.NEONPRO_ICP_ROOTS), tuple(settings.NEONPRO_SIGNATURE_ROOTS), tuple(settings.NEONPRO_TSA_ROOTS)
    )
