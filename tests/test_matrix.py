"""Whoever asks, whatever the page: nothing of another clinic. Made from the admin's registry: no page is forgotten.

Every text of clinic B holds its canary. Users of clinic A ask every address of every model for records of clinic B, by
GET and by POST; the same walk among their own records shows that the canary would be seen.
"""

import re
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from django import forms
from django.contrib import admin
from django.db import connection
from django.db.models import BooleanField, CharField, DateField, Model
from django.test import Client
from django.urls import URLPattern, reverse
from django.urls.resolvers import RoutePattern

from clinics.roles import Role, may
from compliance.models import AuditLog
from tests.factories import World, join, make_user, make_world
from tests.grants import grant
from tests.visits import filled, signed_in

A, B = "ALFAZEMA", "BERGAMOTA"
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
WHOEVER = [*Role.values, "manager of both"]
TERMS = ("bergam", "Paciente", "Dra", "Consulta", "reception")
"""What finds something in clinic B without being the canary itself: a page repeats what was searched for."""


@pytest.fixture
def worlds(db: None) -> tuple[World, World]:
    """Two clinics with something in every table that has a page."""
    pair = make_world(A, signed=True), make_world(B, signed=True)
    for world in pair:
        grant(world, world.patients[0])
    return pair


class Walk:
    """Somebody's way through the admin; each answer is searched for the canary of the clinic that is not theirs."""

    def __init__(self, client: Client, forbidden: str) -> None:
        self.client = client
        self.forbidden = forbidden.casefold()
        self.seen: list[str] = []

    def get(self, url: str, data: dict[str, Any] | None = None) -> Any:
        return self._look(self.client.get(url, data), url)

    def post(self, url: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        return self._look(self.client.post(url, data or {}, **options), url)

    def _look(self, response: Any, url: str) -> Any:
        body = b"".join(response.streaming_content) if response.streaming else response.content
        self.seen.append(url)
        for what in (body.decode(errors="replace"), str(dict(response.headers)), str(response.cookies)):
            assert self.forbidden not in what.casefold(), (url, response.status_code)
        assert response.status_code < 500
        return response


def visitor(worlds: tuple[World, World], who: str) -> Walk:
    """Somebody of clinic A, working there now."""
    ours, theirs = worlds
    if who in Role.values:
        return Walk(signed_in(ours.user(who)), B)
    # A member of both sees of B what they see there, but not from here. Their own menu may name the other clinic.
    user = make_user("dos.dois@example.org")
    join(user, ours.clinic.pk, Role.MANAGER)
    join(user, theirs.clinic.pk, Role.MANAGER)
    return Walk(signed_in(user, clinic=ours.clinic.pk), f"Paciente {B}")


def sample(world: World, model: type[Model]) -> Any:
    """A record of a clinic that has its canary on its page."""
    with world.enter(whoever_views(model)):
        records = model._default_manager.all()
        if model is AuditLog:
            # Of a patient the log repeats nothing.
            records = records.filter(table_name="services")
        found = records.first()
        assert found is not None, f"nothing of {model._meta.label} in the test's clinic"
        return found


def whoever_views(model: type[Model]) -> str:
    """The manager, or where nothing is shown to management, the first role that sees it."""
    return next(role for role in Role.values if may(role, "view", model._meta.db_table))


def routes(model: type[Model]) -> list[URLPattern]:
    """The patterns of all pages of a model."""
    return [pattern for pattern in admin_of(model).get_urls() if isinstance(pattern, URLPattern)]


def address(model: type[Model], pattern: URLPattern, record: Any, world: World) -> str | None:
    """The address of a page for a record; None for a page that is not about one."""
    assert isinstance(pattern.pattern, RoutePattern)
    values = {
        "object_id": admin_of(model).address(record),
        "object_pk": admin_of(model).address(record),
        "user_id": world.user(Role.DPO).pk,
        "group_id": 1,
    }
    wanted = pattern.pattern.converters
    if not wanted:
        return None
    route = str(pattern.pattern)  # the one address without a name leads on to the record's page
    for name, converter in wanted.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        spelled = f"<{name}>" if f"<{name}>" in route else f"<{'str' if kind == 'string' else kind}:{name}>"
        route = route.replace(spelled, str(values[name]))
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{route}"


def admin_of(model: type[Model]) -> Any:
    return admin.site._registry[model]


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def everything_of(world: World) -> dict[str, list[str]]:
    """All rows of a clinic as PostgreSQL has them, ciphertext and all, to see that nothing happened to them."""
    rows = {}
    for model in MODELS:
        with world.enter(whoever_views(model)), connection.cursor() as cursor:
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} AS t ORDER BY 1")
            rows[model._meta.label] = [row[0] for row in cursor.fetchall()]
    return rows


