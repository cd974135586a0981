"""What the admins that search for patients share."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from patients.search import SORTED, Found, find, is_too_short


class PatientSearch:
    """Searching a list for what people remember of patients; a mix-in of the admins that do."""

    SEARCHED: ClassVar[str]
    """The lookup that leads from a row of the list to its patient's id."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows of patients that match. The term was searched for once: pages ask again for what was found."""
        if not search_term:
            return queryset, False
        found = find(search_term)
        request.found, request.too_short = found, is_too_short(search_term)  # type: ignore[attr-defined]
        return queryset.filter(**{f"{self.SEARCHED}__in": found}), False

    def notice(self, request: HttpRequest) -> str:
        """What to do about a search with too many answers, or with none for want of letters."""
        found: Found | None = getattr(request, "found", None)
        if found is None:
            return ""
        if request.too_short:  # type: ignore[attr-defined]
            return _("This is too little to search for: type at least two letters of a name, or a whole number.")
        if found.more:
            return _(
                "More patients match than a search shows: these are the %(count)s seen last."
                " Add another word of the name, or search by CPF, CNS, phone or e-mail."
            ) % {"count": len(found)}
        if len(found) > SORTED:
            return _(
                "%(count)s patients match, the last seen first. Add another word of the name to see fewer,"
                " in alphabetical order."
            ) % {"count": len(found)}
        return ""
