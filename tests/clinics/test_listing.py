"""The lists: the same cells as Django's own, whatever a column is; Unfold's decorators; and no work per row."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.templatetags import admin_list
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ChangeList
from django.template import engines
from django.test import RequestFactory
from django.urls import resolve, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from clinics.listing import Table
from clinics.roles import Role
from patients.models import Appointment
from tests.factories import World, bring_to
from tests.pages import Page


def by_function(appointment: Appointment) -> str:
    return f"{appointment.status} <b>"


class Columns(ModelAdmin):
    """A column of every kind."""

    list_display = (
        "__str__", "day", "starts_at", "professional", "status", "reminded", "note", "cancel_reason",
        "patient__name", "by_method", "safe", "nothing", "safe_nothing", "number", "several", "yes", by_function,
    )  # fmt: skip
    list_select_related = ("patient", "professional")
    sortable_by = ("day", "status")
    ordering = ("starts_at",)

    @admin.display(description="O método", ordering="status")
    def by_method(self, appointment: Appointment) -> str:
        return f"{appointment.patient.display_name} & <filhos>"

    @admin.display(description="seguro")
    def safe(self, appointment: Appointment) -> str:
        return format_html("<em>{}</em>", appointment.status)

    @admin.display(description="nada")
    def nothing(self, appointment: Appointment) -> None:
        return None

    @admin.display(description="vazio", empty_value="nenhum")
    def safe_nothing(self, appointment: Appointment) -> None:
        return None

    @admin.display(description="número")
    def number(self, appointment: Appointment) -> int:
        return 12345

    @admin.display(description="vários")
    def several(self, appointment: Appointment) -> list[str]:
        return ["um", "dois"]

    @admin.display(description="sim", boolean=True)
    def yes(self, appointment: Appointment) -> bool | None:
        return {"scheduled": True, "completed": False}.get(appointment.status)


def change_list(world: World, kind: type[ModelAdmin], query: str = "", **attributes: Any) -> ChangeList:
    model_admin = kind(Appointment, admin.site)
    for name, value in attributes.items():
        setattr(model_admin, name, value)
    address = reverse("admin:patients_appointment_changelist")
    request: Any = RequestFactory().get(address + query)
    request.user, request.resolver_match = world.user(Role.RECEPTION), resolve(address)
    changes: ChangeList = model_admin.get_changelist_instance(request)
    changes.formset = None
    return changes


def html_of(changes: ChangeList) -> str:
    template = engines["django"].from_string("{% load neonpro %}{% result_table cl %}")
    return template.render({"cl": changes, "has_add_permission": False, "request": RequestFactory().get("/")})


def test_the_cells_say_what_djangos_own_say(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        first, second, _third = clinic_a.appointments
        first.note, first.professional = "<script>alert(1)</script>", None
        first.save()
        Appointment.objects.filter(pk=second.pk).update(starts_at=None, ends_at=None, status="cancelled", reminded=True)
        changes = change_list(clinic_a, Columns)
        stock = "".join(f"<tr>{''.join(row)}</tr>" for row in admin_list.results(changes))
        theirs = Page(f"<table>{stock}</table>").rows
        ours = Page(html_of(changes)).rows
    names = [str(name) for name in changes.list_display]
    for row, other in zip(ours[1:], theirs, strict=True):
        for name, cell, expected in zip(names, row, other, strict=True):
            if name not in ("reminded", "yes"):  # Django's icons have their text elsewhere
                assert cell == expected, name


def test_a_boolean_says_what_it_is_in_words(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        for appointment, status in zip(clinic_a.appointments, ("scheduled", "completed", "cancelled"), strict=True):
            bring_to(appointment, status)
        rows = Page(html_of(change_list(clinic_a, Columns))).rows[1:]
    said = [row[Columns.list_display.index("yes")] for row in rows]
    assert len(set(said)) == 3
    assert all(said), "an icon alone says nothing to a screen reader"


def test_headers_sort_where_they_may(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        headers = Table(change_list(clinic_a, Columns, "?o=-1.4")).headers
    by_text = {header.text: header for header in headers}
    day, status = headers[1], headers[4]
    assert [header for header in headers if header.sort_url] == [day, status]
    assert (day.order, status.order) == ("descending", "ascending")
    assert (day.priority, status.priority) == (1, 2)
    assert "o=1.4" in day.toggle_url
    assert "o=4" in day.remove_url
    assert by_text["O método"].sort_url == "", "sortable_by does not name it"


def test_the_first_column_leads_to_the_record(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        html = html_of(change_list(clinic_a, Columns, "?status__exact=scheduled"))
    links = [link for link in Page(html).links if "/change/" in link]
    assert [link.split("?")[0] for link in links] == [
        f"/admin/patients/appointment/{appointment.pk}/change/" for appointment in clinic_a.appointments
    ]
    assert all("status__exact" in link for link in links), "and back to the same filters"


@pytest.mark.parametrize(
    ("given", "linked"),
    [({"list_display_links": ("day", "status")}, ["field-day", "field-status"]), ({"list_display_links": None}, [])],
)
def test_other_columns_may_be_the_link(clinic_a: World, given: dict[str, Any], linked: list[str]) -> None:
    with clinic_a.enter(Role.RECEPTION):
        row = Table(change_list(clinic_a, Columns, **given)).rows[0].cells
    cells = [cell for cell in row.replace("<th", "<td").split("<td")[1:] if "<a href" in cell]
    assert [cell.split('class="')[1].split('"')[0] for cell in cells] == linked
    assert row.count("<th") == bool(linked), "the first link names the row"


def test_in_a_popup_the_link_hands_over_the_key(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        row = Table(change_list(clinic_a, Columns, "?_popup=1")).rows[0].cells
    assert f'data-popup-opener="{clinic_a.appointments[0].pk}"' in row


class Labelled(ModelAdmin):
    """Unfold's decorators."""

    list_display = ("by_value", "pair", "always", "many", "none", "two_lines")

    @display(description="a", label={"scheduled": "success"})  # type: ignore[untyped-decorator]
    def by_value(self, appointment: Appointment) -> str:
        return appointment.status

    @display(description="b", label={"scheduled": "danger"})  # type: ignore[untyped-decorator]
    def pair(self, appointment: Appointment) -> tuple[str, str]:
        return appointment.status, "Marcada <já>"

    @display(description="c", label=True)  # type: ignore[untyped-decorator]
    def always(self, appointment: Appointment) -> str:
        return "etiqueta"

    @display(description="d", label=True)  # type: ignore[untyped-decorator]
    def many(self, appointment: Appointment) -> list[str]:
        return ["uma", "duas"]

    @display(description="e", label=True)  # type: ignore[untyped-decorator]
    def none(self, appointment: Appointment) -> None:
        return None

    @display(description="f", header=True)  # type: ignore[untyped-decorator]
    def two_lines(self, appointment: Appointment) -> list[str]:
        return ["em cima", "embaixo"]


