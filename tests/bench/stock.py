"""Admins without anything of ours in how they show a list, for the same rows and columns as our own."""

from typing import Any

import unfold.admin
import unfold.sites
import unfold.views
from django.contrib import admin
from django.contrib.admin.views import main
from django.http import HttpRequest
from django.template.response import TemplateResponse


def make_sites() -> tuple[admin.AdminSite, admin.AdminSite]:
    """The stock site and the stock Unfold site; both hold every model that ours holds."""
    stock = admin.AdminSite(name="stock")
    themed = unfold.sites.UnfoldAdminSite(name="themed")
    for model, ours in admin.site._registry.items():
        stock.register(model, _plain(admin.ModelAdmin, main.ChangeList, ours, "stock"))
        themed.register(model, _plain(unfold.admin.ModelAdmin, unfold.views.ChangeList, ours, "themed"))
    return stock, themed


def _plain(base: type[Any], changelist: type[Any], ours: Any, engine: str) -> type[Any]:
    """An admin class of `base` alone, with the rows, columns, filters and page size of `ours`."""

    def column(name: Any) -> Any:
        # A method of our class shows a column; only the list around it is another.
        method = getattr(ours, name, None) if isinstance(name, str) else None
        return method if callable(method) else name

    class List(changelist):
        def get_results(self, request: HttpRequest) -> None:
            super().get_results(request)
            if hasattr(ours, "prepare"):
                # What our columns need to be looked up, once for the page.
                self.result_list: list[Any] = ours.prepare(request, list(self.result_list))

    class Plain(base):
        actions = ours.actions
        list_display_links = ours.list_display_links
        list_per_page = ours.list_per_page
        list_select_related = ours.list_select_related
        show_full_result_count = ours.show_full_result_count
        show_facets = ours.show_facets
        search_fields = ours.search_fields
        date_hierarchy = ours.date_hierarchy
        sortable_by = ours.sortable_by

        def get_list_display(self, request: HttpRequest) -> list[Any]:
            return [column(name) for name in ours.get_list_display(request)]

        def get_list_filter(self, request: HttpRequest) -> list[Any]:
            return [_stock_filter(entry) if engine == "stock" else entry for entry in ours.get_list_filter(request)]

        def get_queryset(self, request: HttpRequest) -> Any:
            return ours.get_queryset(request)

        def get_ordering(self, request: HttpRequest) -> Any:
            return ours.get_ordering(request)

        def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
            return ours.get_search_results(request, queryset, search_term)

        def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
            return List

        def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
            response = super().changelist_view(request, extra_context)
            if isinstance(response, TemplateResponse):
                response.using = engine
            return response

    return Plain


def _stock_filter(entry: Any) -> Any:
    """Django's own filter of the same field, or the same question as a stock list of links."""
    if isinstance(entry, tuple | list):
        return entry[0]
    if isinstance(entry, type) and issubclass(entry, admin.SimpleListFilter):
        stock = {"template": admin.SimpleListFilter.template, "choices": admin.SimpleListFilter.choices}
        return type(entry.__name__, (entry,), stock)
    return entry
