"""Visiting the admin as somebody, with Django's test client; forms are filled in as a browser would send them."""

from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from django.test import Client

from clinics.middleware import SESSION_KEY
from clinics.models import User
from neonpro.db import context


def signed_in(user: User, *, clinic: UUID | None = None, **options: Any) -> Client:
    """A browser in which somebody has signed in, with a clinic chosen among theirs."""
    client = Client(**options)
    with context.enter(context.SignIn(), None):
        client.force_login(user, backend="clinics.auth.RoleBackend")
        if clinic is not None:
            session = client.session
            session[SESSION_KEY] = str(clinic)
            session.save()
    return client


class _Form(HTMLParser):
    """What a browser would send of one form."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.inside = self.found = False
        self.fields: dict[str, str] = {}
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = given.get("id") == self.form_id
            self.found |= self.inside
        if not self.inside or "disabled" in given:
            return
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "input" and name and kind not in ("submit", "button", "file"):
            choice = kind in ("checkbox", "radio")
            if not choice or "checked" in given:
                self.fields[name] = given.get("value", "on" if choice else "")
        elif tag == "select":
            self._select = name
            self.fields.setdefault(name, "")
        elif tag == "option" and self._select and "selected" in given:
            self.fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = name
            self.fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            # HTML drops the line break that comes first.
            self.fields[self._textarea] += data.removeprefix("\n").removeprefix("\r\n")


def filled(client: Client, url: str, **changes: Any) -> dict[str, Any]:
    """The fields of a page's record form as they stand, with some of them changed; None takes one out."""
    response = client.get(url)
    assert response.status_code == 200, (url, response.status_code)
    form = _Form(f"{response.context['opts'].model_name}_form")
    form.feed(response.content.decode())
    assert form.found, f"no form on {url}"
    data: dict[str, Any] = form.fields | changes
    return {name: value for name, value in data.items() if value is not None}


def errors_of(response: Any) -> dict[str, list[str]]:
    """The errors of the form on a page, by field; `__all__` for those of no field."""
    form = response.context["adminform"].form
    return {name: [str(error) for error in errors] for name, errors in form.errors.items()}
