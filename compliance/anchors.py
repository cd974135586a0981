"""Anchors: the heads of the chains of seals, in a file outside the database.

One signed line a run of `seal_audit`. Whoever rewrites the database cannot rewrite this file too, if it lies where only
appending is possible (an object store with retention, another machine, the encarregado's mailbox): a chain that was cut
or made anew no longer fits it.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance import certificates

if TYPE_CHECKING:
    from compliance.seals import Head

LATELY: Final = 1 << 20
"""Bytes at the end of the file in which a head is looked for before it is written again."""


class AnchorError(Exception):
    """The file cannot be read or written, or is not as it was written. The message is for a person."""


def add(heads: Sequence["Head"], key: Ed25519PrivateKey) -> None:
    """Write down the heads that the end of the file does not hold yet, and force them to the disk.

    Raises:
        AnchorError: it cannot be written.
    """
    if not settings.NEONPRO_AUDIT_ANCHOR:
        return
    place = Path(settings.NEONPRO_AUDIT_ANCHOR)
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            end = os.pread(descriptor, LATELY, max(0, size - LATELY))
            new = [head for head in heads if f'"{head.digest}"'.encode() not in end]
            if not new:
                return
            document = {
                "type": "neonpro.anchor", "version": 1, "at": timezone.now().isoformat(),
                "heads": [[str(head.clinic), head.number, head.digest] for head in new],
            }  # fmt: skip
            # After a crash the last line may be cut: what follows must not become part of it.
            gap = b"" if not end or end.endswith(b"\n") else b"\n"
            os.write(descriptor, gap + certificates.sign(document, key).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AnchorError(
            _("The anchor of the audit log cannot be written: %(error)s.") % {"error": error.strerror}
        ) from error


def read(place: Path, public_key: str) -> Iterator[tuple[str, int, str]]:
    """Every head in a file: clinic, number of the seal, digest. A last line that a crash cut is none.

    Raises:
        AnchorError: it cannot be read, or a line is not as it was written.
    """
    try:
        content = place.read_bytes()
    except OSError as error:
        raise AnchorError(
            _("The anchor of the audit log cannot be read: %(error)s.") % {"error": error.strerror}
        ) from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line or not _whole(line):
            continue
        try:
            document: dict[str, Any] = certificates.verify(line, public_key)
        except certificates.CertificateInvalid as error:
            raise AnchorError(
                _("The anchor was altered, or is signed by another key: line %(number)s.") % {"number": number}
            ) from error
        yield from document["heads"]


def _whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
