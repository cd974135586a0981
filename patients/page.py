"""The patient's page: sections that read what the reader may see, all in one reading, and nothing of the rest.

A section is registered by whoever owns what it shows (`register`): those of this app in
`patients.admin.page_sections`, those of other apps in their `AppConfig.ready`. What a reader's role may not see
leaves no trace on the page, not even a heading; what the role could see, and this patient does not open to the
reader, is one word of why.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from psycopg.types.json import Jsonb

from neonpro.db.bound import execute
from neonpro.vault.keys import Act, keyring
from patients import care, records
from patients.models import Patient

ADMITTED = ("identification", "contact")
"""What everyone who comes to the page may open: it is what the form of the registration shows too."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a patient's page, and what of the patient is open to them."""

    request: HttpRequest
    patient: Patient
    today: date
    open: bool
    """The clinical part, to this reader, now."""
    may_write: bool
    printing: bool = False

    def may(self, permission: str) -> bool:
        """Whether the reader's role has a permission."""
        return bool(self.request.user.has_perm(permission))


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page.

    Args:
        key: names it in the page's addresses, such as `#visits`.
        title: its heading.
        order: where it stands, from 0; ours are 10, 20, 30 and so on.
        template: what renders it, with `section` and what `fill` gave.
        permission: whose role may see it at all.
        fill: reads it, in a constant number of queries; None where there is nothing to show, not even a heading.
        clinical: only where the patient's record is open to the reader.
        categories: what it opens, besides identification and contact: it comes in the page's one reading.
        wide: it takes the page's whole width.
    """

    key: str
    title: str | Promise
    order: int
    template: str
    permission: str
    fill: Callable[[Reader], dict[str, Any] | None]
    clinical: bool = False
    categories: tuple[str, ...] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A section with what it shows."""

    section: Section
    content: dict[str, Any]


@dataclass(slots=True)
class PatientPage:
    """Everything that the page shows to one reader."""

    reader: Reader
    sections: list[Shown]
    closed: bool
    """The reader's role sees clinical data, and this patient's are not open to them."""
    categories: tuple[str, ...]
    team: list[str] = field(default_factory=list)
    """Of a closed record: whom to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of its own about a patient that another app brings, with a way to it from here.

    Args:
        key: the end of its address, and of its name: `admin:patients_patient_<key>`.
        title: of the button that leads there.
        icon: of that button.
        permission: whose role may see it at all.
        answer: from the patients' admin, the request and the patient, of whom nothing has been opened yet.
    """

    key: str
    title: str | Promise
    icon: str
    permission: str
    answer: Callable[[Any, HttpRequest, Patient], HttpResponse]


_sections: dict[str, Section] = {}
_pages: dict[str, Page] = {}


def register(section: Section) -> None:
    """Put a section on the page; of one key there is one.

    Raises:
        ValueError: another section has the key.
    """
    if _sections.get(section.key, section) != section:
        raise ValueError(f"The patient's page has a section {section.key!r} already.")
    _sections[section.key] = section


def sections() -> list[Section]:
    """All sections, in their order."""
    return sorted(_sections.values(), key=lambda section: (section.order, section.key))


def register_page(page: Page) -> None:
    """Add a page to the patients' admin; of one key there is one. Called before the addresses are made.

    Raises:
        ValueError: another page has the key.
    """
    if _pages.get(page.key, page) != page:
        raise ValueError(f"Patients have a page {page.key!r} already.")
    _pages[page.key] = page


def pages() -> list[Page]:
    """The pages that other apps brought, by their key."""
    return [_pages[key] for key in sorted(_pages)]


def build(request: HttpRequest, patient: Patient, *, restricted: bool, printing: bool = False) -> PatientPage:
    """Read the page for whoever asks: one reading in the log, the same few queries for every patient.

    Args:
        request: of the reader.
        patient: as the admin found it; nothing of it has been opened yet.
        restricted: the patient's data are closed to this reader by the DPO.
        printing: the page is for paper.
    """
    clinical = bool(request.user.has_perm("patients.view_medicalrecord"))
    # Asked once: a record that is closed is not even counted.
    is_open = clinical and not restricted and records.is_open(patient.pk)
    reader = Reader(
        request,
        patient,
        timezone.localdate(),
        is_open,
        is_open and records.is_open(patient.pk, to_write=True),
        printing,
    )
    allowed = [
        section for section in sections() if reader.may(section.permission) and (is_open or not section.clinical)
    ]
    categories = tuple(dict.fromkeys([*ADMITTED, *(name for section in allowed for name in section.categories)]))
    keyring().open([patient.pk], categories, Act.READ)
    found = [(section, section.fill(reader)) for section in allowed]
    closed = clinical and not restricted and not is_open
    return PatientPage(
        reader,
        [Shown(section, content) for section, content in found if content is not None],
        closed,
        categories,
        [str(stay.professional) for stay in care.team(patient.pk) if stay.until is None] if closed else [],
    )


def record_print(page: PatientPage) -> None:
    """Leave the trace of a printed page: what was on it, and that it left the house."""
    execute(
        "SELECT neonpro.record_reading('PRINT', %s::uuid[], %s::jsonb)",
        [
            [page.reader.patient.pk],
            Jsonb({"purpose": "admin:patients_patient_page_print", "categories": list(page.categories)}),
        ],
    )


def age_on(born: date, today: date) -> int:
    """Whole years between two days."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
