"""Guard and maintain the Brazilian Portuguese catalogues: ``python -m tests.locale_tool check|update``.

The back-office runs under ``LANGUAGE_CODE = "pt-br"``, but a string is only Portuguese if *some* catalogue
translates it, and a missing one fails silently: the page simply shows English. Unfold ships no catalogue at
all and guardian and simple_history ship partial ones, so ``neonpro/locale`` carries their strings as well as
ours. ``check`` makes the silent failure loud; ``update`` does what ``makemessages`` + ``compilemessages``
would do, in pure Python, because those two need GNU gettext and a Windows laptop does not have it.

Translations are looked up in the catalogue Django itself merges (core, then the installed apps, then
``LOCALE_PATHS``), never by reading one file: what is verified is what a receptionist would see. European
Portuguese (``pt``), which gettext falls back to, does not count.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

import polib
from django.utils.translation import to_locale
from django.utils.translation.template import templatize
from django.utils.translation.trans_real import DjangoTranslation, TranslationCatalog

Domain = Literal["django", "djangojs"]

ROOT: Final = Path(__file__).resolve().parent.parent
LANGUAGE: Final = "pt-br"
CATALOGUE_DIR: Final = ROOT / "neonpro" / "locale" / to_locale(LANGUAGE) / "LC_MESSAGES"
OWN_PACKAGES: Final = ("neonpro", "clinics", "patients", "compliance", "ai", "templates")
# Django's admin and auth are complete today; they are listed because Unfold's pages show their strings, and a
# new Django release often comes out before its pt_BR translation does.
VENDOR_PACKAGES: Final = (
    "django.contrib.admin",
    "django.contrib.auth",
    "guardian",
    "simple_history",
    "unfold",
)

_SKIPPED_DIRS: Final = frozenset({"__pycache__", "locale", "migrations", "node_modules", "tests"})
_TEMPLATE_SUFFIXES: Final = frozenset({".html", ".txt"})

# Position of (context, singular, plural) among the arguments of each gettext function; a "_lazy" or "_noop"
# suffix changes when a message is looked up, not where its text stands.
_SIGNATURES: Final[Mapping[str, tuple[int | None, int, int | None]]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "ngettext": (None, 0, 1),
    "pgettext": (0, 1, None),
    "npgettext": (0, 1, 2),
}

_LITERAL: Final = r"""u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_TEXT: Final = rf"{_LITERAL}(?:\s*\+\s*{_LITERAL})*"
_CALL: Final = rf"\(\s*({_TEXT}(?:\s*,\s*{_TEXT})*)"
_TEMPLATE_CALL_RE: Final = re.compile(rf"(?<!\w)(_|n?p?gettext){_CALL}", re.DOTALL)
# Django's JavaScript catalogue defines no "_"; a third-party script may well define one of its own.
_JAVASCRIPT_CALL_RE: Final = re.compile(rf"(?<!\w)(n?p?gettext(?:_noop)?){_CALL}", re.DOTALL)
_LITERAL_RE: Final = re.compile(_LITERAL, re.DOTALL)
_TEXT_RE: Final = re.compile(_TEXT, re.DOTALL)

# "%%" is matched first, or the "%s" inside an escaped "100%%sem juros" would pass for a placeholder.
_PLACEHOLDER_RE: Final = re.compile(r"%%|%\(\w+\)[sdfr]|%[sdfr]|\{\w*\}")


@dataclass(frozen=True, order=True)
class Message:
    """One msgid, as gettext identifies it."""

    msgid: str
    plural: str = ""
    context: str = ""

    def __str__(self) -> str:
        suffix = f" (context {self.context!r})" if self.context else ""
        return f"{self.msgid!r} / {self.plural!r}{suffix}" if self.plural else f"{self.msgid!r}{suffix}"


@dataclass
class Extraction:
    """The messages of one package by domain, each with the files that use it, and the unreadable calls."""

    messages: dict[Domain, dict[Message, set[str]]] = field(
        default_factory=lambda: {domain: {} for domain in get_args(Domain)}
    )
    unreadable: list[str] = field(default_factory=list)

    def add(self, domain: Domain, path: str, messages: Iterable[Message]) -> None:
        for message in messages:
            if message.msgid:
                self.messages[domain].setdefault(message, set()).add(path)


