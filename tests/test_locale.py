"""No string may reach a Brazilian user in English: see tests/locale_tool.py."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest

from tests import locale_tool


def test_every_string_is_translated() -> None:
    problems = "\n".join(locale_tool.check())
    assert not problems, f"`python -m tests.locale_tool update`, translate, run it again:\n{problems}"


def test_untranslated_strings_of_every_kind_are_found(tmp_path: Path) -> None:
    """Without this, an extraction that finds nothing would pass for a complete translation."""
    package = tmp_path / "madeup"
    (package / "templates").mkdir(parents=True)
    (package / "views.py").write_text(
        "from django.utils.translation import gettext_lazy as _, ngettext as plural, pgettext\n"
        "_('Save')\n"
        "_('Plain ' 'English')\n"
        "plural('%(n)s zorp', '%(n)s zorps', 2)\n"
        "pgettext('verb', 'Save')\n"
        "_(f'Hello {name}')\n",
        "utf-8",
    )
    (package / "templates" / "page.html").write_text(
        "{% load i18n %}{% trans 'In a tag' %}{{ x|default:_('In a filter') }}\n"
        "{% blocktranslate trimmed count n=n %}\n  {{ n }} flurb\n{% plural %}\n  {{ n }} flurbs\n"
        "{% endblocktranslate %}",
        "utf-8",
    )
    (package / "page.js").write_text('gettext("Joined " +\n  "in a script"); _("not gettext");', "utf-8")

    problems = locale_tool.check(own={"madeup": package}, vendor={})

    assert [problem.partition("]: ")[2] for problem in problems] == [
        "'%(n)s flurb' / '%(n)s flurbs' (madeup/templates/page.html)",
        "'%(n)s zorp' / '%(n)s zorps' (madeup/views.py)",
        "'In a filter' (madeup/templates/page.html)",
        "'In a tag' (madeup/templates/page.html)",
        "'Plain English' (madeup/views.py)",
        "'Save' (context 'verb') (madeup/views.py)",
        "'Joined in a script' (madeup/page.js)",
        "madeup/views.py:6: _(f'Hello {name}')",
    ]


def test_the_command_fails_when_the_check_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locale_tool, "check", lambda: ["untranslated: 'Zorp'"])
    assert locale_tool.main(["check"]) == 1
    assert "Zorp" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (polib.POEntry(msgid="Zorp", msgstr="Zorpe", flags=["fuzzy"]), "fuzzy"),
        (polib.POEntry(msgid="%(n)s zorp", msgstr="%(m)s zorpe"), "placeholders differ"),
        (polib.POEntry(msgid="%s zorp", msgstr="zorpe"), "placeholders differ"),
        (polib.POEntry(msgid="{} zorp", msgstr="zorpe"), "placeholders differ"),
        (
            polib.POEntry(
                msgid="one zorp", msgid_plural="%(n)s zorps", msgstr_plural={0: "um zorpe", 1: "%(n)s zorpes"}
            ),
            "placeholders differ",
        ),
    ],
)
def test_a_faulty_catalogue_is_found(tmp_path: Path, entry: polib.POEntry, problem: str) -> None:
    po = polib.POFile()
    po.append(entry)
    po.save(str(tmp_path / "django.po"))
    po.save_as_mofile(str(tmp_path / "django.mo"))

    [found] = locale_tool.check_catalogue(tmp_path / "django.po")

    assert found.startswith(problem)


def test_a_catalogue_compiled_before_its_last_edit_is_found(tmp_path: Path) -> None:
    po = polib.POFile()
    po.append(polib.POEntry(msgid="Zorp", msgstr="Zorpe"))
    po.save(str(tmp_path / "django.po"))
    assert locale_tool.check_catalogue(tmp_path / "django.po"), "there is no .mo yet"

    po.save_as_mofile(str(tmp_path / "django.mo"))
    assert not locale_tool.check_catalogue(tmp_path / "django.po")

    po[0].msgstr = "Zorpão"
    po.save(str(tmp_path / "django.po"))
    assert locale_tool.check_catalogue(tmp_path / "django.po"), "the .mo still holds the old text"


def test_update_adds_sorts_and_compiles_without_losing_a_translation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "clinics"
    package.mkdir()
    source = "_('Zorp')\n_('Flurb {}')\n_('Save')\nngettext('Kept', 'Kepts', 2)\n"
    (package / "views.py").write_text(source, "utf-8")
    monkeypatch.setattr(locale_tool, "own_sources", lambda: {"clinics": package})
    po = polib.POFile()
    po.append(polib.POEntry(msgid="Vendor", msgstr="Fornecedor", comment="unfold"))
    po.append(polib.POEntry(msgid="Kept", msgstr="Mantido", comment="clinics"))
    po.save(str(tmp_path / "django.po"))

    added = locale_tool.update(tmp_path)

    assert "django: 'Zorp'" in added
    updated = polib.pofile(str(tmp_path / "django.po"))
    assert [entry.msgid for entry in updated][:3] == ["Flurb {}", "Kept", "Zorp"]
    entries = {entry.msgid: entry for entry in updated}
    assert "Save" not in entries, "Django already translates it"
    assert entries["Kept"].msgstr_plural == {0: "Mantido", 1: ""}
    assert entries["Vendor"].msgstr == "Fornecedor"
    assert [entry.msgid for entry in polib.mofile(str(tmp_path / "django.mo"))] == ["Vendor"]
    assert not locale_tool.update(tmp_path), "a second run has nothing to add"
