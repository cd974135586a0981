"""One record's history, from its versions or from the audit log, and the words for what they say.

Both are written by PostgreSQL's triggers (`neonpro/db/sql/record_history.sql`, `record_change.sql`); who may read them
is for their row policies to say.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import BooleanField, Field, ForeignKey, Model
from django.utils import formats
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from clinics.fields import WRITTEN
from clinics.history import history_model
from clinics.models import Membership
from clinics.purposes import purpose_word
from clinics.roles import DOOR, JOB, PATIENT, SIGN_IN, Role
from neonpro.db import context
from neonpro.db.history import UNCHANGING, RecordHistory
from neonpro.vault.fields import EncryptedField, Withheld

WITHHELD = "•"
"""What the audit trigger writes in place of a personal value (`neonpro/db/sql/record_change.sql`)."""

EMPTY = "\\x"
"""An encrypted value without anything in it, as the log has it."""

ACTIONS = {
    "INSERT": pgettext_lazy("audit", "created"),
    "UPDATE": pgettext_lazy("audit", "changed"),
    "DELETE": pgettext_lazy("audit", "deleted"),
    "LOGIN": gettext_lazy("signed in"),
    "LOGIN_FAILED": gettext_lazy("failed sign-in"),
    "LOGOUT": gettext_lazy("signed out"),
    "CLINIC_ENTERED": gettext_lazy("entered the clinic"),
    "READ": pgettext_lazy("audit", "opened"),
    "LIST": pgettext_lazy("audit", "listed"),
    "SEARCH": pgettext_lazy("audit", "searched"),
    "WRITE": pgettext_lazy("audit", "opened to write"),
    "EXPORT": gettext_lazy("exported"),
    "IMPORT": gettext_lazy("imported"),
    "KEYS_ROTATED": gettext_lazy("keys rotated"),
    "PRINT": gettext_lazy("printed"),
    "DENIED": gettext_lazy("access denied"),
    "UNREADABLE": gettext_lazy("found an unreadable value"),
    "KEYS_DESTROYED": gettext_lazy("destroyed the keys"),
    "KEYS_RENEWED": gettext_lazy("replaced the keys"),
}
"""The actions of the log, in words."""

KINDS = {"+": "INSERT", "~": "UPDATE", "-": "DELETE"}
"""What a version's `history_type` is called in the audit log."""

CATEGORIES = {
    "identification": gettext_lazy("identification"),
    "contact": gettext_lazy("contact"),
    "clinical": gettext_lazy("clinical data"),
    "images": gettext_lazy("images"),
    "marketing": gettext_lazy("marketing"),
    "ai": gettext_lazy("artificial intelligence"),
}
"""The categories of personal data (`neonpro.vault.keys.CATEGORIES`), in words."""

CHANGES = ("INSERT", "UPDATE", "DELETE")
"""The actions whose `changes` speak of columns."""

FACTS = frozenset({"purpose", "categories", "withheld", "restricted", "found", "label", "undone"})
"""What `changes` says of a reading, see `facts_of`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

HISTORY_LIMIT = 100
"""How many of a record's changes its history page shows."""


@dataclass(frozen=True, slots=True)
class Key:
    """The place of a row in the log."""

    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{(self.created_at - _EPOCH) // timedelta(microseconds=1)}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Key | None":
        """The place that `str()` wrote; None for anything else."""
        match = re.fullmatch(r"(\d{1,18})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", text)
        if match is None:
            return None
        try:
            return cls(_EPOCH + timedelta(microseconds=int(match.group(1))), UUID(match.group(2)))
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one field."""

    field: str
    old: str
    new: str
    withheld: bool = False
    """The log does not have the values, or only as ciphertext: pages show `what` in their place."""

    @property
    def what(self) -> str:
        """What became of a value that is not shown."""
        if not self.new:
            return _("emptied (protected value)")
        if self.new == WITHHELD:
            return _("changed (value not recorded)")
        return _("changed (protected value)") if self.old else _("filled in (protected value)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a record's history."""

    created_at: datetime
    action: str
    who: str
    role: str
    changes: list[Change]


def history(record: Model) -> list[Entry]:
    """What the audit log says of a record, newest first; empty for whom the log's policies show nothing.

    One entry more than `HISTORY_LIMIT` says that there are more.
    """
    table = record._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT created_at, action, actor_kind, actor, role, changes::text FROM audit_logs"
            " WHERE record_id = %s AND table_name = %s ORDER BY created_at DESC LIMIT %s",
            [record.pk, table, HISTORY_LIMIT + 1],
        )
        rows = cursor.fetchall()
    people = names()
    changes = changes_of([(table, json.loads(row[-1]) if row[-1] else None) for row in rows])
    return [
        Entry(created_at, action_word(action), who(kind, actor, people), role_word(role), changed)
        for (created_at, action, kind, actor, role, _text), changed in zip(rows, changes, strict=True)
    ]