def own_sources() -> dict[str, Path]:
    """Return our packages that exist (an app may not have been written yet)."""
    return {name: ROOT / name for name in OWN_PACKAGES if (ROOT / name).is_dir()}


def vendor_sources() -> dict[str, Path]:
    """Return where the third-party packages are installed; a missing one is an error, not an empty set."""
    sources = {}
    for name in VENDOR_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)
        sources[name] = Path(spec.origin).parent
    return sources


# --- extraction -----------------------------------------------------------------------------------------


def extract(package: Path) -> Extraction:
    """Collect every literal message in the package's Python, templates and JavaScript."""
    found = Extraction()
    for path in sorted(package.rglob("*")):
        relative = path.relative_to(package)
        if not path.is_file() or _SKIPPED_DIRS.intersection(relative.parts):
            continue
        name = f"{package.name}/{relative.as_posix()}"
        if path.suffix == ".py":
            messages, unreadable = _from_python(path.read_text("utf-8"), name)
            found.add("django", name, messages)
            found.unreadable += unreadable
        elif path.suffix in _TEMPLATE_SUFFIXES:
            source = templatize(path.read_text("utf-8"), origin=name)
            found.add("django", name, _from_calls(_TEMPLATE_CALL_RE, source))
        elif path.suffix == ".js":
            found.add("djangojs", name, _from_calls(_JAVASCRIPT_CALL_RE, path.read_text("utf-8")))
    return found


def _signature(function: str) -> tuple[int | None, int, int | None] | None:
    return _SIGNATURES.get(function.removesuffix("_lazy").removesuffix("_noop"))


def _message(signature: tuple[int | None, int, int | None], texts: Sequence[str]) -> Message:
    context, singular, plural = signature
    return Message(
        msgid=texts[singular],
        plural="" if plural is None else texts[plural],
        context="" if context is None else texts[context],
    )


def _from_calls(call_re: re.Pattern[str], source: str) -> Iterator[Message]:
    """Find gettext calls in JavaScript, or in what ``templatize`` makes of a template.

    Neither is Python, so neither can be parsed as Python; but both write the calls alike.
    """
    for function, arguments in call_re.findall(source):
        texts = [
            "".join(ast.literal_eval(literal) for literal in _LITERAL_RE.findall(text))
            for text in _TEXT_RE.findall(arguments)
        ]
        signature = _signature(function)
        if signature and len(texts) > max(position for position in signature if position is not None):
            yield _message(signature, texts)


