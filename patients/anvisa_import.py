"""Importing Anvisa's open data into the register that every clinic reads, and carrying it into the clinics' products.

A row that cannot be taken is listed with its line and a reason, and the others go on; a file that is not the named one
is refused as a whole. The register is written by a job outside of any clinic; then each clinic's products follow, in a
context of their own, so that each product whose registration was cancelled has a row in that clinic's audit log.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from django.db import connection
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.models import Clinic
from clinics.signals import record_event
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.rules import rule
from neonpro.vault.text import fold
from patients import people
from patients.import_files import ImportRefused, Record, Rejects, Source, read_records
from patients.models import RegistrationStatus, RiskClass
from patients.products import follow_register

JOB: Final = Job("import_anvisa")

BATCH: Final = 5_000
"""Rows that go to the database together; what an import holds in memory besides is one number a row."""

_CONTROL: Final = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}
"""The file says Latin-1 and some of its writers meant Windows: dashes and quotation marks stand where controls do."""


class Reason(TextChoices):
    """Why a row was rejected."""

    UNREADABLE = "unreadable", gettext_lazy("the quotation marks of this line do not match")
    FIELDS = "fields", gettext_lazy("the row does not have as many fields as the heading")
    MISSING = "missing", gettext_lazy("number or name is empty")
    DAMAGED = "damaged", gettext_lazy("a spreadsheet has turned this number into a rounded one")
    NUMBER = "number", gettext_lazy("this is no registration number of this kind of product")
    RISK = "risk", gettext_lazy("there is no such risk class")
    DATE = "date", gettext_lazy("this is not a date")
    STATUS = "status", gettext_lazy("nobody has said what this situation means")
    CONTRADICTION = "contradiction", gettext_lazy("an earlier line says something else of the same registration")


@dataclass(frozen=True, slots=True)
class Layout:
    """One of the agency's files: its kind of product, and under which headings its columns are published."""

    file: str
    kind: str
    required: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    encoding: str = "latin-1"
    delimiter: str = ";"


