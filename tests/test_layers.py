"""Lower floors never import higher ones (design.md, "The house")."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

FLOORS = [
    {"neonpro.db"},
    {"neonpro.vault", "neonpro.rules", "neonpro.pades"},
    {"clinics"},
    {"patients"},
    {"compliance"},
    {"ai"},
    {"neonpro"},
]
"""From the ground up; the rest of `neonpro` (settings, addresses, the demonstration) stands on everything."""


def floor_of(module: str) -> int | None:
    """The floor a module is on; None for what is not ours."""
    for number, packages in enumerate(FLOORS):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            return number
    return None


def imports(file: Path, module: str) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, wherever in it, with the line."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from neonpro import db` names a module too.
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def climbing(root: Path) -> list[str]:
    """Each import below `root` that leads to a higher floor."""
    found = []
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        floor = floor_of(module)
        # A migration names the models that its database has, of whatever floor.
        if floor is None or "migrations" in parts:
            continue
        for line, target in imports(file, module):
            higher = floor_of(target)
            if higher is not None and higher > floor:
                found.append(f"{file.relative_to(root)}:{line} imports {target}")
    return found


def test_no_floor_imports_a_higher_one() -> None:
    assert climbing(Path(settings.BASE_DIR)) == []


def test_every_app_of_ours_stands_on_a_floor() -> None:
    packages = {
        file.parent.relative_to(settings.BASE_DIR).parts[0] for file in Path(settings.BASE_DIR).glob("*/apps.py")
    }
    assert {"clinics", "patients", "compliance", "ai"} <= packages
    assert [package for package in packages if floor_of(package) is None] == []


@pytest.mark.parametrize(
    ("file", "source", "found"),
    [
        ("neonpro/db/x.py", "from clinics.models import User", "clinics.models.User"),
        ("neonpro/db/x.py", "def late():\n    import patients.models", "patients.models"),
        ("neonpro/db/x.py", "from neonpro import settings", "neonpro.settings"),
        ("neonpro/db/deep/x.py", "from ... import vault", "neonpro.vault"),
        ("neonpro/db/__init__.py", "from ..vault import keys", "neonpro.vault.keys"),
        ("neonpro/vault/x.py", "import clinics", "clinics"),
        ("neonpro/rules/x.py", "from ai import models as m", "ai.models"),
        ("neonpro/pades/x.py", "from patients import signing", "patients.signing"),
        ("neonpro/rules/x.py", "from neonpro.vault import keys\nfrom neonpro.db import context", None),
        ("neonpro/db/x.py", "from neonpro.rules import rule", "neonpro.rules.rule"),
        ("clinics/x.py", "if True:\n    from patients import models", "patients.models"),
        (
            "patients/management/commands/x.py",
            "from compliance.erasure import plan_erasure",
            "compliance.erasure.plan_erasure",
        ),
        ("compliance/x.py", "import ai.models as m", "ai.models"),
        ("ai/x.py", "from neonpro.urls import urlpatterns", "neonpro.urls.urlpatterns"),
        ("clinics/x.py", "from neonpro.db import context\nfrom . import models\nimport django", None),
        ("patients/x.py", "from django.apps import apps\napps.get_model('compliance', 'AuditLog')", None),
        ("patients/migrations/0001_x.py", "from compliance import models", None),
        ("neonpro/settings.py", "import ai", None),
        ("tests/x.py", "import ai", None),
        ("neonpro/db/x.py", "import clinicsx", None),
    ],
)
def test_an_import_that_climbs_is_found(file: str, source: str, found: str | None, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source, "utf-8")
    assert [line.rpartition(" ")[2] for line in climbing(tmp_path)] == ([found] if found else [])
