"""How another system's columns become our fields: a small TOML file (`mappings/example.toml` documents every key).

`load` reads one and refuses what it does not know, by name: a misspelt key must not silently drop a column.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from patients.models import AppointmentStatus, Sex

MAPPINGS = Path(__file__).parent / "mappings"

ENCODINGS = ("utf-8-sig", "latin-1", "cp1252")
"""UTF-8 with or without a byte order mark, ISO 8859-1, and what Windows calls ANSI."""

ISO = "iso"
"""ISO 8601, in a column's `format`; anything else is a format of strptime."""

_TOP = {"source", "encoding", "delimiter", "patient", "appointment"}
_PATIENT = {"id", "name", "names", "sex", "birth_date", "age", "phone", "cpf", "district"}
_APPOINTMENT = {
    "id", "booked_at", "day", "time", "starts_at", "minutes", "default_minutes", "status", "reminded", "professional",
}  # fmt: skip
_DATE, _TIME = {"%d", "%m", "%Y"}, {"%H", "%M"}
_FORMATS = {"birth_date": _DATE, "day": _DATE, "time": _TIME, "starts_at": _DATE | _TIME, "booked_at": _DATE | _TIME}
"""The columns that may have a `format`, and what it must hold."""

_WORDS: dict[str, tuple[object, ...]] = {
    "sex": tuple(Sex.values),
    "status": tuple(AppointmentStatus.values),
    "reminded": (True, False),
}
"""The columns that must have `words`, and what a word may stand for."""


class MappingError(Exception):
    """A mapping cannot be used. The message says why, to the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its heading, and how its texts are read."""

    heading: str
    format: str = ISO
    words: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that has been checked.

    `patient` and `appointment` hold the columns by the names that `example.toml` documents. Without a `name` among
    the patient's, names are generated. `default_minutes` is how long an appointment takes when no column says so.
    """

    source: str
    encoding: str
    delimiter: str
    patient: dict[str, Column]
    appointment: dict[str, Column]
    default_minutes: int | None

    def headings(self) -> list[str]:
        """The headings that the file must have, each once, in the mapping's order."""
        return list(dict.fromkeys(column.heading for column in (*self.patient.values(), *self.appointment.values())))


def load(name_or_file: str) -> Mapping:
    """A mapping by its name here (`noshow`), or from a file (anything that ends in .toml).

    Raises:
        MappingError: there is none, or something in it is wrong.
    """
    ours = {path.stem: path for path in MAPPINGS.glob("*.toml")}
    if name_or_file not in ours and not name_or_file.endswith(".toml"):
        raise MappingError(
            _("There is no mapping “%(name)s”. Name one of these, or a .toml file: %(known)s.")
            % {"name": name_or_file, "known": ", ".join(sorted(ours))}
        )
    file = ours.get(name_or_file) or Path(name_or_file)
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise MappingError(
            _("The mapping %(file)s cannot be read: %(reason)s.") % {"file": file, "reason": error.strerror}
        ) from error
    except UnicodeDecodeError as error:
        raise MappingError(_("The mapping %(file)s is not UTF-8.") % {"file": file}) from error


