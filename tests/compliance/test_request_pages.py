"""The encarregado's pages of a request: queue, steps, package and letters."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import pyzipper
from django.utils import timezone

from clinics.roles import Role
from compliance import requests
from compliance.models import AuditLog, DataRequest
from tests.factories import World, make_world
from tests.visits import signed_in

PASSWORD = "senha de teste bem longa"
LIST = "/admin/compliance/datarequest/"


@pytest.fixture
def world(committed: None) -> World:
    return make_world("PITANGA", signed=True)


def ask(world: World, kind: str, **options: Any) -> DataRequest:
    with world.enter(Role.DPO):
        return requests.open_request(patient_id=world.patients[-1].pk, kind=kind, channel="in_person", **options)


def page(request: DataRequest) -> str:
    return f"{LIST}{request.pk}/answering/"


def test_a_package_from_the_request_to_the_files(world: World) -> None:
    request = ask(world, "ACCESS")
    client = signed_in(world.user(Role.DPO))
    assert "pacote" not in client.get(page(request)).content.decode()
    assert client.post(page(request), {"act": "prepare", "password": PASSWORD}).context["ticket"] is None
    client.post(page(request), {"act": "identify", "how": "document"})
    wrong = client.post(page(request), {"act": "prepare", "password": "errada"})
    assert wrong.context["ticket"] is None
    ticket = client.post(page(request), {"act": "prepare", "password": PASSWORD}).context["ticket"]
    answer = client.post(page(request), {"act": "package", "zip_password": ticket.password, "seal": ticket.seal})
    assert answer["Content-Type"] == "application/zip"
    with pyzipper.AESZipFile(BytesIO(answer.getvalue())) as archive:
        archive.setpassword(ticket.password.encode())
        assert "PITANGA" in json.dumps(json.loads(archive.read("dados.json")))
    with world.enter(Role.DPO):
        logged = AuditLog.objects.filter(action="EXPORT", patient_id=request.patient_id)
        assert logged.exists()
        # The password stands nowhere in the log.
        assert not any(ticket.password in json.dumps(row.changes) for row in AuditLog.objects.all())
    client.post(page(request), {"act": "answer", "answer": "Pacote entregue.", "channel": "in_person"})
    late = client.post(page(request), {"act": "package", "zip_password": ticket.password, "seal": ticket.seal})
    assert late["Content-Type"].startswith("text/html")
    assert client.post(page(request), {"act": "letter"}).content.startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["CONFIRMATION", "SHARING_INFO", "CONSENT_REFUSAL_INFO"])
def test_letters_wait_for_the_identity(kind: str, world: World) -> None:
    request = ask(world, kind)
    client = signed_in(world.user(Role.DPO))
    assert client.post(page(request), {"act": "letter"})["Content-Type"].startswith("text/html")
    client.post(page(request), {"act": "identify", "how": "gov_br"})
    assert client.post(page(request), {"act": "letter"}).content.startswith(b"%PDF")


def test_the_queue_shows_what_is_over_in_words_and_icon(world: World) -> None:
    ask(world, "CORRECTION", received_at=timezone.now() - timedelta(days=40))
    ask(world, "CORRECTION", received_at=timezone.now() - timedelta(days=14))
    client = signed_in(world.user(Role.DPO))
    shown = client.get(LIST).content.decode()
    assert "np-tag-danger" in shown
    assert "alarm" in shown
    assert "25 dias" in shown
    over = client.get(LIST, {"time": "overdue"})
    assert over.context["cl"].result_count == 1
    for value in ("soon", "open", "closed"):
        assert client.get(LIST, {"time": value}).status_code == 200


@pytest.mark.parametrize("kind", ["CORRECTION", "REVOKE_CONSENT", "ANONYMIZE_BLOCK_DELETE", "OPPOSE"])
def test_what_another_page_does_is_linked(kind: str, world: World) -> None:
    request = ask(world, kind, identity_check="document")
    client = signed_in(world.user(Role.DPO))
    assert client.get(page(request)).status_code == 200


def test_extension_and_refusal(world: World) -> None:
    request = ask(world, "OPPOSE")
    client = signed_in(world.user(Role.DPO))
    client.post(page(request), {"act": "extend", "reason": "Depende de terceiros."})
    client.post(page(request), {"act": "refuse", "ground": "", "refused_channel": "email"})
    client.post(page(request), {"act": "refuse", "ground": "Sem identificação.", "refused_channel": "email"})
    with world.enter(Role.DPO):
        found = DataRequest.objects.get(pk=request.pk)
        assert (found.status, found.extended_at is not None) == ("refused", True)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR])
def test_nobody_else_sees_the_page(role: Role, world: World) -> None:
    request = ask(world, "ACCESS", identity_check="document")
    client = signed_in(world.user(role))
    assert client.get(page(request)).status_code in (403, 404)
    assert client.post(page(request), {"act": "prepare", "password": PASSWORD}).status_code in (403, 404)
