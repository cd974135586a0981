"""SQL functions live in files of their own; migrations install them with `InstallSql`."""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

_OWNER = re.compile(r"^-- owner: (\w+)$", re.MULTILINE)
_FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION (neonpro\.\w+)\(.*?AS \$\$(.*?)\$\$;", re.DOTALL)
_TABLE = re.compile(r"^CREATE TABLE neonpro\.(\w+) \((.*?)^\)", re.DOTALL | re.MULTILINE)
_VIEW = re.compile(r"^CREATE VIEW neonpro\.(\w+) ", re.MULTILINE)
_POLICY = re.compile(r"^CREATE POLICY (\w+) ON neonpro\.", re.MULTILINE)
_GRANT = re.compile(r"^GRANT ([A-Z, ]+) ON neonpro\.\w+ TO (\w+);", re.MULTILINE)


class InstallSql(Operation):
    """Run one SQL file of the app's folder `sql/`: a function, or what a function needs.

    A file whose first lines say `-- owner: ROLE` is run as that role, so that the function belongs to it. Running
    backwards leaves what was made: a function that nothing calls harms nobody, one that is missing opens a door.

    Args:
        name: the file's name, without its ending.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, name: str, folder: str | None = None) -> None:
        self.name = name
        # The folder is that of the migration's own app; tests pass another.
        self.folder = folder or str(_callers_app() / "sql")

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Nothing: Django's state knows no functions."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        text = (Path(self.folder) / f"{self.name}.sql").read_text(encoding="utf-8")
        owner = _OWNER.search(text)
        if owner:
            schema_editor.execute(f"SET LOCAL ROLE {owner.group(1)}", params=None)
        schema_editor.execute(text, params=None)
        if owner:
            schema_editor.execute("RESET ROLE", params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Nothing: see the class."""

    def describe(self) -> str:
        return f"Install sql/{self.name}.sql"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.name], {}


@dataclass(frozen=True, slots=True)
class SqlFunction:
    """A function as its file declares it."""

    name: str
    body: str
    owner: str | None
    definer: bool
    file: Path


@dataclass(frozen=True, slots=True)
class SqlTable:
    """A table of the schema neonpro, which is no model's, as its file declares it."""

    name: str
    policies: frozenset[str]
    grants: frozenset[tuple[str, str]]
    """Roles and what each may do."""
    of_a_clinic: bool


def declared_tables(base: Path) -> list[SqlTable]:
    """Every table of the schema neonpro in every `sql/` folder below `base`, and every view, which has only grants."""
    tables = [
        SqlTable(
            match.group(1),
            frozenset(_POLICY.findall(text)),
            _grants(text),
            "clinic_id" in match.group(2),
        )
        for file, text in _files(base)
        for match in _TABLE.finditer(text)
    ]
    views = [
        SqlTable(match.group(1), frozenset(), _grants(text), of_a_clinic=False)
        for file, text in _files(base)
        for match in _VIEW.finditer(text)
    ]
    return [*tables, *views]


def _grants(text: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (role, command.strip()) for commands, role in _GRANT.findall(text) for command in commands.split(",")
    )


def declared_functions(base: Path) -> list[SqlFunction]:
    """Every function of every `sql/` folder below `base`."""
    functions = []
    for file, text in _files(base):
        owner = _OWNER.search(text)
        functions += [
            SqlFunction(
                match.group(1),
                match.group(2),
                owner.group(1) if owner else None,
                "SECURITY DEFINER" in match.group(0).split("AS $$")[0],
                file,
            )
            for match in _FUNCTION.finditer(text)
        ]
    return functions


def _files(base: Path) -> list[tuple[Path, str]]:
    # An app, or a package of neonpro. Not "**": below `base` there may be an environment of thirty thousand files.
    found = sorted([*base.glob("*/sql/*.sql"), *base.glob("*/*/sql/*.sql")])
    return [(file, file.read_text(encoding="utf-8")) for file in found]


def _callers_app() -> Path:
    """The app whose migration is being loaded: the first caller outside this file is `<app>/migrations/….py`."""
    for frame in inspect.stack()[1:]:
        path = Path(frame.filename)
        if path.parent.name == "migrations":
            return path.parent.parent
    raise ValueError("InstallSql belongs in a migration; elsewhere pass folder=.")