@dataclass(slots=True)
class Report:
    """What an import did, or would have done."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    repeated: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    products: int = 0
    """Products of clinics whose registration is another now."""
    closed: int = 0
    """Of those, how many may no longer be applied."""
    sha256: str = ""
    kept: bool = False

    @property
    def unchanged(self) -> int:
        """Registrations that are as they were."""
        return self.rows - self.new - self.changed - self.repeated - self.rejected.total()


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((people.DATA / "anvisa.toml").read_text(encoding="utf-8"))


def layout(name: str) -> Layout:
    """One of the two layouts: "devices" or "medicines"."""
    raw = _document()[name]
    return Layout(
        raw["file"], raw["kind"], tuple(raw["required"]),
        {column: tuple(headings) for column, headings in raw["columns"].items()},
    )  # fmt: skip


def import_register(
    file: Path,
    form: Layout,
    *,
    rejects: Path,
    today: date,
    dry_run: bool = False,
    progress: Callable[[int], object] = lambda read: None,
) -> Report:
    """Bring the register up to a file, all of it or nothing; then let each clinic's products follow.

    Args:
        file: the CSV file as the agency publishes it.
        form: which of its files it is.
        rejects: where the rejected rows go, if there are any.
        today: the day whose rules say how numbers look.
        dry_run: keep nothing.
        progress: called with the number of bytes read since it was last called.

    Raises:
        ImportRefused: the file is not what `form` says, or the rejects have no place. Nothing was imported.
    """
    report = Report()
    with Rejects(rejects, form, instead_of=file) as rejected, Source(file, progress) as source:
        try:
            with context.enter(JOB, None):
                _Import(source, form, report, rejected, today).run()
                rejected.write_out()
                if dry_run:
                    raise _Undo
            report.kept = True
        except _Undo:
            pass
        rejected.keep()
    if report.kept:
        for clinic in clinics():
            with context.enter(JOB, clinic):
                if Clinic.objects.filter(is_active=True).exists():
                    followed = follow_register()
                    report.products += followed.changed
                    report.closed += followed.closed
    return report


def clinics() -> list[UUID]:
    """Every clinic there is."""
    with context.enter(JOB, None), connection.cursor() as cursor:
        cursor.execute("SELECT clinic_id FROM neonpro.clinic_ids()")
        return [row[0] for row in cursor.fetchall()]


class _Undo(Exception):
    """Leave the context and keep nothing."""


class _Rejected(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


Line = tuple[str, str, str, str, str, str, date | None]
"""number, name, holder, manufacturer, risk class, status, valid until."""


class _Import:
    """One run over a file."""

    def __init__(self, source: Source, form: Layout, report: Report, rejected: Rejects, today: date) -> None:
        self.source, self.form, self.report, self.rejected = source, form, report, rejected
        self.pattern = rule(f"anvisa.number.{form.kind}", on=today).pattern
        self.seen: dict[str, tuple[str, str, date | None]] = {}
        """What an earlier line said of a registration: the agency repeats it for each manufacturer."""

    def run(self) -> None:
        # Two imports at once would wait for each other's rows in different orders.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('neonpro.anvisa', 0))")
        records = read_records(self.source, self.form)
        heading = next(records, None)
        self._find_columns(heading.fields if heading else [])
        batch: list[Line] = []
        for record in records:
            self.report.rows += 1
            try:
                line = self._read(record)
            except _Rejected as error:
                self.report.rejected[error.reason] += 1
                self.rejected.add(record, error.reason.value, str(error.reason.label))
                continue
            if line is None:
                self.report.repeated += 1
                continue
            batch.append(line)
            if len(batch) == BATCH:
                self._write(batch)
                batch.clear()
        if not self.report.rows:
            raise ImportRefused(_("The file has no rows."))
        if self.report.rejected.total() == self.report.rows:
            raise ImportRefused(_("No row of this file could be read: is it the file that was named?"))
        self._write(batch)
        self.report.sha256 = self.source.sha256.hexdigest()
        record_event(
            "IMPORT",
            detail={
                "source": f"anvisa.{self.form.kind}", "sha256": self.report.sha256, "rows": self.report.rows,
                "new": self.report.new, "changed": self.report.changed, "rejected": self.report.rejected.total(),
            },
        )  # fmt: skip

    def _find_columns(self, heading: list[str]) -> None:
        """Where each column is. Raises `ImportRefused` where one that is required is not there."""
        # A byte order mark read as Latin-1 is three letters.
        self.rejected.heading = [text.removeprefix("ï»¿").strip() for text in heading]
        names = [_heading(text) for text in self.rejected.heading]
        self.width = len(names)
        self.places: dict[str, int] = {}
        for column, wanted in self.form.columns.items():
            place = next((place for want in wanted for place, name in enumerate(names) if _matches(name, want)), None)
            if place is not None:
                self.places[column] = place
        missing = [self.form.columns[column][0] for column in self.form.required if column not in self.places]
        if missing:
            raise ImportRefused(
                _("This is not %(file)s: the columns %(columns)s are missing.")
                % {"file": self.form.file, "columns": ", ".join(missing)}
            )

    def _read(self, record: Record) -> Line | None:
        """What a row says; None where an earlier line has said so already. Raises `_Rejected`."""
        if not record.readable:
            raise _Rejected(Reason.UNREADABLE)
        fields = record.fields
        # A semicolon at the end of a line makes one more field, with nothing in it.
        if len(fields) < self.width or any(text.strip() for text in fields[self.width :]):
            raise _Rejected(Reason.FIELDS)
        found = {column: _clean(fields[place]) for column, place in self.places.items()}
        number, name = found["number"], found["name"]
        if not number or not name:
            raise _Rejected(Reason.MISSING)
        if re.search(r"\d[.,]?\d*[eE]\+?\d", number):
            raise _Rejected(Reason.DAMAGED)
        number = re.sub(r"[.\-/ ]", "", number)
        if not self.pattern.fullmatch(number):
            raise _Rejected(Reason.NUMBER)
        risk = found.get("risk_class", "").upper().removeprefix("CLASSE").strip()
        if risk and risk not in RiskClass.values:
            raise _Rejected(Reason.RISK)
        until = _day(found.get("valid_until", ""))
        status = _status(found.get("status", ""))
        said = (risk, status, until)
        if number in self.seen:
            if self.seen[number] != said:
                raise _Rejected(Reason.CONTRADICTION)
            return None
        self.seen[number] = said
        return number, name[:300], found.get("holder", "")[:200], found.get("manufacturer", "")[:200], *said

    def _write(self, lines: list[Line]) -> None:
        """Insert what is new and change what differs, in one statement."""
        if not lines:
            return
        columns: list[list[Any]] = [list(column) for column in zip(*lines, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, [self.form.kind, *columns])
            new, changed = cast("tuple[int, int]", cursor.fetchone())
        self.report.new += new
        self.report.changed += changed


_UPSERT: Final = """
    WITH given AS (
        SELECT %s::text AS kind, g.*
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[])
            AS g (number, name, holder, manufacturer, risk_class, status, valid_until)
    ),
    written AS (
        INSERT INTO anvisa_register AS r (kind, number, name, holder, manufacturer, risk_class, status, valid_until)
        SELECT kind, number, name, holder, manufacturer, risk_class, status, valid_until FROM given
        ON CONFLICT (kind, number) DO UPDATE SET
            name = excluded.name, holder = excluded.holder, manufacturer = excluded.manufacturer,
            risk_class = excluded.risk_class, status = excluded.status, valid_until = excluded.valid_until
        WHERE (r.name, r.holder, r.manufacturer, r.risk_class, r.status, r.valid_until)
            IS DISTINCT FROM (excluded.name, excluded.holder, excluded.manufacturer, excluded.risk_class,
                excluded.status, excluded.valid_until)
        RETURNING r.xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""


def _heading(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", fold(text)).strip("_")


def _matches(name: str, wanted: str) -> bool:
    wanted_name = _heading(wanted.rstrip("*"))
    return name.startswith(wanted_name) if wanted.endswith("*") else name == wanted_name


def _clean(text: str) -> str:
    """A field without stray controls and doubled spaces."""
    return " ".join(text.translate(_CONTROL).replace("\ufffd", " ").split())


def _day(text: str) -> date | None:
    """The last day of a registration; None where it has none. Raises `_Rejected`."""
    if not text:
        return None
    if fold(text) in _document()["endless"]["words"]:
        return None
    for form in ("%d/%m/%Y", "%Y-%m-%d", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no time zone
        except ValueError:
            continue
    raise _Rejected(Reason.DATE)


def _status(text: str) -> str:
    """What a situation means. Raises `_Rejected`."""
    if not text:
        return RegistrationStatus.VALID.value
    word: str | None = _document()["words"].get(fold(text))
    if word is None:
        raise _Rejected(Reason.STATUS)
    return word


def summary(report: Report, rejects: Path) -> Iterable[str]:
    """What an import did, for the person at the terminal."""
    yield _("Rows read: %(count)s") % {"count": report.rows}
    yield _("New registrations: %(count)s") % {"count": report.new}
    yield _("Changed registrations: %(count)s") % {"count": report.changed}
    yield _("Unchanged registrations: %(count)s") % {"count": report.unchanged}
    yield _("Repeated lines: %(count)s") % {"count": report.repeated}
    yield _("Rejected: %(count)s") % {"count": report.rejected.total()}
    for reason, count in report.rejected.most_common():
        yield f"  {count} × {reason.label}"
    if report.rejected:
        yield _("The rejected rows are in %(file)s.") % {"file": rejects}
    if report.kept:
        yield _("Products of clinics that changed with it: %(count)s") % {"count": report.products}
        if report.closed:
            yield _("Of these may no longer be applied: %(count)s") % {"count": report.closed}
