"""The pages of stock, applications, photographs, recalls and adverse events, by role."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pypdf import PdfReader

from clinics.roles import Role
from compliance import consents
from compliance.models import AuditLog
from neonpro.db import context
from patients.models import (
    AdverseEvent,
    ApplicationVoid,
    ClinicalPhoto,
    LotStatus,
    Patient,
    Product,
    ProductApplication,
    ProductKind,
    ProductLot,
    RecallContact,
)
from patients.photos import MAX_SIDE, PhotoError, prepare
from tests.compliance.test_consents import with_texts
from tests.factories import World, make_world
from tests.products import CREAM, make_application, make_lot, make_product, picture
from tests.visits import errors_of, filled, signed_in

TODAY = timezone.localdate()


@pytest.fixture
def world(db: None) -> World:
    """A clinic in which nothing was applied yet."""
    return make_world("ALFAZEMA", patients=1)


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:patients_{name}", args=[getattr(one, "pk", one) for one in args])


def photo(name: str = "foto.jpg", data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data or picture(640, 480))


# --- Products and stock ----------------------------------------------------------------------------------------------


def test_a_product_is_registered_with_a_number_of_its_kind(world: World) -> None:
    client = signed_in(world.user(Role.MANAGER))
    add = url("product_add")
    data = filled(
        client, add, kind="device", risk_class="I", name="Preenchedor", registration_number="1.0123.4567", unit="mL",
        registration_status="unchecked",
    )  # fmt: skip
    assert set(errors_of(client.post(add, data))) == {"registration_number"}
    data |= {"registration_number": "8012345-0001", "risk_class": ""}
    assert set(errors_of(client.post(add, data))) == {"risk_class"}
    data["risk_class"] = "III"
    assert set(errors_of(client.post(add, data))) == {"registration_valid_until"}
    data["registration_valid_until"] = "31/12/2033"
    assert client.post(add, data).status_code == 302
    with world.enter(Role.MANAGER):
        assert Product.objects.get().registration_number == "80123450001"


def test_reception_receives_a_lot_by_scanning_it(world: World) -> None:
    with world.enter(Role.MANAGER):
        make_product(gtin="7891234567895")
    client = signed_in(world.user(Role.RECEPTION))
    add = url("productlot_add")
    code = f"]d2010789123456789517{TODAY + timedelta(days=90):%y%m%d}10AB-77"
    data = filled(client, add, code=code, units_received="50")
    assert client.post(add, data).status_code == 302
    with world.enter(Role.RECEPTION):
        lot = ProductLot.objects.get()
        assert (lot.number, lot.expires_on, lot.units_left) == ("AB-77", TODAY + timedelta(days=90), Decimal(50))
    page = client.get(url("productlot_changelist"))
    assert page.status_code == 200
    again = client.post(add, filled(client, add, code=code, units_received="1"))
    assert "__all__" in errors_of(again)
    unknown = client.post(add, filled(client, add, code="(01)00000000000017(10)X", units_received="1"))
    assert "code" in errors_of(unknown)


def test_stock_is_moved_and_held_back(world: World) -> None:
    with world.enter(Role.MANAGER):
        lot = make_lot(make_product())
    client = signed_in(world.user(Role.RECEPTION))
    assert client.post(url("productlot_receive", lot), {"quantity": "20"}).status_code == 302
    assert client.post(url("productlot_discard", lot), {"quantity": "5"}).status_code == 200, "without a reason"
    assert client.post(url("productlot_discard", lot), {"quantity": "5", "reason": "quebrou"}).status_code == 302
    assert client.post(url("productlot_discard", lot), {"quantity": "500", "reason": "quebrou"}).status_code == 200
    assert client.post(url("productlot_count", lot), {"quantity": "110", "reason": "contagem"}).status_code == 302
    assert client.post(url("productlot_quarantine", lot), {"reason": "caixa molhada"}).status_code == 302
    # Who put it on the shelf does not take it back off the shelf's hold, nor recalls.
    assert client.post(url("productlot_release", lot), {"reason": "ok"}).status_code == 403
    assert client.post(url("productlot_recall_lot", lot), {"reason": "ok"}).status_code == 403
    page = client.get(url("productlot_change", lot))
    assert "quebrou" in page.content.decode()
    assert "caixa molhada" in page.content.decode()
    with world.enter(Role.MANAGER):
        found = ProductLot.objects.get()
        assert (found.units_left, found.units_received, found.status) == (110, 120, LotStatus.QUARANTINED)
    assert signed_in(world.user(Role.MANAGER)).post(
        url("productlot_release", lot), {"reason": "conferida"}
    ).status_code == 302  # fmt: skip


def test_the_stock_page_says_what_needs_attention(world: World) -> None:
    client = signed_in(world.user(Role.RECEPTION))
    empty = client.get(url("productlot_changelist"))
    assert empty.status_code == 200
    with world.enter(Role.MANAGER):
        product = make_product()
        make_lot(product, number="LOGO", expires_on=TODAY + timedelta(days=60))
        make_lot(product, number="LONGE", expires_on=TODAY + timedelta(days=61))
        make_lot(product, number="PASSOU", expires_on=TODAY - timedelta(days=1), received_on=TODAY - timedelta(days=90))
        make_lot(product, number="PRESO", status=LotStatus.QUARANTINED)
        make_lot(make_product(name="Cancelado", registration_status="cancelled"), number="C1")
    stock = client.get(url("productlot_changelist")).context["stock"]
    assert [lot.number for lot in stock.soon] == ["LOGO"]
    assert [lot.number for lot in stock.expired] == ["PASSOU"]
    assert [lot.number for lot in stock.held] == ["PRESO"]
    assert [product.name for product in stock.unusable] == ["Cancelado"]


# --- Applying --------------------------------------------------------------------------------------------------------


def application(world: World, lot: ProductLot | None, **changes: Any) -> dict[str, Any]:
    now = timezone.localtime()
    return {
        "lot": str(lot.pk) if lot else "", "technique": "injected", "service": str(world.service.pk), "quantity": "20",
        "body_site": "glabela", "dilution": "100 U em 2 mL", "day": f"{now:%d/%m/%Y}", "time": f"{now:%H:%M}",
        **changes,
    }  # fmt: skip


def test_a_product_is_applied_from_an_appointment_with_photographs(world: World) -> None:
    with world.enter(Role.MANAGER):
        lot = make_lot(make_product(gtin="7891234567895"))
    client = signed_in(world.user(Role.PROFESSIONAL))
    way = client.get(url("appointment_apply_product", world.appointments[0]))
    assert way.status_code == 302
    page = client.get(way.headers["Location"])
    assert page.status_code == 200
    assert str(lot.number) in page.content.decode()
    code = "(01)07891234567895(10)L1234(21)S-9"
    sent = application(world, None, code=code, photo_before=photo(), photo_after=photo("x.png", picture(form="PNG")))
    answer = client.post(way.headers["Location"], sent)
    assert answer.status_code == 302, answer.context["form"].errors
    shown = client.get(answer.headers["Location"])
    assert shown.status_code == 200
    text = shown.content.decode()
    for said in ("glabela", "100 U em 2 mL", "S-9", "L1234", "Publicação: sem autorização"):
        assert said in text
    with world.enter(Role.PROFESSIONAL):
        done = ProductApplication.objects.get()
        assert done.appointment_id == world.appointments[0].pk
        assert (done.udi_di, done.udi_pi, done.serial) == ("07891234567895", "(10)L1234(21)S-9", "S-9")
        assert sorted(ClinicalPhoto.objects.values_list("moment", flat=True)) == ["after", "before"]
        assert ProductLot.objects.get().units_left == 80
    assert client.get(url("patient_products", world.patients[0])).status_code == 200


REFUSED = [
    ({"status": LotStatus.RECALLED}, {}, {}, "lot"),
    ({"status": LotStatus.QUARANTINED}, {}, {}, "lot"),
    ({"expires_on": TODAY - timedelta(days=2), "received_on": TODAY - timedelta(days=9)}, {}, {}, "lot"),
    ({}, {"registration_status": "cancelled"}, {}, "lot"),
    ({}, {"registration_valid_until": TODAY - timedelta(days=2)}, {}, "lot"),
    ({}, {"kind": ProductKind.COSMETIC, "registration_number": CREAM[:9]}, {}, "technique"),
    ({}, {}, {"quantity": "100,5"}, "quantity"),
    ({}, {}, {"quantity": "0"}, "quantity"),
    ({}, {}, {"body_site": ""}, "body_site"),
    ({}, {}, {"service": ""}, "service"),
    ({}, {}, {"day": f"{TODAY + timedelta(days=1):%d/%m/%Y}"}, "day"),
    ({}, {}, {"code": "(10)OUTRO(21)1"}, "code"),
]


@pytest.mark.parametrize(("lot", "product", "changes", "field"), REFUSED)
def test_each_refusal_is_said_in_the_form(
    lot: dict[str, Any], product: dict[str, Any], changes: dict[str, Any], field: str, world: World
) -> None:
    with world.enter(Role.MANAGER):
        one = make_lot(make_product(**product), **lot)
    client = signed_in(world.user(Role.PROFESSIONAL))
    answer = client.post(url("patient_apply", world.patients[0]), application(world, one, **changes))
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert "glabela" in answer.content.decode() or field == "body_site", "nothing typed is lost"
    with world.enter(Role.PROFESSIONAL):
        assert not ProductApplication.objects.exists()
        assert ProductLot.objects.get().units_left == 100


def test_a_photograph_that_cannot_be_read_stops_everything(world: World) -> None:
    with world.enter(Role.MANAGER):
        lot = make_lot(make_product())
    client = signed_in(world.user(Role.PROFESSIONAL))
    sent = application(world, lot, photo_before=photo("foto.jpg", b"<svg onload=alert(1)>"))
    answer = client.post(url("patient_apply", world.patients[0]), sent)
    assert list(answer.context["form"].errors) == ["photo_before"]
    with world.enter(Role.PROFESSIONAL):
        assert not ProductApplication.objects.exists()


def test_an_application_is_voided_and_recorded_again(world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product())
        done = make_application(lot, world.patients[0], world)
    client = signed_in(world.user(Role.PROFESSIONAL))
    assert client.post(url("productapplication_void", done), {"reason": ""}).status_code == 200
    assert client.post(url("productapplication_void", done), {"reason": "paciente trocado"}).status_code == 302
    assert "paciente trocado" in client.get(url("productapplication_change", done)).content.decode()
    with world.enter(Role.PROFESSIONAL):
        assert ApplicationVoid.objects.count() == 1
        assert ProductLot.objects.get().units_left == 100


def test_the_label_of_an_implant_is_given_once(world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        done = make_application(make_lot(make_product(gives_label=True)), world.patients[0], world)
    client = signed_in(world.user(Role.PROFESSIONAL))
    assert client.post(url("productapplication_label", done)).status_code == 302
    assert client.post(url("productapplication_label", done)).status_code == 403
    with world.enter(Role.PROFESSIONAL):
        assert ProductApplication.objects.get().patient_label_given_at is not None


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.PROFESSIONAL])
def test_who_does_not_care_for_patients_reaches_none_of_it(role: str, world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        done = make_application(make_lot(make_product()), world.patients[0], world)
    client = signed_in(world.user(role))
    for address in (
        url("productapplication_changelist"), url("productapplication_change", done),
        url("clinicalphoto_changelist"), url("adverseevent_changelist"),
        url("patient_products", world.patients[0]), url("patient_apply", world.patients[0]),
    ):  # fmt: skip
        assert client.get(address).status_code == 403, address


# --- Photographs -----------------------------------------------------------------------------------------------------


def test_what_is_kept_of_a_photograph_is_the_picture(world: World) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x8825] = "Câmera Secreta", 6, {1: "S", 2: (23.0, 33.0, 1.0)}
    raw = picture(3000, 1000, exif=exif, comment=b"nome do paciente")
    assert b"Secreta" in raw
    ready = prepare(raw)
    kept = Image.open(io.BytesIO(ready.content))
    assert kept.format == "JPEG"
    assert not kept.getexif()
    assert b"Secreta" not in ready.content
    assert b"paciente" not in ready.content
    # Turned upright, and no larger than it has to be.
    assert (ready.width, ready.height) == kept.size == (MAX_SIDE // 3, MAX_SIDE)
    assert max(Image.open(io.BytesIO(ready.thumbnail)).size) == 320
    for wrong in (b"", b"GIF89a", b"%PDF-1.7", raw[:200], picture(form="GIF")):
        with pytest.raises(PhotoError):
            prepare(wrong)


def test_a_photograph_is_served_to_who_cares_and_leaves_a_trace(world: World) -> None:
    client = signed_in(world.user(Role.PROFESSIONAL))
    page = url("patient_products", world.patients[0])
    assert client.post(page, {"photo": photo(), "moment": "before", "caption": "frente"}).status_code == 302
    with world.enter(Role.PROFESSIONAL):
        kept = ClinicalPhoto.objects.get()
    assert client.get(url("clinicalphoto_change", kept)).status_code == 200
    for name in ("clinicalphoto_file", "clinicalphoto_small"):
        served = client.get(url(name, kept))
        assert served.headers["Content-Type"] == "image/jpeg"
        assert "no-store" in served.headers["Cache-Control"]
        assert Image.open(io.BytesIO(served.content)).format == "JPEG"
        assert signed_in(world.user(Role.MANAGER)).get(url(name, kept)).status_code == 403
    with world.enter(Role.DPO):
        seen = AuditLog.objects.filter(action="READ", patient_id=world.patients[0].pk)
        assert "images" in str(seen.latest("created_at").changes)
        added = AuditLog.objects.get(table_name="clinical_photos", action="INSERT").changes
        assert added is not None
        assert (added["content"], added["thumbnail"]) == ("•", "•")
    assert client.post(url("clinicalphoto_withdraw_photo", kept), {"reason": "outra pessoa"}).status_code == 302
    assert client.get(url("clinicalphoto_file", kept)).status_code == 404


def test_beside_a_photograph_stand_the_consents_as_they_are_now(world: World) -> None:
    with_texts(world)
    person = world.patients[0].pk
    client = signed_in(world.user(Role.PROFESSIONAL))
    client.post(url("patient_products", person), {"photo": photo(), "moment": "before"})
    with world.enter(Role.PROFESSIONAL):
        kept = ClinicalPhoto.objects.get()

    def said() -> list[bool]:
        pages = [client.get(page) for page in (url("clinicalphoto_change", kept), url("patient_products", person))]
        for page in pages:
            for use in page.context["image_use"]:
                assert use.words in page.content.decode()
        one, other = ([use.allowed for use in page.context["image_use"]] for page in pages)
        assert one == other
        return one

    assert said() == [False, False]
    with world.enter(Role.RECEPTION):
        consents.grant(Patient.objects.get(), "image_record", channel="paper")
    assert said() == [True, False]
    with world.enter(Role.RECEPTION):
        consents.grant(Patient.objects.get(), "image_publication", channel="paper")
    assert said() == [True, True]
    with world.enter(Role.RECEPTION):
        consents.withdraw(Patient.objects.get(), "image_publication", channel="phone")
    assert said() == [True, False]


# --- Recall ----------------------------------------------------------------------------------------------------------


def recalled(world: World) -> ProductLot:
    """A lot that was applied to the patient twice, and once by mistake, and then recalled."""
    with world.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product())
        for _time in range(2):
            make_application(lot, world.patients[0], world, quantity=Decimal(10))
        wrong = make_application(lot, world.patients[0], world)
        ApplicationVoid.objects.create(application=wrong, patient=world.patients[0], reason="erro")
    answer = signed_in(world.user(Role.MANAGER)).post(url("productlot_recall_lot", lot), {"reason": "alerta 123"})
    assert answer.headers["Location"] == url("productlot_recalled", lot)
    return lot


def director(world: World) -> Client:
    return signed_in(world.director_user)


def test_a_recall_shows_everybody_and_who_was_reached(world: World) -> None:
    lot = recalled(world)
    for client in (signed_in(world.user(Role.MANAGER)), signed_in(world.user(Role.DPO)), director(world)):
        page = client.get(url("productlot_recalled", lot))
        assert page.status_code == 200
        found = page.context["found"]
        assert (found.patients, found.reached, len(found.people[0].sessions)) == (1, 0, 2)
        assert "Paciente ALFAZEMA 0" in page.content.decode()
        assert "glabela" not in page.content.decode()
    for role in (Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR):
        assert signed_in(world.user(role)).get(url("productlot_recalled", lot)).status_code == 403
    client = signed_in(world.user(Role.MANAGER))
    sent = {"patient": str(world.patients[0].pk), "outcome": "no_answer", "note": "caixa postal"}
    # Nobody counts as told by a button that was pressed too early.
    assert client.post(url("productlot_recalled", lot), sent | {"outcome": ""}).status_code == 409
    assert client.post(url("productlot_recalled", lot), sent).status_code == 302
    assert client.post(url("productlot_recalled", lot), sent | {"outcome": "reached"}).status_code == 302
    assert client.post(url("productlot_recalled", lot), sent | {"patient": str(uuid4())}).status_code == 409
    found = client.get(url("productlot_recalled", lot)).context["found"]
    assert (found.reached, found.people[0].attempts, found.people[0].last_outcome) == (1, 2, "reached")
    with world.enter(Role.DPO):
        assert RecallContact.objects.count() == 2
        log = AuditLog.objects.filter(action="LIST", changes__purpose="recall")
        assert log.first().patients == [world.patients[0].pk]  # type: ignore[union-attr]


def test_letters_and_a_list_to_call_from(world: World) -> None:
    lot = recalled(world)
    client = signed_in(world.user(Role.MANAGER))
    texts = {}
    for kind in ("letters", "list"):
        answer = client.post(url("productlot_recalled", lot), {"file": kind})
        assert answer.headers["Content-Type"] == "application/pdf"
        texts[kind] = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
        assert "Paciente ALFAZEMA 0" in texts[kind]
        assert "L1234" in texts[kind]
    assert "alerta 123" in texts["letters"]
    with world.enter(Role.DPO):
        assert AuditLog.objects.filter(action="PRINT").count() == 2
        assert AuditLog.objects.filter(action="EXPORT").count() == 2


def test_before_a_recall_and_after_it_nobody_sees_who_got_what(world: World) -> None:
    lot = recalled(world)
    client = signed_in(world.user(Role.MANAGER))
    assert client.post(url("productlot_release", lot), {"reason": "alarme falso"}).status_code == 302
    assert client.get(url("productlot_recalled", lot)).status_code == 403
    with world.enter(Role.MANAGER):
        from patients.recalls import recall

        assert recall(lot.pk).patients == 0


def test_of_another_clinic_a_recall_says_nothing(world: World) -> None:
    lot = recalled(world)
    other = make_world("BERGAMOTA", patients=1)
    with other.enter(Role.MANAGER):
        from patients.recalls import recall

        assert recall(lot.pk).people == ()
    assert signed_in(other.user(Role.MANAGER)).get(url("productlot_recalled", lot)).status_code == 404


# --- Adverse events --------------------------------------------------------------------------------------------------


def test_an_adverse_event_goes_from_the_application_to_the_notification(world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product())
        done = make_application(lot, world.patients[0], world)
    client = signed_in(world.user(Role.PROFESSIONAL))
    add = client.get(url("productapplication_report", done)).headers["Location"]
    data = filled(client, add, severity="severe", occurred_on=f"{TODAY:%d/%m/%Y}", description="ptose palpebral")
    answer = client.post(add, data)
    assert answer.status_code == 302, errors_of(answer)
    with world.enter(Role.PROFESSIONAL):
        event = AdverseEvent.objects.get()
        assert (event.application_id, event.lot_id, event.about) == (done.pk, lot.pk, "MEDICINE")
        assert event.due_at > timezone.now() + timedelta(days=15)
    draft = client.get(url("adverseevent_draft", event))
    assert draft.status_code == 200
    assert draft.context["channel"] == "VigiMed"
    assert "ptose palpebral" in draft.context["text"]
    assert "FALTA" in draft.context["text"]
    assert client.post(url("adverseevent_draft", event)).headers["Content-Type"] == "application/pdf"
    now = timezone.localtime()
    sent = {"protocol": "BR-123", "day": f"{now:%d/%m/%Y}", "time": f"{now:%H:%M}"}
    assert client.post(url("adverseevent_notified", event), sent).status_code == 302
    assert client.post(url("adverseevent_notified", event), sent).status_code == 403
    with context.enter(world.user(Role.PROFESSIONAL), world.clinic.pk):
        assert AdverseEvent.objects.get().status == "notified"


def test_a_death_is_never_dismissed_and_stands_first(world: World) -> None:
    with world.enter(Role.PROFESSIONAL):
        common = {"patient": world.patients[0], "about": "ASSISTANCE", "occurred_on": TODAY, "description": "x"}
        late = AdverseEvent.objects.create(
            severity="mild", known_at=timezone.now(), due_at=timezone.now() + timedelta(days=20), **common
        )
        death = AdverseEvent.objects.create(
            severity="death", known_at=timezone.now(), due_at=timezone.now() + timedelta(hours=72), **common
        )
    client = signed_in(world.user(Role.PROFESSIONAL))
    listed = client.get(url("adverseevent_changelist")).context["cl"].result_list
    assert [event.pk for event in listed] == [death.pk, late.pk]
    assert client.post(url("adverseevent_dismiss", death), {"reason": "não"}).status_code == 200
    assert client.post(url("adverseevent_dismiss", late), {"reason": "leve e esperado"}).status_code == 302
