"""Importing another system's appointments: one CSV file, read through a mapping, all of it or nothing.

A row that cannot be taken is rejected with its line and a reason, and the others go on; a file that is not what the
mapping says is refused as a whole. Everything happens in one context, so the audit trigger writes one row for each
patient and appointment, in the name of whoever imports.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.identifiers import clean_cpf, clean_phone
from clinics.models import Clinic, Professional
from clinics.roles import may
from clinics.signals import record_event
from neonpro.db import context
from neonpro.vault.text import fold
from patients import people
from patients.import_files import MAX_LINE, ImportRefused, Record, Rejects, Source, read_records
from patients.import_mapping import ISO, Column, Mapping, fold_word
from patients.models import Appointment, Patient
from patients.search import known

BATCH = 2_000
"""Rows that go to the database together: more gain nothing, and a row that it refuses costs fewer attempts."""

MAX_ID, MAX_NAME, MAX_DISTRICT, MAX_AGE = 64, 160, 80, 125
FIRST_YEAR, LAST_YEAR = 1900, 2100


class Reason(TextChoices):
    """Why a row was rejected."""

    UNREADABLE = "unreadable", gettext_lazy("the quotation marks of this line do not match")
    FIELDS = "fields", gettext_lazy("the row does not have as many fields as the heading")
    CHARACTERS = "characters", gettext_lazy("there is a character here that no text has")
    TOO_LONG = "too_long", gettext_lazy("the text is too long")
    MISSING = "missing", gettext_lazy("the field is empty")
    DAMAGED_ID = "damaged_id", gettext_lazy("a spreadsheet has turned this id into a rounded number")
    DATE = "date", gettext_lazy("this is not a date that an appointment or a birth can have")
    TIME = "time", gettext_lazy("this is not a time, or there is no such hour on that day")
    MINUTES = "minutes", gettext_lazy("an appointment takes from 1 to 720 minutes")
    AGE = "age", gettext_lazy("the age is a whole number from 0 to 125")
    WORD = "word", gettext_lazy("the mapping does not say what this word stands for")
    PHONE = "phone", gettext_lazy("this is not a telephone number")
    CPF = "cpf", gettext_lazy("this CPF is not valid")
    PROFESSIONAL = "professional", gettext_lazy("the clinic has no professional, or several, of this name")
    BOOKED_LATE = "booked_late", gettext_lazy("it was booked after its day")
    REPEATED = "repeated", gettext_lazy("the file has had an appointment with this id already")
    CPF_TAKEN = "cpf_taken", gettext_lazy("another patient of the clinic has this CPF")
    PROFESSIONAL_BUSY = "professional_busy", gettext_lazy("the professional has another appointment at this time")
    PATIENT_BUSY = "patient_busy", gettext_lazy("the patient has another appointment at this time")


_REFUSALS = {
    "patients_one_per_cpf": Reason.CPF_TAKEN,
    "appointments_professional_free": Reason.PROFESSIONAL_BUSY,
    "appointments_patient_free": Reason.PATIENT_BUSY,
}
"""The database's rules that a single row can break, and how that is told."""


@dataclass(slots=True)
class Report:
    """What an import did, or, where it was undone, would have done."""

    rows: int = 0
    patients: int = 0
    appointments: int = 0
    already: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    sha256: str = ""
    kept: bool = False
    """Whether it stayed: not after a dry run, nor after a strict import with rejected rows."""


@dataclass(slots=True)
class _Row:
    """What was read from a record of the file: the fields of a patient and of an appointment, and their ids there."""

    record: Record
    patient_key: str
    patient: dict[str, Any]
    key: str
    appointment: dict[str, Any]


