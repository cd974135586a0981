"""The README names every setting, dependency, role and support table, and nothing that is not there."""

import re
from pathlib import Path

from django.conf import settings
from django.db import connection

from clinics.roles import ACCESS, JOB, Role
from neonpro.vault.keys import CATEGORIES

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below a heading, up to the next heading of its level."""
    level = re.search(rf"^(#+) {re.escape(title)}$", README, re.MULTILINE)
    assert level, f"README has no section «{title}»"
    rest = README[level.end() :]
    following = re.search(rf"^#{{1,{len(level.group(1))}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def listed(title: str) -> set[str]:
    """The names in the first column of a section's table."""
    return set(re.findall(r"^\| `([^`]+)`", section(title), re.MULTILINE))


def test_every_setting_is_documented() -> None:
    read = set(re.findall(r'"((?:NEONPRO|DATABASE)_[A-Z_]+)"', (ROOT / "neonpro/settings.py").read_text()))
    assert listed("Settings") == read - {"NEONPRO_OWNER", "NEONPRO_SUPPORT_TABLES"}


def test_every_dependency_has_its_reason() -> None:
    named = set()
    for file in ("app.in", "dev.in"):
        for line in (ROOT / "requirements" / file).read_text().splitlines():
            match = re.match(r"([A-Za-z][\w.-]*)", line)
            if match:
                named.add(match.group(1).lower())
    assert {name.lower() for name in listed("Dependencies")} == named


def test_every_support_table_has_its_reason() -> None:
    functions_only = {
        "neonpro.context_keys",
        "neonpro.erasing",
        "neonpro.data_keys",
        "neonpro.search_tokens",
        "neonpro.holder_tries",
        "neonpro.audit_horizons",
        "neonpro.audit_seals",
    }
    assert listed("Support tables") == set(settings.NEONPRO_SUPPORT_TABLES) | {"users"} | functions_only


def test_every_role_is_described() -> None:
    assert listed("Roles") == set(Role.values)


def test_every_table_of_the_access_table_is_described() -> None:
    assert listed("Tables") >= set(ACCESS)


def test_who_may_open_what_is_as_the_database_has_it(db: None) -> None:
    """The README's table of categories, against `neonpro.may_open`."""
    table = re.findall(r"^\| (\w+) \| ([^|]+) \| [^|]+ \|$", section("How personal data is read"), re.MULTILINE)
    described = {name: set(who.strip().split(", ")) for name, who in table if name != "category"}
    assert set(described) == set(CATEGORIES)
    roles = [*Role.values, JOB]
    with connection.cursor() as cursor:
        for category, who in described.items():
            cursor.execute("SELECT r FROM unnest(%s::text[]) AS r WHERE neonpro.may_open(r, %s)", [roles, category])
            assert {role.replace("job", "jobs") for (role,) in cursor.fetchall()} == who, category
