"""The package that answers access, portability and a copy of the record: everything held about a person, unmasked.

Gathered from every model that declares a patient (`neonpro.vault.retention.patient_models`), so that a new table is in
it without being named. The rows come from `neonpro.package_rows` and the keys from `neonpro.open_keys`, both only
while an identified request of that patient waits for its answer, to the DPO, or was released, to the patient. It is
written as an encrypted ZIP piece by piece: nothing of it ever stands on a disk in clear, and its password is known to
nobody but who was shown it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID

import pyzipper
from django.core import signing
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics import trail
from clinics.fields import WRITTEN
from clinics.models import Clinic, Professional, Service
from compliance import fhir, package_pdf
from compliance.erasure_letter import CATEGORIES as RETAINED
from compliance.models import PACKAGED, DataRequest
from neonpro.db.bound import execute
from neonpro.rules import rule
from neonpro.vault.fields import EncryptedBinaryField, EncryptedField, Sealed, Withheld, encrypted_fields
from neonpro.vault.keys import CATEGORIES, Act, keyring, purpose
from neonpro.vault.models import deferred_fields
from neonpro.vault.retention import declared, patient_models
from patients import accesses

MINUTES: Final = 10
"""How long the password that was shown opens the download."""

_SALT: Final = "compliance.packages"

LEFT_OUT: Final[dict[tuple[str, str], Any]] = {
    ("legal_holds", "reason"): gettext_lazy("what the clinic prepares for proceedings is not told to the other side"),
}
"""Fields that the holder does not get, each with the reason; the package says so."""

_INTERNAL: Final = frozenset({"clinic", "id", "updated_at", "patient", "patient_id"})
"""Columns that say nothing to a reader; the JSON keeps the ids."""

_KINDS: Final[dict[str, Any]] = {
    "agenda_aid": gettext_lazy("aids of the schedule"),
    "care_team": gettext_lazy("who cares for you"),
}

_CLINICAL: Final = frozenset({"medical_record", "prescription", "telemedicine_session", "ai_output_in_care"})


class PackageError(Exception):
    """No package is made. The message is for a person and holds no personal data."""


@dataclass(slots=True)
class File:
    """A file of a row: where it lies in the package, and where it comes from."""

    record: Any
    field: EncryptedBinaryField
    path: str


@dataclass(slots=True)
class Table:
    """The rows of one table, opened."""

    model: type[models.Model]
    rows: list[Any]
    files: list[File] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.model._meta.db_table)

    @property
    def label(self) -> str:
        return capfirst(str(self.model._meta.verbose_name_plural))

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys(share.code for share in declared(self.model)))

    @property
    def origin(self) -> str:
        """Where the data come from."""
        if _CLINICAL & set(self.codes):
            return _("Written by the professionals who cared for you, from what you told them and what they found.")
        if self.name == "patients":
            return _("Given by you or your representative at the registration, or taken over from an earlier system.")
        return _("Made by the clinic's team and systems in its dealings with you.")

    @property
    def purpose(self) -> str:
        """What for, and on what ground they are kept."""
        today = timezone.localdate()
        grounds = dict.fromkeys(rule(f"retention.{code}.outcomes", on=today).citation for code in self.codes)
        kinds = ", ".join(str(RETAINED.get(code) or _KINDS.get(code) or self.label) for code in self.codes)
        return f"{capfirst(kinds)}. {'; '.join(grounds)}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one download needs: the password, shown once, and a seal that this server gave it a moment ago."""

    password: str = field(repr=False)
    seal: str
    rows: int
    tables: int
    files: int


# --- who may ----------------------------------------------------------------------------------------------------------