def test_labels(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        changes = change_list(clinic_a, Labelled, list_display_links=None)
        html = Table(changes).rows[0].cells
        cells = Page(f"<table><tr>{html}</tr></table>").rows[0]
    assert cells[:5] == ["scheduled", "Marcada <já>", "etiqueta", "uma duas", "—"]
    assert "em cima" in cells[5]
    assert "embaixo" in cells[5]
    assert html.count("np-tag-success") == 1
    assert html.count("np-tag-danger") == 1
    assert html.count("np-tag-default") == 3


def test_rows_can_be_selected(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        columns: dict[str, Any] = {"list_display": ("action_checkbox", "day"), "list_display_links": ("day",)}
        html = html_of(change_list(clinic_a, Columns, **columns))
    page = Page(html)
    assert html.count('class="action-toggle') == 1
    for appointment in clinic_a.appointments:
        assert html.count(f'name="_selected_action" value="{appointment.pk}"') == 1
        assert f'{appointment}"' in html, "a screen reader says which"
    assert [link for link in page.links if "/change/" in link], "the column after it is the link"


def test_headers_are_made_once_a_page(clinic_a: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(name: str, *given: Any, **more: Any) -> Any:
        asked.append(name)
        return label_for_field(name, *given, **more)

    monkeypatch.setattr("django.contrib.admin.templatetags.admin_list.label_for_field", counted)
    with clinic_a.enter(Role.RECEPTION):
        html_of(change_list(clinic_a, Columns))
    assert len(asked) == len(Columns.list_display)