class _Rejected(Exception):
    """A row cannot be taken."""

    def __init__(self, reason: Reason, heading: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.heading = heading


class _Undo(Exception):
    """Leave the context and keep nothing."""


def import_appointments(
    file: Path,
    mapping: Mapping,
    *,
    actor: context.Actor,
    clinic: UUID,
    rejects: Path,
    strict: bool = False,
    dry_run: bool = False,
    progress: Callable[[int], object] = lambda read: None,
) -> Report:
    """Import a file into a clinic, in one transaction of one context.

    Args:
        file: the CSV file.
        mapping: how its columns become ours.
        actor: who imports; needs a role that may add patients and appointments.
        clinic: the clinic's id.
        rejects: where the rejected rows go, if there are any. It is replaced, and only this account can read it.
        strict: keep nothing if a row is rejected.
        dry_run: keep nothing.
        progress: called with the number of bytes read since it was last called.

    Raises:
        ImportRefused: the file is not what the mapping says, or the rejects have no place. Nothing was imported.
        NotAMember: the actor does not belong to the clinic.
    """
    report = Report()
    with Rejects(rejects, mapping, instead_of=file) as rejected, Source(file, progress) as source:
        try:
            with context.enter(actor, clinic) as opened:
                if not (may(opened.role, "add", "patients") and may(opened.role, "add", "appointments")):
                    raise ImportRefused(_("This person's role in the clinic may not import appointments."))
                _Import(source, mapping, report, rejected).run()
                rejected.write_out()
                if dry_run or (strict and report.rejected):
                    raise _Undo
            report.kept = True
        except _Undo:
            pass
        rejected.keep()
    return report


class _Import:
    """One run: it reads rows, tells which are new, and hands those to the database in batches."""

    def __init__(self, source: Source, mapping: Mapping, report: Report, rejected: Rejects) -> None:
        self.source = source
        self.mapping = mapping
        self.report = report
        self.rejected = rejected
        self.patients: dict[str, UUID] = {}
        """The patients seen so far, by their id in the other system."""

    def run(self) -> None:
        self.began = self._wait_for_other_imports()
        records = read_records(self.source, self.mapping)
        heading = next(records, None)
        reader = _RowReader(self.mapping, heading.fields if heading else [])
        self.rejected.heading = reader.heading
        batch: list[_Row] = []
        for record in records:
            self.report.rows += 1
            try:
                batch.append(reader.read(record))
            except _Rejected as error:
                self._reject(record, error.reason, error.heading)
            if len(batch) == BATCH:
                self._take(batch)
                batch.clear()
        if not self.report.rows:
            raise ImportRefused(_("The file has no rows."))
        self._take(batch)
        self.report.sha256 = self.source.sha256.hexdigest()
        # Neither the file's name nor its place: people put names of patients into them.
        record_event(
            "IMPORT",
            detail={
                "source": self.mapping.source,
                "sha256": self.report.sha256,
                "rows": self.report.rows,
                "patients": self.report.patients,
                "appointments": self.report.appointments,
                "already": self.report.already,
                "rejected": self.report.rejected.total(),
            },
        )

    def _wait_for_other_imports(self) -> datetime:
        """Wait until no other import of this source runs in this clinic; answers with the database's time.

        Two at once would find each other's rows only as errors.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT clock_timestamp(), pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [f"neonpro.import:{context.require().clinic}:{self.mapping.source}"],
            )
            began: datetime = cursor.fetchone()[0]
        return began

    def _reject(self, record: Record, reason: Reason, heading: str = "") -> None:
        self.report.rejected[reason] += 1
        self.rejected.add(record, reason.value, f"{heading}: {reason.label}" if heading else str(reason.label))

    def _take(self, rows: list[_Row]) -> None:
        already = self._known_appointments([row.key for row in rows])
        new = [row for row in rows if row.key not in already]
        self.report.already += len(rows) - len(new)
        unseen = {row.patient_key for row in new} - self.patients.keys()
        self.patients |= self._known_patients(unseen)
        if new:
            first = not self.report.appointments
            self._insert(new)
            if first:
                # Nobody else sees these rows yet, so nobody else can tell the planner of them.
                with connection.cursor() as cursor:
                    cursor.execute("SELECT neonpro.refresh_statistics()")

    def _known_appointments(self, keys: list[str]) -> set[str]:
        """Which of some ids of the other system this clinic has."""
        rows = Appointment.objects.filter(source=self.mapping.source, external_id__in=keys)
        # PostgreSQL does not conclude this from a long list, and without it would not use the partial index.
        return set(rows.exclude(external_id="").values_list("external_id", flat=True))

    def _known_patients(self, keys: Collection[str]) -> dict[str, UUID]:
        """Which patients of the other system this clinic has, and who they are here: asked by token, for their ids are
        encrypted."""
        found = known("external", ((self.mapping.source, key) for key in keys)) if keys else {}
        return {key: patient for (_source, key), patient in found.items()}

    def _insert(self, rows: list[_Row]) -> None:
        """Insert rows, except those that the database refuses for a reason of their own.

        It names only the first one it refuses, and takes back the whole batch: so the batch is halved until what it
        refuses is a single row. Earlier rows go first, so of two that are in each other's way the earlier stays.
        """
        try:
            with transaction.atomic():
                made = self._create(rows)
        except IntegrityError as error:
            reason = _REFUSALS.get(_constraint(error))
            if reason is None:
                raise
            if len(rows) == 1:
                self._reject(rows[0].record, reason)
                return
        else:
            self.patients |= made
            self.report.patients += len(made)
            self.report.appointments += len(rows)
            return
        middle = len(rows) // 2
        self._insert(rows[:middle])
        self._insert(rows[middle:])

    def _create(self, rows: list[_Row]) -> dict[str, UUID]:
        """Insert rows and those of their patients who are new; answers with the latter."""
        source = self.mapping.source
        firsts: dict[str, _Row] = {}
        for row in rows:
            if row.patient_key not in self.patients:
                firsts.setdefault(row.patient_key, row)
        made = {key: uuid4() for key in firsts}
        # No value is left to the database: Django then sends a column as one array, in a tenth of the time.
        times = {"created_at": self.began, "updated_at": self.began}
        Patient.objects.bulk_create(
            Patient(
                id=made[key],
                record_number=number,
                source=source,
                external_id=key,
                **({"name": people.full_name(source, key, sex=row.patient.get("sex", ""))} | row.patient | times),
            )
            for (key, row), number in zip(firsts.items(), _record_numbers(len(firsts)), strict=True)
        )
        Appointment.objects.bulk_create(
            Appointment(
                patient_id=made.get(row.patient_key) or self.patients[row.patient_key],
                source=source,
                external_id=row.key,
                status_at=self.began,
                **row.appointment,
                **times,
            )
            for row in rows
        )
        return made


def _record_numbers(count: int) -> list[str]:
    """Record numbers for so many new patients."""
    numbers: set[str] = set()
    while len(numbers) < count:
        with connection.cursor() as cursor:
            cursor.execute("SELECT neonpro.new_record_number() FROM generate_series(1, %s)", [count - len(numbers)])
            numbers.update(number for (number,) in cursor.fetchall())
    return list(numbers)


def _constraint(error: IntegrityError) -> str:
    diagnostics = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnostics, "constraint_name", "") or "")


# --- A row ------------------------------------------------------------------------------------------------------


class _RowReader:
    """Reads rows of one file: knows where each column is, the clinic's clock and its professionals."""

    def __init__(self, mapping: Mapping, heading: list[str]) -> None:
        self.mapping = mapping
        self.heading = [text.strip().removeprefix("\ufeff") for text in heading]
        self._check_heading()
        self.places = {name: self.heading.index(name) for name in mapping.headings()}
        self.zone = ZoneInfo(Clinic.objects.get().time_zone)
        self.professionals: dict[str, UUID | None] = {}
        for name, professional in Professional.objects.values_list("full_name", "id"):
            # Two of one name: None, which says so.
            name = _fold_name(name)
            self.professionals[name] = None if name in self.professionals else professional
        self.seen: set[str] = set()

    def _check_heading(self) -> None:
        if not any(self.heading):
            raise ImportRefused(_("The file is empty."))
        wanted = self.mapping.headings()
        missing = [name for name in wanted if name not in self.heading]
        if missing:
            others = [d for d in (",", ";", "\t", "|") if d != self.mapping.delimiter and d in self.heading[0]]
            if len(self.heading) == 1 and others:
                raise ImportRefused(
                    _("The mapping says that fields are separated by %(said)s; in the file it seems to be %(seen)s.")
                    % {"said": repr(self.mapping.delimiter), "seen": repr(others[0])}
                )
            raise ImportRefused(
                _("These columns of the mapping are not in the file: %(columns)s.") % {"columns": ", ".join(missing)}
            )
        twice = [name for name in wanted if self.heading.count(name) > 1]
        if twice:
            raise ImportRefused(_("These columns are in the file twice: %(columns)s.") % {"columns": ", ".join(twice)})

    def read(self, record: Record) -> _Row:
        """What a record says. Raises `_Rejected`."""
        if not record.readable:
            raise _Rejected(Reason.UNREADABLE)
        if len(record.fields) != len(self.heading):
            raise _Rejected(Reason.FIELDS)
        patient_key = self._id(record, self.mapping.patient["id"])
        key = self._id(record, self.mapping.appointment["id"])
        appointment = self._appointment(record)
        patient = self._patient(record, appointment["day"])
        if key in self.seen:
            raise _Rejected(Reason.REPEATED, self.mapping.appointment["id"].heading)
        self.seen.add(key)
        return _Row(record, patient_key, patient, key, appointment)

    def _patient(self, record: Record, day: date) -> dict[str, Any]:
        columns = self.mapping.patient
        read: dict[str, Any] = {}
        if column := columns.get("name"):
            read["name"] = self._required(record, column, MAX_NAME)
        if (column := columns.get("sex")) and self._text(record, column):
            read["sex"] = self._word(record, column)
        if (column := columns.get("birth_date")) and self._text(record, column):
            read["birth_date"] = self._date(record, column)
            if read["birth_date"] > day:
                raise _Rejected(Reason.DATE, column.heading)
            read["birth_year"] = read["birth_date"].year
        elif (column := columns.get("age")) and (text := self._text(record, column)):
            if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > MAX_AGE:
                raise _Rejected(Reason.AGE, column.heading)
            # All that an age says. It may be one too many: who had no birthday yet was born a year earlier.
            read["birth_year"] = day.year - int(text)
        if column := columns.get("district"):
            read["district"] = self._text(record, column, MAX_DISTRICT)
        for name, clean, reason in (("phone", clean_phone, Reason.PHONE), ("cpf", clean_cpf, Reason.CPF)):
            if column := columns.get(name):
                try:
                    read[name] = clean(self._text(record, column))
                except ValidationError as error:
                    raise _Rejected(reason, column.heading) from error
        return read

    def _appointment(self, record: Record) -> dict[str, Any]:
        columns = self.mapping.appointment
        read: dict[str, Any] = {"status": self._word(record, columns["status"])}
        if column := columns.get("starts_at"):
            read["starts_at"] = self._moment(record, column)
            read["day"] = read["starts_at"].astimezone(self.zone).date()
        else:
            column = columns["day"]
            read["day"] = self._date(record, column)
        if (clock := columns.get("time")) and self._text(record, clock):
            read["starts_at"] = self._at(record, clock, read["day"])
        if "starts_at" in read:
            read["ends_at"] = read["starts_at"] + timedelta(minutes=self._minutes(record))
        booked = columns["booked_at"]
        read["booked_at"] = self._moment(record, booked)
        if read["booked_at"].astimezone(self.zone).date() > read["day"]:
            raise _Rejected(Reason.BOOKED_LATE, booked.heading)
        if (reminded := columns.get("reminded")) and self._text(record, reminded):
            read["reminded"] = self._word(record, reminded)
        if (professional := columns.get("professional")) and (name := self._text(record, professional)):
            found = self.professionals.get(_fold_name(name))
            if found is None:
                raise _Rejected(Reason.PROFESSIONAL, professional.heading)
            read["professional_id"] = found
        return read

    def _text(self, record: Record, column: Column, longest: int = MAX_LINE) -> str:
        # Spreadsheets write spaces that do not break.
        text = record.fields[self.places[column.heading]].replace("\xa0", " ").strip()
        if not text.isprintable():
            raise _Rejected(Reason.CHARACTERS, column.heading)
        if len(text) > longest:
            raise _Rejected(Reason.TOO_LONG, column.heading)
        return text

    def _required(self, record: Record, column: Column, longest: int = MAX_LINE) -> str:
        text = self._text(record, column, longest)
        if not text:
            raise _Rejected(Reason.MISSING, column.heading)
        return text

    def _id(self, record: Record, column: Column) -> str:
        text = self._required(record, column, MAX_ID)
        # 5.58998E+14: the digits that told two patients apart are gone, and their records would become one. A small
        # number (9377952927E-5) has kept all of its digits.
        if re.fullmatch(r"-?[0-9]+([.,][0-9]+)?[Ee]\+[0-9]+", text):
            raise _Rejected(Reason.DAMAGED_ID, column.heading)
        return text

    def _word(self, record: Record, column: Column) -> Any:
        word = fold_word(self._required(record, column))
        if word not in column.words:
            raise _Rejected(Reason.WORD, column.heading)
        return column.words[word]

    def _parse(self, record: Record, column: Column) -> datetime:
        text = self._required(record, column)
        try:
            moment = _read_moment(text, column.format)
        except ValueError as error:
            raise _Rejected(Reason.DATE, column.heading) from error
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise _Rejected(Reason.DATE, column.heading)
        return moment

    def _date(self, record: Record, column: Column) -> date:
        """A date as it is written: one that comes as midnight in some zone does not move to the day before."""
        moment = self._parse(record, column)
        if moment.time() != datetime.min.time():
            raise _Rejected(Reason.DATE, column.heading)
        return moment.date()

    def _moment(self, record: Record, column: Column) -> datetime:
        moment = self._parse(record, column)
        return moment.astimezone(UTC) if moment.tzinfo else self._local(moment, column)

    def _at(self, record: Record, column: Column, day: date) -> datetime:
        text = self._required(record, column)
        try:
            clock = _read_moment(f"{day}T{text}" if column.format == ISO else text, column.format)
        except ValueError as error:
            raise _Rejected(Reason.TIME, column.heading) from error
        if clock.tzinfo is not None:
            raise _Rejected(Reason.TIME, column.heading)
        return self._local(datetime.combine(day, clock.time()), column)

    def _local(self, moment: datetime, column: Column) -> datetime:
        """An hour of the clinic's clock. Of the one that is there twice as summer time ends, the first."""
        here = moment.replace(tzinfo=self.zone).astimezone(UTC)
        # As summer time began an hour was left out; nobody was seen then.
        if here.astimezone(self.zone).replace(tzinfo=None) != moment:
            raise _Rejected(Reason.TIME, column.heading)
        return here

    def _minutes(self, record: Record) -> int:
        column = self.mapping.appointment.get("minutes")
        text = self._text(record, column) if column else ""
        if column is None or (not text and self.mapping.default_minutes):
            return self.mapping.default_minutes or 0
        if not re.fullmatch(r"[0-9]{1,3}", text) or not 0 < int(text) <= 720:
            raise _Rejected(Reason.MINUTES, column.heading)
        return int(text)


def _read_moment(text: str, form: str) -> datetime:
    """A moment, without a zone if the text has none. Raises ValueError."""
    return datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)  # noqa: DTZ007


def _fold_name(name: str) -> str:
    return " ".join(fold(name).split())
