"""The encarregado's pages of an erasure: from the request to the certificate and the letter."""

import json
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from pypdf import PdfReader

from clinics.roles import Role
from compliance import certificates
from compliance.models import DataRequest, LegalHold
from patients.models import Patient
from tests.erasing import second_dpo
from tests.factories import World, make_world
from tests.visits import signed_in

ADD = "/admin/compliance/datarequest/add/"


@pytest.fixture
def world(committed: None, tmp_path: Any, settings: Any) -> World:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    return make_world("ESTRAGAO")


def test_the_whole_way(world: World, settings: Any) -> None:
    with world.enter():
        patient = Patient.objects.create(name="Leda Contato", phone="11955554444")
    second = signed_in(second_dpo(world), clinic=world.clinic.pk)
    client = signed_in(world.user(Role.DPO))
    with world.enter():
        patient.refresh_from_db()
    assert client.get(ADD).status_code == 200
    client.post(
        ADD,
        {
            "record_number": str(patient), "kind": "ANONYMIZE_BLOCK_DELETE", "channel": "in_person",
            "received_at_0": timezone.localdate().strftime("%d/%m/%Y"), "received_at_1": "00:01",
            "identity_check": "document",
        },
    )  # fmt: skip
    with world.enter(Role.DPO):
        found = DataRequest.objects.get(kind="ANONYMIZE_BLOCK_DELETE")
        assert found.due_on is not None
    page = f"/admin/compliance/datarequest/{found.pk}/erasure/"
    shown = client.get(page)
    assert "eliminado" in shown.content.decode() or "erased" in shown.content.decode()
    assert client.post(page, {"act": "propose", "seen": shown.context["digest"]}).status_code == 302
    assert not client.get(page).context["may_approve"]
    assert second.get(page).context["may_approve"]
    second.post(page, {"act": "approve"})
    client.post(page, {"act": "execute"})
    assert not client.get(page).context["done"]
    # A service has her name: the page asks whose it is, and the approval begins anew.
    with world.enter(Role.MANAGER):
        world.service.name = "Método Leda Contato"
        world.service.save()
    asks = client.post(page, {"act": "execute", "sure": "on"})
    places = [place["value"] for place in asks.context["residue"]]
    # The log says it too, and is never rewritten.
    assert {place.partition(":")[0] for place in places} == {"services.name", "audit_logs.changes"}
    assert 'value="services.name:1"' in asks.content.decode()
    assert client.post(page, {"act": "coincidences", "place": "services.name:1; x"}).status_code == 302
    assert client.get(page).context["latest"].coincidences == {}
    assert client.post(page, {"act": "coincidences", "place": places}).status_code == 302
    assert not client.get(page).context["latest"].approved_by_id
    second.post(page, {"act": "approve"})
    client.post(page, {"act": "execute", "sure": "on"})
    assert client.get(page).context["done"]
    certificate = client.post(page, {"act": "certificate"})
    public = certificates.public_text(certificates.private_key(settings.NEONPRO_CERTIFICATE_KEY))
    assert certificates.verify(certificate.content, public)["whole"] is True
    assert client.post(page, {"act": "letter"}).content.startswith(b"%PDF")
    paper = PdfReader(BytesIO(client.post(page, {"act": "certificate_pdf"}).content))
    text = "".join("".join(one.extract_text().split()) for one in paper.pages)
    said = json.loads(certificate.content)
    for value in (said["id"], said["plan"], said["signature"]["value"], said["signature"]["public_key"]):
        assert value in text
    assert client.get("/admin/compliance/datarequest/").status_code == 200


def test_only_the_dpo_sees_requests(world: World) -> None:
    for role in (Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR):
        assert signed_in(world.user(role)).get(ADD).status_code == 403


def test_a_hold_is_placed_and_lifted(world: World) -> None:
    client = signed_in(world.user(Role.DPO))
    with world.enter():
        world.patients[0].refresh_from_db()
    answer = client.post(
        "/admin/compliance/legalhold/add/",
        {"record_number": str(world.patients[0]), "reason": "processo 12", "until": ""},
    )
    assert answer.status_code == 302
    with world.enter(Role.DPO):
        hold = LegalHold.objects.get(until__isnull=True)
        assert hold.reason == "processo 12"
    assert client.get(f"/admin/compliance/legalhold/{hold.pk}/change/").status_code == 200
    assert client.get("/admin/compliance/legalhold/").status_code == 200
    assert client.post(f"/admin/compliance/legalhold/{hold.pk}/lift/").status_code == 302
    with world.enter(Role.DPO):
        assert LegalHold.objects.get(pk=hold.pk).lifted_at is not None
