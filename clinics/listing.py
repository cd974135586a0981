"""The rows of the admin's lists, as fast as Django's own and with Unfold's decorators.

Unfold rebuilds every header for every row, and Django finds out for every cell what kind of column it is in. Here a
column is understood once for the page, and a row is its values put into prepared text.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import display_for_field, display_for_value, lookup_field, quote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.urls import NoReverseMatch
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.utils import display_for_dropdown, display_for_header

from clinics.withheld import shown
from neonpro.vault.fields import Withheld

Show = Callable[[Any], Any]
"""From a row to what a cell shows, not escaped yet unless it says so."""

CHECKBOX = "action_checkbox"


@dataclass(frozen=True, slots=True)
class Header:
    """What the table's head says of a column."""

    text: str
    classes: str
    selects_all: bool = False
    sort_url: str = ""
    toggle_url: str = ""
    remove_url: str = ""
    order: str = ""
    """`ascending` or `descending` while the list is sorted by this column."""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells, and the key that links in it need."""

    pk: Any
    cells: SafeString


class Table:
    """A change list's page of rows, ready for `templates/admin/result_table.html`.

    All of it is made here and nothing when a template asks: templates look an attribute up while they handle an
    exception, and Python then takes three times as long for whatever the attribute does.
    """

    def __init__(self, changes: ChangeList) -> None:
        self.headers = _headers(changes)
        cells = [_cell(changes, index, header) for index, header in enumerate(self.headers)]
        # Every piece is escaped where it is made.
        self.rows = [Row(row.pk, mark_safe("".join([cell(row) for cell in cells]))) for row in changes.result_list]  # noqa: S308
        self.body = mark_safe("".join([f'<tr class="data-row">{row.cells}</tr>' for row in self.rows]))  # noqa: S308
        self.sorted_columns = sum(bool(header.order) for header in self.headers)


def _headers(changes: ChangeList) -> list[Header]:
    """One a column, in order."""
    known: Iterable[dict[str, Any]] = result_headers(changes)
    return [
        Header(text="", classes="action-checkbox-column", selects_all=True)
        if name == CHECKBOX
        else Header(
            text=capfirst(str(header["text"])),
            classes=f"column-{_name(name, index)}",
            sort_url=header.get("url_primary", ""),
            toggle_url=header.get("url_toggle", ""),
            remove_url=header.get("url_remove", ""),
            order=("ascending" if header["ascending"] else "descending") if header.get("sorted") else "",
            priority=header.get("sort_priority", 0),
        )
        for index, (name, header) in enumerate(zip(changes.list_display, known, strict=True))
    ]


def _name(column: Any, index: int) -> str:
    """A column's name in a CSS class; list_display may hold functions."""
    if not callable(column):
        return str(column)
    return f"column{index}" if column.__name__ == "<lambda>" else column.__name__


def _cell(changes: ChangeList, index: int, header: Header) -> Callable[[Any], str]:
    """The function that makes a column's cells."""
    column = changes.list_display[index]
    if column == CHECKBOX:
        return _checkbox
    # Django gives the first column after the checkbox the role of the row's header when it is the link.
    linked, first = _links(changes)
    is_link = index in linked
    tag = "th" if index == first else "td"
    scope = ' scope="row"' if tag == "th" else ""
    start = format_html(f'<{tag}{scope} class="field-{{}}" data-label="{{}}">', _name(column, index), header.text)
    end = f"</{tag}>"
    show = _show(changes, column)
    address = _address(changes) if is_link else None

    def cell(row: Any) -> str:
        text: str = conditional_escape(shown(show(row)))
        if address is not None and (opening := address(row)):
            text = f"{opening}{text}</a>"
        return f"{start}{text}{end}"

    return cell


def _links(changes: ChangeList) -> tuple[set[int], int | None]:
    """Which columns link to the record, and which of them comes first."""
    names, links = changes.list_display, cast("Sequence[Any] | None", changes.list_display_links)
    if links is None:
        return set(), None
    linked = {index for index, name in enumerate(names) if name in links}
    if not links:
        linked = {next(index for index, name in enumerate(names) if name != CHECKBOX)}
    return linked, min(linked, default=None)


def _address(changes: ChangeList) -> Callable[[Any], str]:
    """From a row to the opening tag of its link; '' where the record has no page."""
    preserved: Any = {"preserved_filters": changes.preserved_filters, "opts": changes.opts}
    first = next(iter(changes.result_list), None)

    def url_of(row: Any) -> str:
        try:
            return add_preserved_filters(preserved, changes.url_for_result(row))
        except NoReverseMatch:
            return ""

    if type(changes).url_for_result is ChangeList.url_for_result and first is not None:
        # Django's addresses of two records differ in the key alone, and making one takes its time.
        before, _key, after = url_of(first).partition(str(quote(getattr(first, changes.pk_attname))))

        def address(row: Any) -> str:
            return f"{before}{quote(getattr(row, changes.pk_attname))}{after}" if before else ""
    else:
        address = url_of

    def opening(row: Any) -> str:
        url = address(row)
        if not url:
            return ""
        if not changes.is_popup:
            return f'<a href="{conditional_escape(url)}">'
        key = row.serializable_value(str(changes.to_field) if changes.to_field else changes.lookup_opts.pk.attname)
        return format_html('<a href="{}" data-popup-opener="{}">', url, key)

    return opening


