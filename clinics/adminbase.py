"""The base of every admin: sealed searches, one order, refusals in words, a page of each record's history."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

import psycopg
from django import forms
from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import InvalidPage
from django.db import IntegrityError, transaction
from django.db.models import CASCADE, Field, ForeignKey, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from clinics import sealed, trail, withheld
from clinics.fields import WRITTEN, EncryptedEmailField
from clinics.history import history_model
from clinics.middleware import Place
from clinics.roles import may
from neonpro.db.history import is_history
from neonpro.vault.fields import EncryptedTextField, Withheld, encrypted_fields
from neonpro.vault.keys import Act, Erased, Refused
from neonpro.vault.models import VaultModel, VaultQuerySet, link

M = TypeVar("M", bound=Model)

TERM_LENGTH = 200
"""Characters of a search term that count; nobody types more."""


class ClinicForm(forms.ModelForm[M]):
    """A form that can say what the database refused, and knows where to start typing."""

    refusal: ClassVar[str] = ""
    """Why what this form was about to save was refused (see `ClinicAdmin.changeform_view`)."""
    kept: Sequence[tuple[Any, str]] = ()
    """What somebody typed into fields that take nothing any more, with the fields' labels: it stays on the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for encrypted in encrypted_fields(self._meta.model):
            field = self.fields.get(encrypted.name)
            value = getattr(self.instance, encrypted.attname) if field is not None else None
            if field is not None and isinstance(value, Withheld):
                self.fields[encrypted.name] = withheld.WithheldField(value, label=field.label)

    def focus(self) -> None:
        """Put the cursor into the first field, or into the first one to put right."""
        wrong = self.errors if self.is_bound else {}
        visible = [name for name, field in self.fields.items() if not field.widget.is_hidden]
        start = next((name for name in visible if name in wrong), visible[0] if visible else None)
        if start:
            widget: Any = self.fields[start].widget
            # What stands around a choice of records is no field itself.
            getattr(widget, "widget", widget).attrs["autofocus"] = True

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound:
            return
        self.kept = list(self._typed_in_vain())
        # What the form itself found out on looking again says it better.
        if self.refusal and not self.errors:
            self.add_error(None, self.refusal)
        elif self.kept and not self.refusal:
            # The page was opened while the values still were.
            self.add_error(
                None,
                _(
                    "Nothing was saved: some values were closed while this page was open."
                    " What you typed in them is above, to copy."
                ),
            )

    def _typed_in_vain(self) -> Iterable[tuple[Any, str]]:
        for name, field in self.fields.items():
            typed = self.data.get(self.add_prefix(name), "")
            if isinstance(field, withheld.WithheldField) and typed.strip() and typed != str(field.value):
                yield field.label, typed


class FormattedTextInput(UnfoldAdminTextInputWidget):
    """A text field that shows a stored identifier the way people write it."""

    def __init__(self, written: Callable[[str], str]) -> None:
        super().__init__()
        self.written = written

    def format_value(self, value: Any) -> Any:
        value = super().format_value(value)
        # What a person typed, right or wrong, comes back untouched: only stored forms are all digits and letters.
        return self.written(value) if value and value.lstrip("+").isalnum() else value


class AutocompleteInput(AutocompleteSelect):
    """Django's autocomplete, asking by POST: what somebody types is a patient's name, and addresses are logged."""

    @property
    def media(self) -> forms.Media:
        base = super().media
        ours = ["neonpro/autocomplete.js" if path == "admin/js/autocomplete.js" else path for path in base._js]  # type: ignore[attr-defined]
        return forms.Media(js=ours, css=base._css)  # type: ignore[attr-defined]

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        # select2 reads them off the element, before anything a script says.
        return {**super().build_attrs(base_attrs, extra_attrs), "data-ajax--type": "POST", "data-ajax--cache": "false"}

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        # Django asks the database for whatever came back, also for what is no id at all.
        return super().optgroups(name, [key for key in value if _is_key(self.field.related_model, key)], attr)


class LabelledChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for the type checker only
    """A choice of records under the labels that their own admin gives them."""

    label_of: Callable[[Model], str] = staticmethod(str)

    def label_from_instance(self, record: Model) -> str:
        return self.label_of(record)