def prepare(request: DataRequest, *, acting_user: Any, password: str) -> Ticket:
    """Begin a package: the request is of a kind that it answers, identified and open, and its DPO signs in again.

    Raises:
        PackageError: one of that is not so.
    """
    if request.kind not in PACKAGED:
        raise PackageError(_("This kind of request is not answered by a package."))
    if not request.identity_check:
        raise PackageError(_("First check the identity of who asks, and note how."))
    if not request.is_open:
        raise PackageError(_("This request was closed: no package can be made for it any more."))
    if not (password and acting_user.check_password(password)):
        raise PackageError(_("Confirm with your own password."))
    return _ticket(request, acting_user.pk)


def prepare_own(request: DataRequest, *, patient: UUID) -> Ticket:
    """Begin the package that was released to a patient, in that patient's own context.

    Raises:
        PackageError: it is another's, was not released, or its days are over.
    """
    _must_be_released(request, patient)
    return _ticket(request, patient)


def _must_be_released(request: DataRequest, patient: UUID) -> None:
    if request.patient_id != patient or request.kind not in PACKAGED or not request.is_released:
        raise PackageError(_("This package cannot be downloaded, or not any more. Ask the clinic for it anew."))


def _ticket(request: DataRequest, who: UUID) -> Ticket:
    # 5 groups of 5 letters and digits that nobody confuses: 123 bits.
    letters = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
    made = "-".join("".join(secrets.choice(letters) for _n in range(5)) for _n in range(5))
    tables = gather(request)
    return Ticket(
        made, _sign(request, who, made), rows=sum(len(one.rows) for one in tables),
        tables=sum(bool(one.rows) for one in tables), files=sum(len(one.files) for one in tables),
    )  # fmt: skip


def _told(request: DataRequest, who: UUID, password: str) -> list[str]:
    # The password itself stands in nothing that outlives the page.
    return [str(request.pk), str(who), hashlib.sha256(password.encode()).hexdigest()]


def _sign(request: DataRequest, who: UUID, password: str) -> str:
    return signing.dumps(_told(request, who, password), salt=_SALT)


def admit(request: DataRequest, *, acting_user: Any, password: str, seal: str) -> None:
    """Whether a password is one that `prepare` showed to this person for this request, a moment ago.

    Raises:
        PackageError: it is not.
    """
    _must_be_shown(request, acting_user.pk, password, seal)
    if request.kind not in PACKAGED or not request.identity_check or not request.is_open:
        raise PackageError(_("This request was closed: no package can be made for it any more."))


def admit_own(request: DataRequest, *, patient: UUID, password: str, seal: str) -> None:
    """As `admit`, of what `prepare_own` showed to a patient.

    Raises:
        PackageError: it is not, or the package is not theirs to take (any more).
    """
    _must_be_shown(request, patient, password, seal)
    _must_be_released(request, patient)


def _must_be_shown(request: DataRequest, who: UUID, password: str, seal: str) -> None:
    try:
        told = signing.loads(seal, salt=_SALT, max_age=MINUTES * 60)
    except signing.BadSignature:
        told = None
    if told != _told(request, who, password):
        raise PackageError(_("The password shown is no longer valid. Prepare the package anew."))


# --- what is held -----------------------------------------------------------------------------------------------------


def gather(request: DataRequest) -> list[Table]:
    """Every row about the patient of a request, sealed until it is read; the context is the DPO's, or their own.

    Raises:
        django.db.DatabaseError: no request that opens these data (`neonpro.packaged_patient`).
    """
    return [_table(request, model) for model in patient_models()]


def _table(request: DataRequest, model: type[models.Model]) -> Table:
    heavy = deferred_fields(model)
    out = [found.column for found in model._meta.concrete_fields if found.attname in heavy]
    found_rows = execute(
        "SELECT neonpro.package_rows(%s::uuid, %s, %s::text[])", [request.pk, model._meta.db_table, out]
    )
    fields = [found for found in model._meta.concrete_fields if found.attname not in heavy]
    table = Table(model, [])
    for (told,) in found_rows:
        row = json.loads(told) if isinstance(told, str | bytes) else told
        record = model.from_db("default", [one.attname for one in fields], [_value(one, row) for one in fields])
        table.rows.append(record)
        table.files += [
            File(record, one, f"arquivos/{table.name}/{record.pk}-{one.name}")
            for one in encrypted_fields(model)
            if isinstance(one, EncryptedBinaryField) and (table.name, one.name) not in LEFT_OUT
        ]
    return table


