"""The files of an import: the one that is read, as records with their lines, and the one of rejected rows."""

import csv
import hashlib
import io
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from django.utils.translation import gettext as _

from clinics.spreadsheets import harmless

MAX_LINE = 1_000_000
"""Characters in a line. A file with a longer one is no table, and is not read into memory to find out."""


class TableForm(Protocol):
    """How a table is written down: all that reading one needs to know of a mapping."""

    @property
    def encoding(self) -> str: ...
    @property
    def delimiter(self) -> str: ...


class ImportRefused(Exception):
    """The file cannot be imported, and nothing was. The message says why, to the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the file as it came: the line it begins on, and its fields; or, not readable, that line alone."""

    line: int
    fields: list[str]
    readable: bool = True


class Source(io.RawIOBase):
    """The imported file, hashed as it is read, so that the hash is of exactly what was imported.

    Args:
        file: its path.
        progress: called with the number of bytes read since it was last called.

    Raises:
        ImportRefused: it cannot be opened.
    """

    def __init__(self, file: Path, progress: Callable[[int], object]) -> None:
        self.progress = progress
        self.sha256 = hashlib.sha256()
        try:
            self.raw = file.open("rb", buffering=0)
        except OSError as error:
            raise ImportRefused(
                _("The file %(file)s cannot be read: %(reason)s.") % {"file": file, "reason": error.strerror}
            ) from error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.raw.read(len(buffer)) or b""
        buffer[: len(data)] = data
        self.sha256.update(data)
        self.progress(len(data))
        return len(data)

    def close(self) -> None:
        if hasattr(self, "raw"):
            self.raw.close()
        super().close()


def read_records(source: Source, mapping: TableForm) -> Iterator[Record]:
    """The records of a CSV file, the heading among them; those without anything are left out.

    A quotation mark that is never closed would swallow the lines after it. So when a record does not come out right,
    its first line alone is answered, as not readable, and reading goes on with the next line.

    Raises:
        ImportRefused: it is not text, or not in the mapping's encoding.
    """
    numbered = enumerate(_lines(source, mapping.encoding), start=1)
    again: deque[tuple[int, str]] = deque()
    taken: list[tuple[int, str]] = []

    def feed() -> Iterator[str]:
        while item := again.popleft() if again else next(numbered, None):
            taken.append(item)
            yield item[1]

    reader = csv.reader(feed(), delimiter=mapping.delimiter, strict=True)
    while True:
        taken.clear()
        try:
            fields = next(reader, None)
        except csv.Error:
            again.extendleft(reversed(taken[1:]))
            reader = csv.reader(feed(), delimiter=mapping.delimiter, strict=True)
            yield Record(taken[0][0], [taken[0][1].rstrip("\r\n")], readable=False)
            continue
        if fields is None:
            return
        if any(fields):
            yield Record(taken[0][0], fields)


def _lines(source: Source, encoding: str) -> Iterator[str]:
    """The lines of a text file. Raises `ImportRefused` where it is none."""
    text = io.TextIOWrapper(io.BufferedReader(source, 1 << 18), encoding=encoding, newline="")
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(MAX_LINE)
        except UnicodeDecodeError as error:
            raise ImportRefused(
                _("The file is not in %(encoding)s, as the mapping says (after line %(line)s).")
                % {"encoding": encoding, "line": number - 1}
            ) from error
        if not line:
            return
        if "\0" in line or len(line) == MAX_LINE:
            raise ImportRefused(_("The file is not a text table: see line %(line)s.") % {"line": number})
        yield line


class Rejects:
    """The file of rejected rows: the form of the imported file, and three columns before it.

    It holds personal data: until it is complete it has no name, then only this account can read it.
    """

    def __init__(self, file: Path, mapping: TableForm, *, instead_of: Path) -> None:
        self.file = file
        self.mapping = mapping
        self.heading: list[str] = []
        self.count = 0
        self._complete: Path | None = None
        with suppress(OSError):
            if file.samefile(instead_of):
                raise ImportRefused(_("The file of rejected rows would replace the file to import."))
        if not file.parent.is_dir() or not os.access(file.parent, os.W_OK) or file.is_dir():
            raise ImportRefused(_("Rejected rows cannot be written to %(file)s.") % {"file": file})

    def __enter__(self) -> Self:
        self._spool = tempfile.TemporaryFile()
        self._text = io.TextIOWrapper(self._spool, self.mapping.encoding, errors="replace", newline="")
        self._writer = csv.writer(self._text, delimiter=self.mapping.delimiter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._text.close()
        if self._complete is not None:
            self._complete.unlink(missing_ok=True)

    def add(self, record: Record, code: str, reason: str) -> None:
        """Note a rejected record, and why."""
        if not self.count:
            self._write([_("line"), _("code"), _("reason"), *self.heading])
        self.count += 1
        self._write([str(record.line), code, reason, *record.fields])

    def _write(self, fields: Iterable[str]) -> None:
        self._writer.writerow(map(harmless, fields))

    def write_out(self) -> None:
        """Write the complete file beside its place, while everything can still be taken back."""
        if not self.count:
            return
        descriptor, name = tempfile.mkstemp(prefix=f".{self.file.name}.", dir=self.file.parent)  # mode 0600
        self._complete = Path(name)
        self._text.flush()
        self._spool.seek(0)
        with os.fdopen(descriptor, "wb") as out:
            shutil.copyfileobj(self._spool, out)

    def keep(self) -> None:
        """Give the complete file its name."""
        if self._complete is not None:
            self._complete.replace(self.file)
            self._complete = None