def queries(page: Any, ids: dict[type[Model], UUID]) -> Iterator[dict[str, Any]]:
    """Every filter of a list, with each value it offers, with records of the other clinic, and with nonsense."""
    listed = page.context.get("cl")
    if listed is None:
        # A list of another make has a form of filters, or none: the matrix of who performs what is one page.
        form = page.context.get("form")
        for name, field in form.fields.items() if form is not None else ():
            yield from ({name: value} for value in values_for(field, ids))
        yield from ({name: value} for name in ("before", "after") for value in values_for(None, ids))
        return
    for spec in listed.filter_specs:
        for name in spec.expected_parameters():
            yield from ({name: value} for value in values_for(getattr(spec, "field", None), ids))
        for choice in spec.choices(listed):
            for name, field in getattr(choice.get("form"), "fields", {}).items():
                yield from ({name: value} for value, _label in getattr(field, "choices", ()))
    for name in ("p", "o", "all", "e", "q", "_facets", "_popup", "pk", "clinic_id"):
        yield {name: "1"}


def values_for(field: Any, ids: dict[type[Model], UUID]) -> list[str]:
    """What to try in a filter: where it says of what model it is, a record of that one; otherwise of each."""
    model = getattr(getattr(field, "queryset", None), "model", None) or getattr(field, "related_model", None)
    typed = isinstance(field, forms.DateField | DateField | CharField | BooleanField)
    records = [ids[model]] if model in ids else [] if typed else ids.values()
    return [*map(str, records), "x", "2030-01-07"]


@pytest.mark.parametrize("who", WHOEVER)
def test_no_address_of_a_record_opens_one_of_another_clinic(worlds: tuple[World, World], who: str) -> None:
    walk = visitor(worlds, who)
    theirs = worlds[1]
    before = everything_of(theirs)
    for model in MODELS:
        record = sample(theirs, model)
        visited = [url for pattern in routes(model) if (url := ask_for(walk, model, pattern, record, theirs))]
        assert len(visited) >= 4, "change, delete, history and the way there"
    assert everything_of(theirs) == before


def ask_for(walk: Walk, model: type[Model], pattern: URLPattern, record: Any, theirs: World) -> str | None:
    """Ask one of a model's addresses for somebody else's record; the address, or None where it is for none."""
    url = address(model, pattern, record, theirs)
    if url is None:
        return None
    for response in (
        walk.get(url),
        walk.post(url, {"post": "yes", "reason": "x", "name": "X", "display_name": "X", "q": "x"}),
        walk.post(url, {"_popup": "1", "_saveasnew": "1", "_continue": "1"}),
    ):
        if pattern.name is None:
            assert response.status_code in (301, 302), url
            assert response.headers["Location"] == f"{url}change/"
        else:
            assert response.status_code in (403, 404), (url, response.status_code)
    return url


@pytest.mark.parametrize("who", WHOEVER)
def test_no_list_search_or_form_shows_another_clinic(worlds: tuple[World, World], who: str) -> None:
    walk = visitor(worlds, who)
    ours, theirs = worlds
    ids = {model: sample(theirs, model).pk for model in MODELS}
    before = everything_of(theirs)
    for model in MODELS:
        look_through(walk, model, ids)
        add = f"{list_of(model)}add/"
        change = f"{list_of(model)}{admin_of(model).address(sample(ours, model))}/change/"
        for url in (add, change):
            page = walk.get(url)
            if page.status_code == 200 and page.context.get("adminform") is not None:
                references_are_refused(walk, page, url, theirs)
    assert everything_of(theirs) == before


def look_through(walk: Walk, model: type[Model], ids: dict[type[Model], UUID]) -> None:
    """A model's list with every filter and search, and every action on records of the other clinic."""
    url = list_of(model)
    page = walk.get(url)
    if page.status_code == 200:
        for query in queries(page, ids):
            walk.get(url, query)
    for term in TERMS:
        walk.post(url, {"q": term}, follow=True)
    picked = [str(key) for key in ids.values()]
    for action in ["delete_selected", *admin_of(model).get_actions(page.wsgi_request)]:
        walk.post(url, {"action": action, "_selected_action": picked, "index": "0", "post": "yes"})
        walk.post(url, {"action": action, "select_across": "1", "_selected_action": picked[:1], "index": "0"})


def references_are_refused(walk: Walk, page: Any, url: str, theirs: World) -> None:
    """A form whose choice is a record of another clinic is an error of that field."""
    for name, field in page.context["adminform"].form.fields.items():
        if not isinstance(field, forms.ModelChoiceField):
            continue
        their = sample(theirs, cast("Any", field.queryset).model)
        answer = walk.post(url, filled(walk.client, url, **{name: their.pk}))
        assert answer.status_code == 200, (url, name)
        assert name in answer.context["adminform"].form.errors, (url, name)
        walk.get(url, {name: str(their.pk)})


