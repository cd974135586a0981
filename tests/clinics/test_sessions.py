"""Sessions: the table is of no use to whoever reads or writes it."""

import hashlib

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from clinics.sessions import SessionStore
from tests.factories import World
from tests.visits import signed_in


def cookie(client: Client) -> str:
    return client.cookies["sessionid"].value


def test_the_key_in_the_table_is_not_the_one_in_the_cookie(clinic_a: World) -> None:
    key = cookie(signed_in(clinic_a.user("manager")))
    stored = Session.objects.get()
    assert stored.session_key == hashlib.sha256(key.encode()).hexdigest()[:40]
    assert key not in stored.session_key + stored.session_data
    # What the table holds opens nothing.
    client = Client()
    client.cookies["sessionid"] = stored.session_key
    assert client.get("/admin/").status_code == 302


def test_a_session_copied_under_a_key_of_ones_own_says_nothing(clinic_a: World) -> None:
    """Whoever can write the table could otherwise sign in as anybody: the data is bound to its key."""
    signed_in(clinic_a.user("manager"))
    chosen = "k" * 32
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session SELECT %s, session_data, expire_date FROM django_session",
            [SessionStore.stored_key(chosen)],
        )
    assert SESSION_KEY not in SessionStore(chosen).load()
    client = Client()
    client.cookies["sessionid"] = chosen
    assert client.get("/admin/").status_code == 302


def test_a_session_is_kept_found_and_deleted_by_its_key(db: None) -> None:
    store = SessionStore()
    store["a"] = 1
    store.save()
    key = store.session_key
    assert key is not None
    assert SessionStore(key).load() == {"a": 1}
    assert store.exists(key)
    assert not store.exists(SessionStore.stored_key(key))
    store["a"] = 2
    store.save()
    assert SessionStore(key)["a"] == 2
    store.cycle_key()
    assert store.session_key not in (None, key)
    assert SessionStore(store.session_key)["a"] == 2
    assert SessionStore(key).load() == {}
    store.flush()
    assert not Session.objects.exists()


@pytest.mark.parametrize("key", [None, "", "x" * 32])
def test_a_key_of_no_session_says_nothing(key: str | None, db: None) -> None:
    store = SessionStore(key)
    assert store.load() == {}
    store.delete(key)


def test_an_expired_session_says_nothing(clinic_a: World) -> None:
    client = signed_in(clinic_a.user("manager"))
    assert client.get("/admin/").status_code == 200
    Session.objects.update(expire_date="2020-01-01T00:00Z")
    assert client.get("/admin/").status_code == 302


def test_a_session_holds_no_name_of_a_person(clinic_a: World) -> None:
    client = signed_in(clinic_a.user("reception"))
    client.get("/admin/patients/patient/")
    data = SessionStore(cookie(client)).load()
    assert "ALFAZEMA" not in str(data).upper().replace("ALFAZEMA.EXAMPLE", "")
    assert "Paciente" not in str(data)
