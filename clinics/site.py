"""The admin site: one clinic at a time, menus by role, and a search that leaves no trace of what was looked for."""

from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.views.decorators.http import require_POST
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from clinics.middleware import SESSION_KEY, ClinicRequest
from clinics.models import User
from clinics.signals import record_event
from neonpro.db import context
from neonpro.vault.text import fold


class NeonProAdminSite(UnfoldAdminSite):
    """Unfold's site with clinics, and without the parts of it that remember patients."""

    empty_value_display = "—"

    def get_urls(self) -> list[URLPattern]:
        return [
            path("clinic/", self.admin_view(self.enter_clinic), name="enter_clinic"),
            *super().get_urls(),
        ]

    def each_context(self, request: ClinicRequest) -> dict[str, Any]:
        """The shell's context, worked out once a request: Django and Unfold ask for it several times a page."""
        return dict(_once(request, "each_context", super().each_context))

    def get_app_list(self, request: ClinicRequest, app_label: str | None = None) -> list[Any]:
        """Django's list of applications, the whole of it worked out once a request."""
        if app_label is not None:
            return list(super().get_app_list(request, app_label))
        return list(_once(request, "app_list", super().get_app_list))

    def get_sidebar_list(self, request: ClinicRequest) -> list[dict[str, Any]]:
        """The menu that `neonpro.unfold` lists, as far as the user's role may view it."""
        groups = []
        for group in settings.UNFOLD["SIDEBAR"]["navigation"]:
            items = [item for entry in group["items"] if (item := self._menu_item(request, entry))]
            if items:
                groups.append({"title": group.get("title", ""), "items": items})
        return groups

    def _menu_item(self, request: ClinicRequest, entry: dict[str, Any]) -> dict[str, Any] | None:
        """A line of the menu; None for what the role may not view."""
        if "model" not in entry:
            link = reverse("admin:index")
            return {**entry, "link": link, "active": request.path == link}
        model = apps.get_model(entry["model"])
        model_admin = self._registry.get(model)
        if model_admin is None or not model_admin.has_view_permission(request):
            return None
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        beginning = link = reverse(f"{name}_changelist")
        if "page" in entry:
            link = reverse(f"{name}_{entry['page']}")
        if entry.get("own"):
            assert request.clinic is not None
            link = reverse(f"{name}_change", args=[request.clinic.id])
        return {**entry, "link": link, "active": request.path.startswith(beginning)}

    def autocomplete_view(self, request: ClinicRequest) -> HttpResponse:
        """Choices for a form's field, asked for by POST (`clinics.adminbase`)."""
        from clinics.adminbase import AutocompleteView

        answer: HttpResponse = AutocompleteView.as_view(admin_site=self)(request)  # type: ignore[assignment]
        return answer

    @method_decorator(require_POST)
    def search(self, request: ClinicRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The command search: pages by name, then whatever the settings' callback finds. Nothing is cached.

        The term comes in the body: an address would keep it in histories and logs.
        """
        term = request.POST.get("s", "").strip()
        results: list[SearchResult] = []
        if term:
            results += _pages(self.get_sidebar_list(request), term)
            results += import_string(settings.UNFOLD["COMMAND"]["search_callback"])(request, term)
        return TemplateResponse(request, "admin/shell/command_results.html", {"results": results, "term": term})

    @method_decorator(require_POST)
    def enter_clinic(self, request: ClinicRequest) -> HttpResponse:
        """Open another clinic of the user's, and go to its dashboard.

        With `next`, the body is sent on to that address: the way back for a form that was refused because its clinic
        was not the open one any more (`templates/admin/other_clinic.html`).

        Raises:
            PermissionDenied: it is not a clinic of this user's.
        """
        wanted = request.POST.get("clinic", "")
        place = next((place for place in request.clinics if str(place.id) == wanted), None)
        if place is None:
            raise PermissionDenied
        request.session[SESSION_KEY] = str(place.id)
        assert isinstance(request.user, User)
        with context.enter(request.user, place.id):
            record_event("CLINIC_ENTERED")
        onward = request.POST.get("next", "")
        if url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure()):
            return HttpResponseRedirect(onward, preserve_request=True)
        return HttpResponseRedirect(reverse("admin:index"))


def _once(request: ClinicRequest, name: str, work: Callable[[ClinicRequest], Any]) -> Any:
    """What `work` says of a request, kept on it under a name."""
    kept = vars(request).setdefault("_neonpro_admin", {})
    if name not in kept:
        kept[name] = work(request)
    return kept[name]


def _pages(menu: Iterable[dict[str, Any]], term: str) -> list[SearchResult]:
    """The lines of the menu whose title holds the term."""
    folded = fold(term)
    return [
        SearchResult(title=str(item["title"]), description=str(group["title"]), link=item["link"], icon=item["icon"])
        for group in menu
        for item in group["items"]
        if folded in fold(str(item["title"]))
    ]