class ClinicChangeList(ChangeList):
    """A list in the one order its admin gives it, with the search term unsealed."""

    result_list: Any
    notice: str
    """What the list says above its lines."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        # The address keeps the sealed term, for filters and pages; the box and the query get the plain one.
        self.query = search_term(request)
        self.without_search = self.get_query_string(remove=[SEARCH_VAR])
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return found

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        # Whatever the address asks for: to sort by a name is to read it, and later no name can be sorted.
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)

    def get_results(self, request: HttpRequest) -> None:
        found = self.model_admin.in_found_order(request, self.queryset)
        if found is None:
            super().get_results(request)
        else:
            self._cut(request, found)
        self.result_list = self.model_admin.prepare(request, list(self.result_list))
        self.notice = self.model_admin.notice(request)

    def _cut(self, request: HttpRequest, found: Sequence[Any]) -> None:
        """One page of records whose order no database knows; otherwise as Django's `get_results`."""
        self.paginator = self.model_admin.get_paginator(request, found, self.list_per_page)
        self.result_count = self.paginator.count
        self.show_full_result_count, self.full_result_count = False, None
        self.show_admin_actions = True
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        try:
            all_of_them = (self.show_all and self.can_show_all) or not self.multi_page
            self.result_list = found if all_of_them else self.paginator.page(self.page_num).object_list
        except InvalidPage as error:
            raise IncorrectLookupParameters from error