@pytest.mark.parametrize("who", WHOEVER)
def test_neither_the_searches_nor_the_first_pages_show_another_clinic(worlds: tuple[World, World], who: str) -> None:
    walk = visitor(worlds, who)
    theirs = worlds[1]
    terms = [*TERMS, str(theirs.patients[0].pk), ""]
    for model in MODELS:
        for field in model._meta.get_fields():
            if field.is_relation and field.related_model in admin.site._registry:
                source = {
                    "app_label": model._meta.app_label,
                    "model_name": model._meta.model_name,
                    "field_name": field.name,
                }
                for term in terms:
                    walk.post(reverse("admin:autocomplete"), source | {"term": term})
                assert walk.get(reverse("admin:autocomplete"), source | {"term": "a"}).status_code == 405
    for term in terms:
        walk.post(reverse("admin:search"), {"s": term})
        walk.get(reverse("admin:search"), {"s": term})
    walk.get(reverse("admin:index"))
    for label in {model._meta.app_label for model in MODELS}:
        walk.get(reverse("admin:app_list", args=[label]))
    walk.get(reverse("admin:jsi18n"))
    if who in Role.values:
        assert walk.post(reverse("admin:enter_clinic"), {"clinic": str(theirs.clinic.pk)}).status_code == 403


# --- so that the walks above could fail ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_the_same_pages_show_ones_own_clinic(worlds: tuple[World, World], role: str) -> None:
    ours, _theirs = worlds
    client = signed_in(ours.user(role))
    for model in MODELS:
        allowed = may(role, "view", model._meta.db_table)
        record = admin_of(model).address(sample(ours, model))
        for url in (list_of(model), f"{list_of(model)}{record}/change/"):
            page = client.get(url, follow=True)
            assert page.status_code == (200 if allowed else 403), url
            if allowed:
                # Not the clinic's or the user's own name in the bar: the page itself.
                (main,) = re.findall(r"<main.*</main>", page.content.decode(), re.DOTALL)
                assert A in main, url
                with pytest.raises(AssertionError, match=re.escape(page.request["PATH_INFO"])):
                    Walk(client, A).get(page.request["PATH_INFO"])


@pytest.mark.parametrize("role", Role.values)
def test_names_of_patients_are_in_pages_and_nowhere_else(worlds: tuple[World, World], role: str) -> None:
    """One's own, too: neither in addresses, nor in the session, nor in messages."""
    ours, _theirs = worlds
    client = signed_in(ours.user(role))
    said: list[str] = []
    for model in MODELS:
        url = list_of(model)
        said.append(str(client.post(url, {"q": "Paciente"}).headers))
        change = f"{url}{admin_of(model).address(sample(ours, model))}/change/"
        page = client.get(change)
        if page.status_code == 200 and page.context.get("adminform") is not None:
            said.append(str(client.post(change, filled(client, change)).headers))
            page = client.get(reverse("admin:index"))
            said += [str(message) for message in page.context["messages"]]
    from neonpro.db import context

    with context.enter(context.SignIn(), None):
        said.append(str(dict(client.session.items())))
    assert len(said) > len(MODELS)
    assert not [text for text in said if "paciente alfazema" in text.casefold() or "q=paciente" in text.casefold()]


# --- who is nobody here ----------------------------------------------------------------------------------------------


def every_address(worlds: tuple[World, World]) -> Iterator[str]:
    """All addresses of the admin, for records of both clinics."""
    for model in MODELS:
        for world in worlds:
            record = sample(world, model)
            for pattern in routes(model):
                yield address(model, pattern, record, world) or f"{list_of(model)}{pattern.pattern}"
    for name in ("index", "search", "autocomplete"):
        yield reverse(f"admin:{name}")


@pytest.mark.parametrize("superuser", [False, True], ids=["a stranger", "a platform superuser"])
def test_without_a_membership_there_is_nothing(worlds: tuple[World, World], superuser: bool) -> None:
    client = signed_in(make_user("ninguem@example.org", superuser=superuser))
    for canary in (A, B):
        walk = Walk(client, canary)
        for url in every_address(worlds):
            assert walk.get(url).status_code == 403, url
            assert walk.post(url, {"q": "Paciente", "s": "Paciente", "term": "Paciente"}).status_code == 403, url


def test_whoever_has_not_signed_in_is_asked_to(worlds: tuple[World, World]) -> None:
    client = Client()
    for url in every_address(worlds):
        for response in (Walk(client, A).get(url), Walk(client, B).post(url, {"q": "Paciente"})):
            assert response.status_code == 302, url
            assert response.headers["Location"].startswith("/admin/login/"), url