def _from_python(source: str, name: str) -> tuple[list[Message], list[str]]:
    """Return the messages of a module, and the calls whose message is built on the spot.

    ``_(f"Olá {name}")`` looks up a different msgid at every call, so no catalogue can ever hold it. A bare
    name (``_(label)``) is left alone: its text is normally marked where it is defined.
    """
    tree = ast.parse(source, name)
    aliases = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.asname
    }
    messages: list[Message] = []
    unreadable: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = _called(node.func)
        signature = _signature(aliases.get(function, function))
        if signature is None:
            continue
        nodes = [node.args[at] for at in signature if at is not None and at < len(node.args)]
        if len(nodes) < sum(at is not None for at in signature):
            continue
        texts = [_literal(argument) for argument in node.args[: max(at or 0 for at in signature) + 1]]
        if None not in texts:
            messages.append(_message(signature, [text for text in texts if text is not None]))
        elif any(_is_built_on_the_spot(argument) for argument in nodes):
            unreadable.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    return messages, unreadable


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _literal(node: ast.expr) -> str | None:
    """Return the text of a literal, or of literals joined with ``+``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _literal(node.left), _literal(node.right)
        return None if left is None or right is None else left + right
    return None


def _is_built_on_the_spot(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return _called(node.func) == "format"
    return isinstance(node, ast.JoinedStr | ast.BinOp | ast.IfExp)


# --- resolution -----------------------------------------------------------------------------------------


def merged_catalogue(domain: Domain) -> TranslationCatalog:
    """Return the pt-br catalogue Django would use, without the European Portuguese fallback.

    The admin's ``jsi18n`` view serves the admin's own JavaScript catalogue and ``LOCALE_PATHS``, nothing
    else, hence the different search path.
    """
    if domain == "django":
        translation = DjangoTranslation(LANGUAGE)
    else:
        admin = vendor_sources()["django.contrib.admin"]
        translation = DjangoTranslation(LANGUAGE, domain=domain, localedirs=[str(admin / "locale")])
    catalogue = translation._catalog  # type: ignore[attr-defined]  # no public way to ask "is it there?"
    assert isinstance(catalogue, TranslationCatalog)
    return catalogue


def is_translated(message: Message, catalogue: TranslationCatalog) -> bool:
    """Tell whether the catalogue holds the message in every form the runtime may ask for."""
    key = f"{message.context}\x04{message.msgid}" if message.context else message.msgid
    if not message.plural:
        # gettext() falls back on the singular of a plural entry.
        return bool(catalogue.get(key) or catalogue.get((key, 0)))
    try:
        return all(catalogue.plural(key, number) for number in (0, 1, 2))
    except KeyError:
        return False


# --- check ----------------------------------------------------------------------------------------------


def check(
    own: Mapping[str, Path] | None = None,
    vendor: Mapping[str, Path] | None = None,
    catalogue_dir: Path = CATALOGUE_DIR,
) -> list[str]:
    """Return every problem found, one line each; an empty list means the catalogues are sound."""
    own = own_sources() if own is None else own
    vendor = vendor_sources() if vendor is None else vendor
    problems = []
    catalogues = {domain: merged_catalogue(domain) for domain in get_args(Domain)}
    for package, path in {**own, **vendor}.items():
        found = extract(path)
        for domain, messages in found.messages.items():
            problems += [
                f"untranslated [{domain}, {package}]: {message} ({min(files)})"
                for message, files in sorted(messages.items())
                if not is_translated(message, catalogues[domain])
            ]
        if package in own:
            problems += [f"untranslatable, not a literal [{package}]: {call}" for call in found.unreadable]
    for domain in get_args(Domain):
        problems += check_catalogue(catalogue_dir / f"{domain}.po")
    return problems


def check_catalogue(po_path: Path) -> list[str]:
    """Return what is wrong inside one .po file, and between it and its .mo.

    A domain for which Django already has every translation has no file at all, which is fine.
    """
    if not po_path.is_file():
        return []
    po = polib.pofile(str(po_path))
    problems = [f"fuzzy [{po_path.name}]: {entry.msgid!r}" for entry in po if entry.fuzzy]
    problems += [
        f"placeholders differ [{po_path.name}]: {entry.msgid!r} -> {msgstr!r}"
        for entry in po.translated_entries()
        for msgid, msgstr in _pairs(entry)
        if _placeholders(msgid) != _placeholders(msgstr)
    ]
    mo_path = po_path.with_suffix(".mo")
    if not mo_path.is_file() or _compiled(polib.mofile(str(mo_path))) != _compiled(po):
        problems.append(f"stale [{mo_path.name}]: run `python -m tests.locale_tool update`")
    return problems


def _pairs(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Pair each translation with the source text it must agree with.

    Portuguese uses its first form for 0 as well as 1, so every form of a plural must carry the placeholders
    of the English plural (the English singular may have spelled "1" out).
    """
    if entry.msgid_plural:
        return [(entry.msgid_plural, text) for text in entry.msgstr_plural.values()]
    return [(entry.msgid, entry.msgstr)]


def _placeholders(text: str) -> tuple[frozenset[str], Counter[str]]:
    """Return the named placeholders, which a translation may repeat, and the positional ones, counted."""
    found = [match for match in _PLACEHOLDER_RE.findall(text) if match != "%%"]
    positional = Counter(match for match in found if match in {"{}", "%s", "%d", "%f", "%r"})
    return frozenset(found) - frozenset(positional), positional


