"""Finding patients by what people remember of them: words of a name, a CPF, CNS, phone, e-mail or record number."""

import re
from collections.abc import Iterable
from typing import Literal, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from psycopg.types.json import Jsonb

from clinics.roles import may
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import current_purpose, keyring
from neonpro.vault.search import exact_token, unique_token, word_tokens
from neonpro.vault.text import words
from patients.models import Patient

MOST = 1000
"""How many patients a search answers with at most."""

SORTED = 200
"""Up to how many a list opens all the names to put them in alphabetical order; more stay by last visit."""

T = TypeVar("T", bound=Model)


class Found(list[UUID]):
    """The ids of the patients that match, the last visit first; `more` when there are others beyond the limit."""

    more: bool = False


def find(term: str, *, limit: int = MOST) -> Found:
    """The current clinic's patients that match a term. The audit log keeps that there was a search, not the term.

    Args:
        term: beginnings of words of the name in any order, accents and case ignored; or at least eight digits of a
            whole CPF, CNS, phone or record number, however punctuated; or a whole e-mail address.
        limit: how many at most, up to 1,000.
    """
    found = Found()
    opened = context.current()
    # One letter alone finds nothing: a clinic's list by first letter is no search.
    if opened is None or not may(opened.role, "view", "patients") or not _tells(term):
        return found
    key = keyring().search_key()
    digits = _digits(term)
    typed: list[int] = []
    numbers: list[int] = []
    if digits:
        numbers = [exact_token(key, kind, number) for kind, number in _numbers(term, digits)]
    elif "@" in term:
        numbers = [exact_token(key, "email", term.strip())]
    else:
        typed = list(word_tokens(key, term))
    why = current_purpose(opened.actor)
    rows = execute(
        "SELECT patient, more FROM neonpro.search_patients(%s::bigint[], %s::bigint[], %s::text, %s::int, %s::text)",
        [typed, numbers, digits, limit, why],
    )
    _leave_trace(len(rows), why)
    found += [patient for patient, _ in rows]
    found.more = bool(rows) and rows[0][1]
    return found


def narrow(queryset: QuerySet[T], term: str, *, patient: str = "pk") -> QuerySet[T]:
    """Only the rows of patients that match a search term.

    Args:
        queryset: rows of patients, or rows that refer to one.
        term: see `find`.
        patient: the lookup that leads from a row to its patient's id.
    """
    return queryset.filter(**{f"{patient}__in": find(term)})


def known(kind: Literal["cpf", "external"], values: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], UUID]:
    """Which of these values, each of one patient alone, the current clinic has, and whose they are.

    Args:
        kind: "cpf", whose values are (digits,), or "external", whose values are (source, id in that source).
        values: any number of them; one call of the database.
    """
    opened = context.require()
    if not may(opened.role, "view", "patients"):
        return {}
    key = keyring().search_key()
    tokens = {unique_token(key, kind, *value): value for value in values}
    if not tokens:
        return {}
    why = current_purpose(opened.actor)
    rows = execute(
        "SELECT token, patient FROM neonpro.known_patients(%s::text, %s::bigint[], %s::text)", [kind, list(tokens), why]
    )
    _leave_trace(len(rows), why)
    return {tokens[token]: patient for token, patient in rows}


def known_cpf(cpf: str) -> UUID | None:
    """The current clinic's patient with a CPF (eleven digits), if there is one."""
    return known("cpf", [(cpf,)]).get((cpf,)) if cpf else None


def alphabetical(patients: Iterable[Patient]) -> list[Patient]:
    """Patients by the name they go by, accents and case ignored; those whose name does not open are last."""
    return sorted(patients, key=_place)


def _place(patient: Patient) -> tuple[bool, list[str], str, UUID]:
    name = patient.display_name
    return isinstance(name, Withheld), words(name), name, patient.pk


def _tells(term: str) -> bool:
    return len("".join(words(term))) > 1


def _digits(term: str) -> str:
    """The digits of a term that is a number, or ''."""
    digits = re.sub(r"[\s.\-()/+]", "", term)
    return digits if re.fullmatch(r"[0-9]{8,}", digits) else ""


def _numbers(term: str, digits: str) -> Iterable[tuple[str, str]]:
    """What a number may be, in the form that is indexed."""
    # A phone with its country, whether the plus was typed or not; or a Brazilian one without.
    yield "phone", f"+{digits}"
    if not term.strip().startswith("+"):
        yield "phone", f"+55{digits}"
        yield "cpf", digits
        yield "cns", digits


def _leave_trace(found: int, why: str) -> None:
    """A rollback takes the row that the function wrote; what was found stays found."""
    context.leave_trace(
        "SELECT neonpro.record_reading(%s::text, NULL::uuid[], %s::jsonb)",
        "SEARCH",
        Jsonb({"purpose": why, "found": found, "undone": True}),
    )


def is_too_short(term: str) -> bool:
    """Whether a term says too little to search for, so that nothing was found."""
    return not _tells(term)