def versions(record: Model) -> list[Entry]:
    """The versions of a record that has a `ClinicHistory`, newest first, each with what it changed in the one before.

    One entry more than `HISTORY_LIMIT` says that there are more. Values are read as the model's fields give them: what
    a vault keeps is opened for all versions at once, or shown as the placeholder that stands for it.
    """
    kept = history_model(type(record))._default_manager.filter(id=record.pk)
    found = list(kept.order_by("-history_date", "-history_id")[: HISTORY_LIMIT + 1])
    fields = _versioned(type(record))
    changed = [_changed(version, before, fields) for version, before in pairwise([*found, None])]
    labels = _names_of((field, value) for changes in changed for field, *values in changes for value in values)
    people = names()
    return [
        Entry(
            version.history_date,
            action_word(KINDS[version.history_type]),
            who(version.actor_kind, version.actor, people),
            role_word(version.role),
            [
                Change(_label(field, field.name), _word(field, old, labels), _word(field, new, labels))
                for field, old, new in changes
            ],
        )
        for version, changes in zip(found, changed, strict=True)
    ]


def _versioned(model: type[Model]) -> "list[Field[Any, Any]]":
    """The fields of a model that make a version when they change."""
    triggers = [trigger for trigger in getattr(model._meta, "triggers", ()) if isinstance(trigger, RecordHistory)]
    left_out = UNCHANGING.union(*(trigger.excluded | trigger.derived for trigger in triggers))
    return [field for field in model._meta.concrete_fields if field.name not in left_out]


def _changed(
    version: Any, before: Any, fields: "Iterable[Field[Any, Any]]"
) -> "list[tuple[Field[Any, Any], Any, Any]]":
    """What a version changed: all that is filled in where it is the first, nothing where the record was deleted."""
    if version.history_type == "-" or (before is None and version.history_type != "+"):
        return []
    changes = []
    for field in fields:
        new = getattr(version, field.attname)
        old = getattr(before, field.attname) if before is not None and version.history_type == "~" else None
        if version.history_type == "+":
            differs = new not in (None, "")
        else:
            # Two placeholders read alike; what they stand for may still differ.
            differs = old != new or _ciphertext(old) != _ciphertext(new)
        if differs:
            changes.append((field, old, new))
    return changes


def _ciphertext(value: Any) -> bytes | None:
    return value.sealed if isinstance(value, Withheld) else None


def names() -> dict[str, str]:
    """The names of everyone who is or was in the current clinic's team, by account.

    A patient on the page «Meus dados» sees no team, and is told the names of those who accessed, and of the
    professionals by their id (`neonpro.team_names`).
    """
    opened = context.current()
    if opened is not None and opened.role == PATIENT:
        with connection.cursor() as cursor:
            cursor.execute("SELECT account, display_name FROM neonpro.team_names()")
            return {str(user): name for user, name in cursor.fetchall()}
    return {str(user): name for user, name in Membership.objects.values_list("user_id", "display_name")}


def purpose_of(changes: Mapping[str, Any] | None) -> str:
    """For what a reading opened personal data, in words; '' where the log says nothing of it."""
    return purpose_word(str((changes or {}).get("purpose", "")))


