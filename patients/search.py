"""Finding patients by what people remember of them: words of a name, a CPF, CNS, phone or record number."""

import re
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

LIMIT = 200
"""How many patients a search answers with at most."""

T = TypeVar("T", bound=Model)


def find(term: str, *, limit: int = LIMIT) -> list[UUID]:
    """The ids of the current clinic's patients that match, newest first.

    Args:
        term: whole or partial words in any order, accents and case ignored; or the digits of a CPF, CNS, phone or
            record number, however punctuated.
        limit: how many at most.
    """
    digits = re.sub(r"[\s.\-()/+]", "", term)
    looks_like_number = digits.isdigit() and len(digits) >= 8
    # Only numbers of a form the columns have: a name is never compared with them.
    number = digits.removeprefix("55") if looks_like_number and term.strip().startswith("+55") else digits
    words = [] if looks_like_number else term.split()
    if not words and not looks_like_number:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT patient FROM neonpro.search_patients(%s::text[], %s, %s)",
            [words, number if looks_like_number else "", limit],
        )
        return [row[0] for row in cursor.fetchall()]


def narrow(queryset: QuerySet[T], term: str, *, patient: str = "pk") -> QuerySet[T]:
    """Only the rows of patients that match a search term.

    Args:
        queryset: rows of patients, or rows that refer to one.
        term: see `find`.
        patient: the lookup that leads from a row to its patient's id.
    """
    return queryset.filter(**{f"{patient}__in": find(term)})