class ClinicAdmin(ModelAdmin):
    """The base of every model's admin.

    Who may do what is the role's (`clinics.roles`), by way of `User.has_perm`; which rows there are is PostgreSQL's.
    """

    form: ClassVar[Any] = ClinicForm
    actions = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = False
    sortable_by = ()
    save_as = False
    warn_unsaved_form = True
    compressed_fields = True
    empty_hint: ClassVar[Any] = ""
    """What to do when the list is empty."""
    refusals: ClassVar[dict[str, Any]] = {}
    """Messages for rules of the database that are not constraints of the model, by name."""

    # Which categories of personal data each kind of page opens, of a model that is encrypted: neither more than it
    # shows, nor fewer, which would be opened in a second reading.
    lists: ClassVar[tuple[str, ...]] = ()
    """What the lines of the list show."""
    names: ClassVar[tuple[str, ...]] = ()
    """What `choice_label` shows."""
    opens: ClassVar[tuple[str, ...]] = ()
    """What the page of one record shows."""

    # --- the log is PostgreSQL's --------------------------------------------------------------------------------

    def log_addition(self, *args: Any) -> None:
        """Nothing: the audit trigger has written it already, and django_admin_log stays empty."""

    def log_change(self, *args: Any) -> None:
        """Nothing: see `log_addition`."""

    def log_deletions(self, *args: Any) -> None:
        """Nothing: see `log_addition`."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """A record's versions, for everyone who may view it; where none are kept, its changes from the audit log.

        Those who may not read the log get a word of explanation instead. Nothing here goes back to a version.
        """
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        kept = history_model(self.model) is not None
        if kept:
            # The versions show what the record's page does: the name above them comes in the same reading.
            read_alone(record, self.opens)
        subtitle = self.choice_label(record)
        readable = kept or may(place_of(request).role, "view", "audit_logs")
        entries: list[trail.Entry] | None = None
        if readable:
            entries = trail.versions(record) if kept else trail.history(record)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Change history"),
            "subtitle": subtitle,
            "entries": entries and entries[: trail.HISTORY_LIMIT],
            "more": len(entries or ()) > trail.HISTORY_LIMIT,
            "kept": kept,
            "readable": readable,
            "limit": trail.HISTORY_LIMIT,
            "module_name": str(capfirst(self.opts.verbose_name_plural)),
            "object": record,
            "opts": self.opts,
            "preserved_filters": self.get_preserved_filters(request),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.object_history_template or "admin/object_history.html", context)

    # --- lists --------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The list; a search arrives by POST and is answered with the address of its result."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method == "POST" and SEARCH_VAR in request.POST:
            return HttpResponseRedirect(_with_term(request, request.POST[SEARCH_VAR]))
        try:
            search_term(request)
        except sealed.UnreadableTerm:
            # Also before an action: it must not reach everything because its search was lost.
            messages.warning(request, _("This search is no longer open. Search again."))
            return HttpResponseRedirect(_with_term(request, ""))
        response: HttpResponseBase = super().changelist_view(request, extra_context)
        return response

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ClinicChangeList]:
        return ClinicChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        # A list with one line is a list all the same.
        return rows.opening(*self.lists, act=Act.LIST) if isinstance(rows, VaultQuerySet) else rows

    def in_found_order(self, request: HttpRequest, rows: QuerySet[Any]) -> Sequence[Any] | None:
        """What a search found, in an order that the database cannot give; None for the list's own order."""
        return None

    def notice(self, request: HttpRequest) -> str:
        """What a list says above its lines, of the search for instance."""
        return ""

    def prepare(self, request: HttpRequest, records: list[Any]) -> list[Any]:
        """The records of one list page, with whatever else the page shows of them: looked up once for all."""
        return records

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what the list offers as a filter: Django also takes any field of the model, by name, from the URL."""
        offered: set[str] = set()
        for entry in self.get_list_filter(request) if request is not None else self.list_filter:
            if isinstance(entry, (tuple, list)):
                offered.add(entry[0])
            else:
                offered.add(entry if isinstance(entry, str) else entry.parameter_name)
        # A filter by a period of a field uses FIELD_from and FIELD_to.
        root = lookup.split("__")[0]
        return root in offered or root.removesuffix("_from").removesuffix("_to") in offered

    # --- forms --------------------------------------------------------------------------------------------------

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        # Django sends people to the first page with a message that repeats the id; another clinic's is just not there.
        raise Http404

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        record = super().get_object(request, object_id, from_field)
        if record is not None:
            # Most pages about a record name it, and no more.
            read_alone(record, self.names)
        return record

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            read_alone(obj, self.opens)
        form_class = super().get_form(request, obj, change=change, **kwargs)
        # The class is made anew for each request.
        form_class.refusal = getattr(request, "refusal", "")
        return form_class

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["adminform"].form.focus()
        record = context.get("original")
        if record is not None:
            context["closed"] = self.closed(request, record)
            # Django would say `str()`, which for a patient is a number.
            context["subtitle"] = self.choice_label(record)
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """The form. What is refused, by the database or for want of a key, is said in it, and what was typed stays."""
        if "_saveasnew" in request.POST:
            # Django makes a new record of it even where `save_as` is off.
            raise PermissionDenied
        view: Callable[..., HttpResponseBase] = super().changeform_view
        try:
            with transaction.atomic():
                return view(request, object_id, form_url, extra_context)
        except IntegrityError as error:
            request.refusal = self.refusal(error)  # type: ignore[attr-defined]  # for get_form
        except (Erased, Refused) as error:
            request.refusal = withheld.refusal(error)  # type: ignore[attr-defined]
        # The same again, now as a form with an error: nothing is saved this time.
        return view(request, object_id, form_url, extra_context)

    def closed(self, request: HttpRequest, record: Any) -> list[str]:
        """Why values of a record that is shown do not open, in words: each reason once."""
        values = [getattr(record, found.attname) for found in encrypted_fields(type(record))]
        reasons = dict.fromkeys(value.status for value in values if isinstance(value, Withheld))
        return list(dict.fromkeys(map(withheld.explanation, reasons)))

    def refusal(self, error: IntegrityError) -> str:
        """Why the database refused, in words for the person who tried."""
        cause = error.__cause__
        name = (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
        if name in self.refusals:
            return str(self.refusals[name])
        for constraint in self.opts.constraints:
            if (
                constraint.name == name
                and constraint.violation_error_message != constraint.default_violation_error_message
            ):
                return str(constraint.violation_error_message)
        if isinstance(cause, psycopg.errors.ForeignKeyViolation):
            return _("Something chosen here no longer exists, or is still in use elsewhere. Reload the page.")
        return _("Somebody else changed something at the same moment. Check the data and save again.")

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        for kind, written in WRITTEN.items():
            if isinstance(db_field, kind):
                kwargs["widget"] = FormattedTextInput(written)
        if isinstance(db_field, EncryptedEmailField):
            kwargs["widget"] = UnfoldAdminEmailInputWidget
        elif isinstance(db_field, EncryptedTextField) and db_field.multiline:
            kwargs["widget"] = UnfoldAdminTextareaWidget
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            # A window in which to change or delete something else has no place in the middle of a form.
            field.widget.can_change_related = False
            field.widget.can_delete_related = False
            field.widget.can_view_related = False
        return field

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        other = self.admin_site._registry.get(db_field.related_model)
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = AutocompleteInput(db_field, self.admin_site)
        if isinstance(other, ClinicAdmin) and issubclass(other.model, VaultModel):
            kwargs.setdefault("queryset", other.model.objects.opening(*other.names, act=Act.LIST))
        field = super().formfield_for_foreignkey(db_field, request, form_class=LabelledChoiceField, **kwargs)
        if isinstance(other, ClinicAdmin):
            field.label_of = other.choice_label
        return field

    def address(self, record: Any) -> str:
        """What names a record in the addresses of its pages."""
        return str(record.pk)

    def choice_label(self, record: Any) -> str:
        """A record as pages name it, in choices and headings; unlike `str()` it never leaves the page."""
        return str(record)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        response: HttpResponse = super().response_add(request, obj, post_url_continue)
        if IS_POPUP_VAR in request.POST and isinstance(response, TemplateResponse):
            # The window that asked for the new record shows it among its choices.
            response.context_data = {
                "popup_response_data": json.dumps({"value": str(obj.pk), "obj": self.choice_label(obj)})
            }
        return response

    def confirmation(
        self,
        request: HttpRequest,
        record: Any,
        *,
        title: str,
        text: str,
        submit: str,
        form: forms.Form | None = None,
        kind: str = "np-primary",
    ) -> HttpResponse:
        """The page that asks before something is done with a record; its button posts to the same address."""
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": self.choice_label(record),
            "text": text,
            "submit": submit,
            "form": form,
            "kind": kind,
            "object": record,
            "opts": self.opts,
            "back_url": reverse(
                f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[self.address(record)]
            ),
        }
        return TemplateResponse(request, "admin/confirm.html", context)

    # --- deleting -----------------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What deleting would take along, which is nothing, and what is in its way: counted, not listed."""
        records = list(objs)
        in_the_way = []
        for relation in self.opts.get_fields(include_hidden=True):
            if not (relation.auto_created and (relation.one_to_many or relation.one_to_one)):
                continue
            model = relation.related_model
            if is_history(model) or relation.on_delete is CASCADE:
                # A version says what once was, and a part goes with the whole: they hold on to nothing.
                continue
            count = model._default_manager.filter(**{f"{relation.field.name}__in": records}).count()
            if count:
                in_the_way.append(
                    f"{count} {model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural}"
                )
        forbidden = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return (
            [self.choice_label(record) for record in records],
            {str(self.opts.verbose_name_plural): len(records)},
            forbidden,
            in_the_way,
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        try:
            with transaction.atomic():
                response: HttpResponseBase = super().delete_view(request, object_id, extra_context)
                return response
        except IntegrityError as error:
            messages.error(request, self.refusal(error))
            return HttpResponseRedirect(request.path.removesuffix("delete/") + "change/")


class AutocompleteView(AutocompleteJsonView):
    """The answers of autocomplete fields. The term comes in the body of a POST; a GET is refused with 405."""

    http_method_names = ["post"]

    model_admin: Any

    def get_queryset(self) -> Any:
        """The records that match, naming no more than their labels do."""
        rows = super().get_queryset()
        if isinstance(rows, VaultQuerySet):
            rows = rows.opening(*self.model_admin.names, act=Act.LIST)
        found = self.model_admin.in_found_order(self.request, rows)
        return rows if found is None else found

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Choices that match, for whom the records may be shown."""
        # Django's view and its pages read the query; here all of it came in the body.
        request.GET = request.POST.copy()
        request.GET["term"] = clean_term(request.POST.get("term", ""))
        return super().get(request, *args, **kwargs)

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {"id": str(getattr(obj, to_field_name)), "text": self.model_admin.choice_label(obj)}


def read_alone(record: Any, categories: tuple[str, ...]) -> None:
    """Say that a record, and the patient that it is of, are shown on a page about this one alone, and what of them."""
    for one in (record, *record._state.fields_cache.values()):
        if isinstance(one, VaultModel):
            link([one], categories, Act.READ)


def _is_key(model: type[Model], text: Any) -> bool:
    try:
        model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return bool(text)


def place_of(request: HttpRequest) -> Place:
    """The clinic that is open; no page of the admin is reached without one (`clinics.middleware`)."""
    place = getattr(request, "clinic", None)
    assert isinstance(place, Place)
    return place


def _user(request: HttpRequest) -> UUID:
    return cast("UUID", request.user.pk)


def search_term(request: HttpRequest) -> str:
    """What a list is searched for, in plain words; '' for nothing.

    Raises:
        sealed.UnreadableTerm: the address holds a term that this person did not seal here and lately.
    """
    found = request.GET.get(SEARCH_VAR, "")
    return sealed.unseal(found, user=_user(request), clinic=place_of(request).id) if found else ""


def clean_term(text: str) -> str:
    """A search term as typed, short enough and free of what PostgreSQL's text cannot hold."""
    return text.replace("\x00", "").strip()[:TERM_LENGTH]


def _with_term(request: HttpRequest, term: str) -> str:
    """The address of a list with another search term, from its first page on."""
    query = request.GET.copy()
    query.pop(PAGE_VAR, None)
    query.pop(SEARCH_VAR, None)
    term = clean_term(term)
    if term:
        query[SEARCH_VAR] = sealed.seal(term, user=_user(request), clinic=place_of(request).id)
    return f"{request.path}?{query.urlencode()}" if query else request.path