def facts_of(changes: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What the log says of a reading, with its names: for what, which categories, why not, how many were found."""
    told = {name: value for name, value in (changes or {}).items() if name in FACTS}
    facts = [
        (_("Purpose"), purpose_of(told)),
        (_("Categories"), _categories(told.get("categories"))),
        (_("Withheld from this role"), _categories(told.get("withheld"))),
        (_("Restricted patient"), _("yes") if told.get("restricted") else ""),
        (_("Patients found"), str(told.get("found", ""))),
        (_("Value"), _value_word(str(told.get("label", "")))),
        (_("Request"), _("failed afterwards; what was read stays read") if told.get("undone") else ""),
    ]
    return [(name, text) for name, text in facts if text]


def _categories(codes: Any) -> str:
    return ", ".join(str(CATEGORIES.get(code, code)) for code in codes or ())


def _value_word(label: str) -> str:
    """The name of the field that a label of the vault stands for, or of the key."""
    if label.startswith("key:"):
        return _("the key of: %(category)s") % {"category": _categories([label.removeprefix("key:")])}
    for model in _models().values():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedField) and field.label == label:
                return str(field.verbose_name)
    return label


def who(kind: str, actor: str, people: Mapping[str, str]) -> str:
    """An actor of the log in words.

    Args:
        kind: the log's `actor_kind`.
        actor: an account's id, or the name of a job or of a database role.
        people: see `names`.
    """
    if kind == "job":
        return _("job %(name)s") % {"name": actor}
    if kind == "patient":
        return _("the patient")
    if kind == "door":
        return _("page “My data”")
    if kind == "db":
        return _("database role %(name)s") % {"name": actor}
    if actor in people:
        return people[actor]
    return _("former team member %(id)s") % {"id": actor[:8]} if actor else _("nobody signed in")


def action_word(action: str) -> str:
    """An action of the log in words."""
    return str(ACTIONS.get(action, action))


def role_word(role: str) -> str:
    """The role in which somebody acted, in words."""
    if role in Role.values:
        return str(Role(role).label)
    return {
        JOB: _("job"), SIGN_IN: _("sign-in"), DOOR: _("sign-in"), PATIENT: _("holder of the data"),
    }.get(role, role)  # fmt: skip


def table_word(table: str) -> str:
    """What a table holds, in words."""
    model = _models().get(table)
    return str(model._meta.verbose_name_plural) if model else table


def audited_tables() -> list[tuple[str, str]]:
    """The tables that the log speaks of, with their words, in the words' order."""
    return sorted(
        (
            (table, table_word(table))
            for table, model in _models().items()
            if any(trigger.name == "record_changes" for trigger in getattr(model._meta, "triggers", ()))
        ),
        key=lambda pair: pair[1],
    )


def fields_of(table: str, changes: Mapping[str, Any] | None) -> list[str]:
    """Which fields the log's `changes` of one row speak of, in words."""
    model = _models().get(table)
    return [_label(_field(model, column), column) for column in changes or {}]


def changes_of(rows: Sequence[tuple[str, Mapping[str, Any] | None]]) -> list[list[Change]]:
    """The log's `changes` of rows, field by field, in words; references of all rows are looked up together.

    Args:
        rows: for each row its table and its `changes`.
    """
    labels = _references(rows)
    return [
        [
            Change(
                _label(field := _field(_models().get(table), column), column),
                _logged(field, old, labels),
                _logged(field, new, labels),
                withheld=new == WITHHELD or isinstance(field, EncryptedField),
            )
            for column, old, new in _pairs(changes)
        ]
        for table, changes in rows
    ]


def _pairs(changes: Mapping[str, Any] | None) -> Iterator[tuple[str, Any, Any]]:
    for column, value in (changes or {}).items():
        # An UPDATE has [old, new]; a new or deleted row has plain values. No column of ours holds a list.
        if isinstance(value, list) and len(value) == 2:
            yield column, *value
        elif value not in ("", WITHHELD, EMPTY):
            # Of a new row, "withheld" would not even say whether there was a value.
            yield column, None, value


def _references(rows: Sequence[tuple[str, Mapping[str, Any] | None]]) -> dict[str, str]:
    """What the log's rows refer to, see `_names_of`."""
    return _names_of(
        (_field(_models().get(table), column), value)
        for table, changes in rows
        for column, *values in _pairs(changes)
        for value in values
    )


def _names_of(values: "Iterable[tuple[Field[Any, Any] | None, Any]]") -> dict[str, str]:
    """The records that values refer to, by id: `str()` of a record, which never holds a patient's name."""
    wanted: dict[type[Model], set[str]] = defaultdict(set)
    for field, value in values:
        if isinstance(field, ForeignKey) and field.name != "clinic" and value and value != WITHHELD:
            wanted[cast("type[Model]", field.related_model)].add(str(value))
    return {
        str(key): str(record)
        for model, keys in wanted.items()
        for key, record in model._default_manager.in_bulk(list(keys)).items()
    }


def _label(field: "Field[Any, Any] | None", column: str) -> str:
    return str(field.verbose_name) if field is not None else column


def _logged(field: "Field[Any, Any] | None", value: Any, labels: Mapping[str, str]) -> str:
    if isinstance(field, EncryptedField):
        # Ciphertext, or nothing at all: that a value was empty is no secret.
        return "" if value in (None, "", EMPTY) else _("protected value")
    return _word(field, value, labels)


def _word(field: "Field[Any, Any] | None", value: Any, labels: Mapping[str, str]) -> str:
    if value is None or value == "":
        return ""
    if isinstance(field, BooleanField) or isinstance(value, bool):
        return _("yes") if value else _("no")
    if field is not None and field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(field, ForeignKey):
        return labels.get(str(value), str(value)[:8])
    if isinstance(value, str):
        return _written(field, value)
    return _moment(value) if isinstance(value, date) else str(value)


def _written(field: "Field[Any, Any] | None", text: str) -> str:
    """Text as people write it: the log has times as text, and identifiers are kept without punctuation."""
    kind = field.get_internal_type() if field is not None else ""
    parse = {"DateTimeField": parse_datetime, "DateField": parse_date}.get(kind)
    if parse is not None:
        moment = parse(text)
        return _moment(moment) if moment else text
    for cleaned, written in WRITTEN.items():
        # Not a placeholder that stands in the place of a value.
        if isinstance(field, cleaned) and text.lstrip("+").isalnum():
            return written(text)
    return text


def _moment(moment: date) -> str:
    """Times in the clinic's own."""
    if isinstance(moment, datetime):
        return formats.date_format(localtime(moment), "SHORT_DATETIME_FORMAT")
    return formats.date_format(moment, "SHORT_DATE_FORMAT")


def _field(model: type[Model] | None, column: str) -> "Field[Any, Any] | None":
    if model is None:
        return None
    for field in model._meta.concrete_fields:
        if field.column == column:
            return field
    return None


@cache
def _models() -> dict[str, type[Model]]:
    return {model._meta.db_table: model for model in apps.get_models()}