def _checkbox(row: Any) -> str:
    return format_html(
        '<td class="action-checkbox" data-label="{}"><label class="np-check-box"><input type="checkbox" name="{}" '
        'value="{}" class="action-select np-check" aria-label="{}"></label></td>',
        _("Select"), ACTION_CHECKBOX_NAME, row.pk, _("Select %(record)s") % {"record": row},
    )  # fmt: skip


def _show(changes: ChangeList, column: Any) -> Show:
    """How a column's values are shown, decided once for all its rows."""
    empty = changes.model_admin.get_empty_value_display()
    try:
        field = None if callable(column) else changes.lookup_opts.get_field(column)
    except FieldDoesNotExist:
        field = None
    if isinstance(field, models.Field) and field.name == column and not field.auto_created:
        return _guarded(_show_field(field, empty), empty)
    return _guarded(_show_computed(changes, column, empty), empty)


def _guarded(show: Show, empty: Any) -> Show:
    def guarded(row: Any) -> Any:
        try:
            return show(row)
        except ObjectDoesNotExist:
            return empty

    return guarded


def _show_field(field: models.Field[Any, Any], empty: Any) -> Show:
    name = field.name
    if field.remote_field:
        return lambda row: empty if (value := getattr(row, name)) is None else value
    if field.flatchoices:
        choices = {key: str(text) for key, text in field.flatchoices}
        return lambda row: value if isinstance(value := getattr(row, name), Withheld) else choices.get(value, empty)
    if isinstance(field, models.BooleanField):
        return _yes_or_no(lambda row: getattr(row, name))
    if isinstance(field, models.CharField | models.TextField):
        return lambda row: getattr(row, name) or empty
    # Dates, mostly: many rows share a few, and writing one takes long.
    written: dict[Any, Any] = {}

    def show(row: Any) -> Any:
        value = getattr(row, name)
        try:
            return written[value]
        except KeyError:
            return written.setdefault(value, display_for_field(value, field, empty))
        except TypeError:
            return display_for_field(value, field, empty)

    return show


def _show_computed(changes: ChangeList, column: Any, empty: Any) -> Show:
    """A method of the admin or the model, a property, or a function; with the decorators of `unfold.decorators`."""
    admin = changes.model_admin
    method = column if callable(column) else None if column == "__str__" else getattr(admin, column, None)

    def value_of(row: Any) -> Any:
        return method(row) if method is not None else lookup_field(column, row, admin)[2]

    source = method if method is not None else getattr(changes.model, column, None)
    source = source.fget if isinstance(source, property) else source
    empty = getattr(source, "empty_value_display", empty)
    if getattr(source, "boolean", False):
        return _yes_or_no(value_of)
    if label := getattr(source, "label", False):
        tags: dict[Any, SafeString | str] = {}

        def tag(row: Any) -> Any:
            value = value_of(row)
            key = tuple(value) if isinstance(value, list) else value
            if key not in tags:
                tags[key] = _tag(value, label, empty)
            return tags[key]

        return tag
    if getattr(source, "header", False):
        return lambda row: display_for_header(value_of(row), empty)
    if getattr(source, "dropdown", False):
        return lambda row: display_for_dropdown(row, column, value_of(row), empty)

    def plain(row: Any) -> Any:
        value = value_of(row)
        if isinstance(value, str):
            # A text that is safe stays so; Django's function would make it plain.
            return value if value.strip() else empty
        return display_for_value(value, empty)

    return plain


def _yes_or_no(value_of: Show) -> Show:
    icons = {
        value: format_html(
            '<span class="np-tag np-tag-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>'
            '<span class="np-hidden">{}</span></span>',
            kind, icon, text,
        )
        for value, icon, kind, text in (
            (True, "check", "success", _("Yes")),
            (False, "close", "default", _("No")),
            (None, "question_mark", "default", _("Unknown")),
        )
    }  # fmt: skip
    return lambda row: icons[value_of(row)]


def _tag(value: Any, label: Any, empty: Any) -> Any:
    """Unfold's labels: `label` is True, a kind, or kinds by value; a value is a text, (key, text), or several texts."""
    kind = "default"
    if isinstance(label, dict):
        key = value[0] if isinstance(value, tuple) else value
        kind = label.get(key, "default")
        value = value[1] if isinstance(value, tuple) and len(value) > 1 else key
    if value in (None, "", [], ()):
        return empty
    texts = value if isinstance(value, list | tuple) else [value]
    return mark_safe("".join(format_html('<span class="np-tag np-tag-{}">{}</span>', kind, text) for text in texts))  # noqa: S308
