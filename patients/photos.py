"""Photographs: what a browser sends is decoded and encoded anew, so that nothing but the picture is kept."""

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from neonpro.vault.keys import Erased, Refused
from patients.models import ClinicalPhoto

MAX_UPLOAD: Final = 15 * 1024 * 1024
"""Bytes that somebody may send; what is kept is a fraction of it."""

MAX_PIXELS: Final = 60_000_000
"""More would take memory that other requests need; the newest phones stay below."""

MAX_SIDE, THUMB_SIDE, QUALITY = 2400, 320, 86
FORMATS: Final = ("JPEG", "PNG", "WEBP")
"""What is read, by what the file holds and not by what it is called."""

CONTENT_TYPE: Final = "image/jpeg"
"""What is kept and served."""


class PhotoError(Exception):
    """A photograph was not taken; the message is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photograph as it is kept: JPEG without EXIF, turned upright, and a small one beside it."""

    content: bytes
    thumbnail: bytes
    width: int
    height: int


def prepare(data: bytes) -> Prepared:
    """Make of a file what is kept. Whatever the camera wrote into it (place, time, owner) is left behind.

    Raises:
        PhotoError: too large, or no picture of a known format.
    """
    if len(data) > MAX_UPLOAD:
        raise PhotoError(
            _("The file is larger than %(limit)s MB. Take the photograph with less resolution.")
            % {"limit": MAX_UPLOAD // (1024 * 1024)}
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise PhotoError(_("The photograph has too many pixels. Take it with less resolution."))
            opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
            upright: Image.Image = ImageOps.exif_transpose(opened).convert("RGB")
    except PhotoError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PhotoError(_("This is no photograph that can be read. Send a JPEG, PNG or WebP file.")) from error
    upright.thumbnail((MAX_SIDE, MAX_SIDE))
    small = upright.copy()
    small.thumbnail((THUMB_SIDE, THUMB_SIDE))
    return Prepared(_encode(upright), _encode(small), upright.width, upright.height)


def _encode(picture: Image.Image) -> bytes:
    # Pixels alone: `info` may still hold profiles, comments and EXIF.
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def add_photo(
    data: bytes,
    *,
    patient: UUID,
    moment: str,
    application: UUID | None = None,
    appointment: UUID | None = None,
    taken_at: datetime | None = None,
    caption: str = "",
) -> ClinicalPhoto:
    """File a photograph in a patient's record.

    Raises:
        PhotoError: it cannot be read, or the patient is not open to this person.
    """
    ready = prepare(data)
    try:
        with transaction.atomic():
            made: ClinicalPhoto = ClinicalPhoto.objects.create(
                patient_id=patient, moment=moment, application_id=application, appointment_id=appointment,
                taken_at=taken_at or timezone.now(), caption=caption, content=ready.content,
                thumbnail=ready.thumbnail, width=ready.width, height=ready.height,
            )  # fmt: skip
    except (DatabaseError, Erased, Refused) as error:
        raise PhotoError(
            _("Only who cares for this patient files photographs. Join the care team on the patient's page.")
        ) from error
    return made


def withdraw(photo: UUID, *, reason: str) -> None:
    """Take back a photograph that was filed by mistake: it stays in the record, and is no longer shown.

    Raises:
        PhotoError: no reason, or it was withdrawn already.
    """
    if not reason.strip():
        raise PhotoError(_("Say why."))
    with transaction.atomic():
        found = ClinicalPhoto.objects.select_for_update().get(pk=photo)
        if found.withdrawn_at:
            raise PhotoError(_("This photograph was withdrawn already."))
        found.withdrawn_at, found.withdrawn_reason = timezone.now(), reason.strip()
        found.save(update_fields=["withdrawn_at", "withdrawn_reason"])


@dataclass(frozen=True, slots=True)
class ImageUse:
    """What a patient's consents say of one use of their images now."""

    allowed: bool
    words: str


def image_use(patient: UUID) -> tuple[ImageUse, ImageUse]:
    """Whether a patient consents now to images for the record, and to their publication; in words for the page.

    The consents belong to a floor above: PostgreSQL answers (`neonpro.consent_allows`), as it answers whoever uses a
    photograph. Nobody's word, a refusal and a withdrawal are all no.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT neonpro.consent_allows(%(patient)s, 'image_record'),"
            " neonpro.consent_allows(%(patient)s, 'image_publication')",
            {"patient": patient},
        )
        kept, published = cursor.fetchone()
    return (
        ImageUse(kept, _("Images for the record: consented") if kept else _("Images for the record: no consent")),
        ImageUse(
            published, _("Publication: consented") if published else _("Publication: no consent, not to be published")
        ),
    )


def photos_of(**conditions: Any) -> Any:
    """Photographs that are shown, without their files, newest first."""
    return ClinicalPhoto.objects.filter(withdrawn_at=None, **conditions).order_by("-taken_at", "created_at", "pk")