def _value(found: Any, row: dict[str, Any]) -> Any:
    value = row.get(found.column)
    if value is None:
        return None
    if isinstance(found, EncryptedField):
        return Sealed(bytes.fromhex(value[2:]))
    if isinstance(found, models.BinaryField):
        return bytes.fromhex(value[2:])
    return value if isinstance(value, dict) else found.to_python(value)


def _open_keys(request: DataRequest) -> None:
    """One EXPORT row of the log, before the first value is read."""
    ring = keyring()
    ring.forget(request.patient_id)
    with purpose(f"request:{request.pk}"):
        ring.open([request.patient_id], CATEGORIES, Act.EXPORT)


def contents(file: File, request: DataRequest) -> bytes:
    """A file in clear; b'' where there is none. It does not stay in memory."""
    ((sealed,),) = execute(
        "SELECT neonpro.package_file(%s::uuid, %s, %s::uuid, %s)",
        [request.pk, file.record._meta.db_table, file.record.pk, file.field.column],
    )
    if not sealed:
        return b""
    file.record.__dict__[file.field.attname] = Sealed(sealed)
    opened = getattr(file.record, file.field.attname)
    del file.record.__dict__[file.field.attname]
    return b"" if isinstance(opened, Withheld) else bytes(opened)


def ending(content: bytes) -> str:
    """The ending of a file's name, by its first bytes."""
    for start, name in ((b"%PDF", "pdf"), (b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp")):
        if content.startswith(start):
            return name
    return "bin"


# --- in words and as data ---------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value as JSON says it."""
    if isinstance(value, Withheld):
        return {"withheld": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    return str(value)


def shown_fields(table: Table) -> list[Any]:
    """The fields of a table that the holder gets."""
    heavy = deferred_fields(table.model)
    return [
        one
        for one in table.model._meta.concrete_fields
        if one.name not in {"clinic", "updated_at"}
        and one.attname not in heavy
        and (table.name, one.name) not in LEFT_OUT
    ]


def as_data(table: Table) -> dict[str, Any]:
    """A table as JSON has it."""
    fields = shown_fields(table)
    return {
        "table": table.name, "label": table.label, "origin": table.origin, "purpose": table.purpose,
        "rows": [{one.attname: plain(getattr(row, one.attname)) for one in fields} for row in table.rows],
    }  # fmt: skip


def in_words(table: Table, people: dict[str, str]) -> list[list[tuple[str, str]]]:
    """Each row of a table as pairs of label and value, the empty ones left out."""
    fields = [one for one in shown_fields(table) if one.name not in _INTERNAL]
    return [
        [
            (capfirst(str(one.verbose_name)), said)
            for one in fields
            if (said := _word(one, getattr(row, one.attname), people))
        ]
        for row in table.rows
    ]


def _word(found: Any, value: Any, people: dict[str, str]) -> str:
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, Withheld):
        return str(value)
    if found.choices:
        return str(dict(found.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "d/m/Y H:i")
    if isinstance(value, date):
        return date_format(value, "d/m/Y")
    for kind, written in WRITTEN.items():
        if isinstance(found, kind):
            return written(str(value))
    if isinstance(value, dict | list):
        return "\n".join(_lines(value))
    if isinstance(value, UUID):
        # Another row of the package: the JSON has its whole number.
        return people.get(str(value), str(value)[:8].upper())
    return str(value)


def _lines(value: Any, depth: int = 0) -> Iterator[str]:
    pad = "\u00a0" * (2 * depth)
    if isinstance(value, dict) and isinstance(value.get("sections"), list):
        # Entries of the record: headings with their texts, and not how a program keeps them.
        for part in value["sections"]:
            if part.get("text"):
                yield f"{part.get('heading', '')}: {part['text']}"
    elif isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, dict | list):
                yield f"{pad}{name}:"
                yield from _lines(one, depth + 1)
            elif one not in (None, ""):
                yield f"{pad}{name}: {one}"
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict | list):
                yield from _lines(one, depth)
            else:
                yield f"{pad}– {one}"
    else:
        yield f"{pad}{value}"


def _people() -> dict[str, str]:
    """Who and what rows refer to, by id."""
    named = dict(trail.names())
    named |= {str(one.pk): str(one) for one in Professional.objects.all()}
    named |= {str(one.pk): str(one) for one in Service.objects.all()}
    return named


def left_out() -> list[str]:
    """What is not in the package, and why."""
    fields = [
        f"{capfirst(trail.table_word(table))}, {_label(table, name)}: {reason}"
        for (table, name), reason in LEFT_OUT.items()
    ]
    return [
        *fields,
        _(
            "Earlier versions of what was changed since, and the raw log of changes: the log of accesses is in the"
            " package."
        ),
        _("Keys, search indexes and technical numbers: they say nothing about you."),
        _("Data of other people, and of the team more than the name and the office: they belong to them."),
        _("Of the clinic's trade secrets (art. 19 § 3) nothing was left out."),
    ]  # fmt: skip


def _label(table: str, name: str) -> str:
    for model in patient_models():
        if model._meta.db_table == table:
            return str(model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    return name


# --- the ZIP ----------------------------------------------------------------------------------------------------------


class _Sink:
    """What the ZIP writes to, and the download takes from: it is never all there."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Nothing waits."""

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        given, self._parts = b"".join(self._parts), []
        return given


def build(request: DataRequest, password: str) -> Iterator[bytes]:
    """The encrypted ZIP (AES-256), piece by piece; the context stays open until the end.

    Raises:
        django.db.DatabaseError: the request does not open these data (any more).
    """
    _open_keys(request)
    try:
        yield from _build(request, password)
    finally:
        keyring().forget(request.patient_id)


def _build(request: DataRequest, password: str) -> Iterator[bytes]:
    clinic = Clinic.objects.get(pk=cast("UUID", request.clinic_id))
    tables = gather(request)
    people = _people()
    visits = accesses.report(request.patient_id)
    sink = _Sink()
    with pyzipper.AESZipFile(
        sink, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES, allowZip64=True
    ) as archive:
        archive.setpassword(password.encode())
        archive.setencryption(pyzipper.WZ_AES, nbits=256)
        paths: dict[tuple[UUID, str], str] = {}
        for table in tables:
            for file in table.files:
                content = contents(file, request)
                if content:
                    path = f"{file.path}.{ending(content)}"
                    paths[file.record.pk, file.field.name] = path
                    archive.writestr(path, content)
                    yield sink.take()
        told = {
            "format": "neonpro.package", "version": 1, "generated_at": timezone.now().isoformat(),
            "clinic": {"name": clinic.trade_name, "cnpj": clinic.cnpj},
            "request": {
                "number": request.number, "kind": request.kind, "received_at": request.received_at.isoformat(),
            },
            "tables": [as_data(table) for table in tables],
            "files": [{"record": str(pk), "field": name, "path": path} for (pk, name), path in paths.items()],
            "accesses": [
                {"when": one.created_at.isoformat(), "who": one.who, "role": one.role, "what": one.what,
                 "purpose": one.purpose, "categories": one.categories}
                for one in visits.lines
            ],
            "left_out": left_out(),
        }  # fmt: skip
        archive.writestr("dados.json", json.dumps(told, ensure_ascii=False, indent=1))
        yield sink.take()
        archive.writestr("fhir-r4.json", fhir.bundle(tables, paths, clinic))
        yield sink.take()
        archive.writestr(
            "dados.pdf",
            package_pdf.document(
                request, clinic, tables, [in_words(one, people) for one in tables], visits, left_out()
            ),
        )
        yield sink.take()
    yield sink.take()