def parse(text: str) -> Mapping:
    """A mapping from the text of a TOML file. Raises `MappingError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(_("The mapping is not valid TOML: %(reason)s.") % {"reason": error}) from error
    patient, appointment = (_table(document, name) for name in ("patient", "appointment"))
    unknown = [
        *sorted(document.keys() - _TOP),
        *(f"patient.{key}" for key in sorted(patient.keys() - _PATIENT)),
        *(f"appointment.{key}" for key in sorted(appointment.keys() - _APPOINTMENT)),
    ]
    if unknown:
        raise MappingError(_("The mapping has keys that do not exist: %(keys)s.") % {"keys": ", ".join(unknown)})
    if problems := list(_problems(document, patient, appointment)):
        raise MappingError(_("The mapping is wrong: %(problems)s") % {"problems": "; ".join(problems)})
    own = {"names", "default_minutes"}
    return Mapping(
        source=document["source"],
        encoding=_encoding(document),
        delimiter=document.get("delimiter", ","),
        patient={key: _column(f"patient.{key}", key, patient[key]) for key in patient if key not in own},
        appointment={
            key: _column(f"appointment.{key}", key, appointment[key]) for key in appointment if key not in own
        },
        default_minutes=appointment.get("default_minutes"),
    )


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise MappingError(_("[%(name)s] must be a table.") % {"name": name})
    return table


def _encoding(document: dict[str, Any]) -> str:
    encoding = document.get("encoding", "utf-8-sig")
    # A byte order mark is skipped where there is one.
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _problems(document: dict[str, Any], patient: dict[str, Any], appointment: dict[str, Any]) -> Iterator[str]:
    source = document.get("source")
    if not isinstance(source, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,39}", source):
        yield _("source names the other system: up to 40 small letters, digits, hyphens, dots")
    if _encoding(document) not in ENCODINGS:
        yield _("encoding is one of %(known)s") % {"known": ", ".join(ENCODINGS)}
    delimiter = document.get("delimiter", ",")
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"' or not delimiter.isascii():
        yield _("delimiter is one character")
    missing = [f"patient.{key}" for key in ("id",) if key not in patient]
    missing += [f"appointment.{key}" for key in ("id", "booked_at", "status") if key not in appointment]
    if missing:
        yield _("these keys are missing: %(keys)s") % {"keys": ", ".join(missing)}
    if ("name" in patient) == ("names" in patient) or patient.get("names", "generated") != "generated":
        yield _('patient needs either a column name, or names = "generated"')
    if "birth_date" in patient and "age" in patient:
        yield _("patient has either birth_date or age")
    if ("day" in appointment) == ("starts_at" in appointment) or ("time" in appointment and "day" not in appointment):
        yield _("appointment needs either starts_at, or day (and time, where there is one)")
    minutes = appointment.get("default_minutes")
    if minutes is not None and (not isinstance(minutes, int) or isinstance(minutes, bool) or not 0 < minutes <= 720):
        yield _("default_minutes is a number from 1 to 720")
    timed = "time" in appointment or "starts_at" in appointment
    if timed and minutes is None and "minutes" not in appointment:
        yield _("an appointment with an hour needs minutes or default_minutes")
    if not timed and (minutes is not None or "minutes" in appointment):
        yield _("minutes mean nothing without an hour")


def _column(path: str, key: str, entry: object) -> Column:
    """A column from "Heading", or from { column = "Heading", format = "…" } or { column = "Heading", words = {…} }."""
    table: dict[str, Any] = entry if isinstance(entry, dict) else {"column": entry}
    heading = table.get("column")
    if not isinstance(heading, str) or not heading.strip():
        raise MappingError(_("%(key)s must name a column.") % {"key": path})
    allowed = {"column"} | ({"format"} if key in _FORMATS else set()) | ({"words"} if key in _WORDS else set())
    if unknown := sorted(table.keys() - allowed):
        listed = ", ".join(f"{path}.{name}" for name in unknown)
        raise MappingError(_("The mapping has keys that do not exist: %(keys)s.") % {"keys": listed})
    return Column(
        heading.strip(),
        format=_format(path, key, table.get("format", ISO)),
        words=_words(path, key, table.get("words")) if key in _WORDS else {},
    )


def _format(path: str, key: str, text: object) -> str:
    needed = _FORMATS.get(key, set())
    if text == ISO:
        return ISO
    if not isinstance(text, str) or not needed <= set(re.findall(r"%.", text)) or not _reads_back(text):
        raise MappingError(
            _('%(key)s.format must be "iso" or hold %(needed)s.') % {"key": path, "needed": " ".join(sorted(needed))}
        )
    return text


def _reads_back(text: str) -> bool:
    """Whether strptime understands a format: if not, every row would be rejected for a mistake of the mapping's."""
    moment = datetime(2001, 12, 31, 23, 59, tzinfo=UTC)
    try:
        return bool(datetime.strptime(moment.strftime(text), text))  # noqa: DTZ007  thrown away
    except ValueError:
        return False


def _words(path: str, key: str, words: object) -> dict[str, Any]:
    if not isinstance(words, dict) or not words:
        raise MappingError(_("%(key)s needs words: what each text in the file stands for.") % {"key": path})
    read: dict[str, Any] = {}
    for word, meaning in words.items():
        if not any(meaning is known or (meaning == known and isinstance(known, str)) for known in _WORDS[key]):
            listed = ", ".join(str(known).lower() for known in _WORDS[key])
            raise MappingError(
                _("%(key)s.words: “%(word)s” must stand for one of %(known)s.")
                % {"key": path, "word": word, "known": listed}
            )
        if read.setdefault(fold_word(word), meaning) != meaning:
            raise MappingError(_("%(key)s.words: “%(word)s” is there twice.") % {"key": path, "word": word})
    return read


def fold_word(text: str) -> str:
    """A word as it is compared: without spaces around it, in small letters."""
    return text.strip().casefold()