def _compiled(catalogue: polib.POFile | polib.MOFile) -> tuple[object, ...]:
    """Return what matters of a catalogue at run time, comparable between a .po and a .mo.

    Bytes are not compared: another polib or msgfmt may lay the same table out differently.
    """
    entries = {
        (entry.msgctxt or "", entry.msgid): (entry.msgid_plural, entry.msgstr, dict(entry.msgstr_plural))
        for entry in catalogue.translated_entries()
    }
    return catalogue.metadata.get("Plural-Forms"), entries


# --- update ---------------------------------------------------------------------------------------------


def update(catalogue_dir: Path = CATALOGUE_DIR) -> list[str]:
    """Add the messages no catalogue translates, with an empty msgstr, sort and compile; return their text.

    A message Django already translates well is left out: a copy would only go stale. Existing entries are
    never removed, so a translation survives the rename and the return of its msgid.
    """
    extractions = {name: extract(path) for name, path in {**own_sources(), **vendor_sources()}.items()}
    added = []
    for domain in get_args(Domain):
        po_path = catalogue_dir / f"{domain}.po"
        po = _open(po_path)
        catalogue = merged_catalogue(domain)
        for package, found in extractions.items():
            for message, files in sorted(found.messages[domain].items()):
                if not is_translated(message, catalogue) and _ensure_entry(po, message, package, files):
                    added.append(f"{domain}: {message}")
        if po:
            po.sort(key=_sort_key)
            po.save(str(po_path))
            po.save_as_mofile(str(po_path.with_suffix(".mo")))
    return added


def _open(po_path: Path) -> polib.POFile:
    """Open a .po, or start one (without the dates and names that make every update a diff)."""
    if po_path.is_file():
        return polib.pofile(str(po_path), wrapwidth=100)
    po = polib.POFile(wrapwidth=100)
    po.metadata = {
        "Project-Id-Version": "neonpro",
        "Language": to_locale(LANGUAGE),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n > 1);",
    }
    return po


def _ensure_entry(po: polib.POFile, message: Message, package: str, files: Iterable[str]) -> bool:
    """Add the message to the .po, or the plural to the entry already there; tell whether it was added."""
    context = message.context or None
    entry = po.find(message.msgid, msgctxt=context or False)
    if entry is None:
        entry = polib.POEntry(msgid=message.msgid, msgctxt=context, comment=package)
        if any(_placeholders(message.msgid + message.plural)):
            braces = "%" not in message.msgid + message.plural
            entry.flags.append("python-brace-format" if braces else "python-format")
        po.append(entry)
    elif entry.msgid_plural or not message.plural:
        return False
    if message.plural:
        # gettext allows one entry per msgid, which then serves gettext() and ngettext() alike.
        entry.msgid_plural = message.plural
        entry.msgstr_plural = {0: entry.msgstr, 1: ""}
        entry.msgstr = ""
    # Without line numbers, which would make every unrelated edit of a module a diff here.
    entry.occurrences = sorted({*entry.occurrences, *((file, "") for file in files)})
    return True


def _sort_key(entry: polib.POEntry) -> tuple[bool, int, str, str, str]:
    """Order by package (named in the ``#.`` comment), ours first, then by text."""
    packages = (*OWN_PACKAGES, *VENDOR_PACKAGES)
    package = entry.comment.partition("\n")[0]
    position = packages.index(package) if package in packages else len(packages)
    return bool(entry.obsolete), position, package, entry.msgid, entry.msgctxt or ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; only ``check`` fails, with 1, when something is left to translate or to repair."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m tests.locale_tool", description=summary)
    parser.add_argument("command", choices=["check", "update"])
    command = parser.parse_args(arguments).command
    if command == "update":
        print(*(f"to translate: {line}" for line in update()), "Catalogues sorted and compiled.", sep="\n")
        return 0
    problems = check()
    print(*(problems or ["Every string is translated."]), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neonpro.settings")
    django.setup()
    sys.exit(main())
