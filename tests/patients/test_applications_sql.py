"""What must not be applied is refused by PostgreSQL itself, whoever writes and however (RDC 509/2021)."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clinics.roles import Role
from compliance.models import AuditLog
from neonpro.db import context
from neonpro.db.bound import execute
from patients.models import (
    AdverseEvent,
    ApplicationVoid,
    ClinicalPhoto,
    LotStatus,
    MovementKind,
    Patient,
    Product,
    ProductApplication,
    ProductKind,
    ProductLot,
    RegistrationStatus,
    StockMovement,
    Technique,
)
from tests.factories import JOB, World, make_colleague, make_world
from tests.licences import verified
from tests.products import CREAM, make_application, make_lot, make_product

NOW = timezone.now()
TODAY = date.today()  # noqa: DTZ011  # the cases below are days away from it


@pytest.fixture
def clinic_a(db: None) -> World:
    """A clinic in which nothing was applied yet."""
    return make_world("ALFAZEMA", patients=1)


@dataclass
class Case:
    """What is tried, and the rule that refuses it; None where it is allowed."""

    name: str
    refused: str | None
    product: dict[str, Any] = field(default_factory=dict)
    lot: dict[str, Any] = field(default_factory=dict)
    application: dict[str, Any] = field(default_factory=dict)


COSMETIC = {"kind": ProductKind.COSMETIC, "registration_number": CREAM[:9], "name": "Sérum"}
CASES = [
    Case("an ordinary application", None),
    Case("the whole lot", None, application={"quantity": Decimal(100)}),
    Case("a thousandth too much", "not_enough", application={"quantity": Decimal("100.001")}),
    Case("expired yesterday", "lot_expired", lot={"expires_on": TODAY - timedelta(days=2)}),
    Case("in quarantine", "lot_quarantined", lot={"status": LotStatus.QUARANTINED}),
    Case("recalled", "lot_recalled", lot={"status": LotStatus.RECALLED}),
    Case("registration cancelled", "registration_cancelled", product={"registration_status": "cancelled"}),
    Case("registration suspended", "registration_cancelled", product={"registration_status": "suspended"}),
    Case("registration expired by its status", "registration_expired", product={"registration_status": "expired"}),
    Case(
        "registration expired by its day", "registration_expired",
        product={"registration_valid_until": TODAY - timedelta(days=2)},
    ),
    Case("registration without an end", None, product={"registration_valid_until": None}),
    Case("registration not checked yet", None, product={"registration_status": RegistrationStatus.UNCHECKED}),
    Case("cosmetic on the skin", None, COSMETIC, application={"technique": Technique.TOPICAL}),
    Case("cosmetic injected", "cosmetic_injected", COSMETIC),
    Case("cosmetic implanted", "cosmetic_injected", COSMETIC, application={"technique": Technique.IMPLANTED}),
    Case("sanitizer injected", "cosmetic_injected", COSMETIC | {"kind": ProductKind.SANITIZER}),
    Case("tomorrow", "not_yet", application={"applied_at": NOW + timedelta(days=1)}),
    Case("nothing", "quantity_positive", application={"quantity": Decimal(0)}),
    Case("less than nothing", "quantity_positive", application={"quantity": Decimal(-1)}),
    Case("injected nowhere", "site_given", application={"body_site": ""}),
    Case("injected in no procedure", "procedure_given", application={"service": None}),
    Case("on the skin, in no procedure", None, application={"service": None, "technique": "topical", "body_site": ""}),
]  # fmt: skip


def apply_by_orm(world: World, lot: ProductLot, fields: dict[str, Any]) -> None:
    make_application(lot, world.patients[0], world, **fields)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_refused(case: Case, clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product(**case.product), **case.lot)
        if case.refused is None:
            apply_by_orm(clinic_a, lot, case.application)
            done = ProductApplication.objects.get()
            assert (done.product_id, done.lot_number, done.holder) == (lot.product_id, "L1234", lot.product.holder)
            assert done.lot_expires_on == lot.expires_on
            lot.refresh_from_db()
            assert lot.units_left == 100 - done.quantity
            return
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            apply_by_orm(clinic_a, lot, case.application)
        cause = refusal.value.__cause__
        assert isinstance(cause, psycopg.Error)
        assert cause.diag.constraint_name == f"product_applications_{case.refused}"
        lot.refresh_from_db()
        assert lot.units_left == 100
        assert not ProductApplication.objects.exists()


@pytest.mark.parametrize(
    "setting",
    ["session_replication_role = replica", "pgtrigger.ignore = '{apply_product,product_applications:apply_product}'"],
)
def test_nothing_silences_the_refusal(setting: str, clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product(), status=LotStatus.RECALLED)
        try:
            with transaction.atomic():
                execute(f"SET LOCAL {setting}", [])
        except DatabaseError:
            assert setting.startswith("session")
        with pytest.raises(IntegrityError, match="lot_recalled"), transaction.atomic():
            apply_by_orm(clinic_a, lot, {})


@pytest.mark.parametrize(
    ("zone", "allowed"), [("America/Sao_Paulo", True), ("America/Noronha", False), ("America/Rio_Branco", True)]
)
def test_a_lot_is_good_until_its_last_day_ends_where_the_clinic_is(zone: str, allowed: bool, db: None) -> None:
    """At half past midnight in Fernando de Noronha it is still the day before in São Paulo."""
    world = make_world("ALFAZEMA", patients=1, time_zone=zone)
    with world.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product(), expires_on=date(2026, 3, 10), received_on=date(2026, 1, 1))
        at = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)
        if allowed:
            apply_by_orm(world, lot, {"applied_at": at})
        else:
            with pytest.raises(IntegrityError, match="lot_expired"), transaction.atomic():
                apply_by_orm(world, lot, {"applied_at": at})


def test_what_was_applied_stays_written(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        done = make_application(make_lot(make_product()), clinic_a.patients[0], clinic_a)
        for statement in (
            "UPDATE product_applications SET quantity = 1",
            "UPDATE product_applications SET technique = 'topical'",
            "UPDATE product_applications SET patient_label_given_at = now(), quantity = 1",
        ):
            with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
                execute(statement, [])
        with pytest.raises(DatabaseError), transaction.atomic():
            execute("DELETE FROM product_applications", [])
        assert ProductApplication.objects.update(patient_label_given_at=NOW) == 1
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
            ProductApplication.objects.update(patient_label_given_at=None)
        done.refresh_from_db()
        assert (done.quantity, done.patient_label_given_at) == (20, NOW)


def test_a_void_gives_the_units_back_once(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product())
        done = make_application(lot, clinic_a.patients[0], clinic_a)
        void = {"application": done, "patient": clinic_a.patients[0], "reason": "paciente errado"}
        with pytest.raises(DatabaseError, match="no such application"), transaction.atomic():
            execute(
                "INSERT INTO product_application_voids (application_id, patient_id, reason)"
                " VALUES (%s::uuid, %s::uuid, '\\x01')",
                [done.pk, Patient.objects.create(name="Outra").pk],
            )
        # A recall in between does not keep the units away: they are counted, and stay recalled.
        ProductLot.objects.update(status=LotStatus.RECALLED, status_reason="alerta")
        ApplicationVoid.objects.create(**void)
        with pytest.raises(IntegrityError, match="voids_once"), transaction.atomic():
            ApplicationVoid.objects.create(**void)
        with pytest.raises(DatabaseError), transaction.atomic():
            execute("DELETE FROM product_application_voids", [])
        lot.refresh_from_db()
        assert lot.units_left == 100


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("units_left = 1000", "counted"),
        ("units_received = 1000", "counted"),
        ("number = 'L9'", "stays"),
        ("expires_on = '2040-01-01'", "stays"),
        ("status = 'recalled'", "reason_given"),
    ],
)
@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL])
def test_nobody_changes_a_lot_that_was_used(role: str, change: str, rule: str, clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        make_application(make_lot(make_product()), clinic_a.patients[0], clinic_a)
    with clinic_a.enter(role), pytest.raises(IntegrityError) as refusal, transaction.atomic():
        execute(f"UPDATE product_lots SET {change}", [])
    cause = refusal.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert cause.diag.constraint_name == f"product_lots_{rule}"


def test_who_held_a_lot_and_when_is_not_for_them_to_say(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        lot = make_lot(make_product_as_manager(clinic_a))
        ProductLot.objects.update(
            status=LotStatus.QUARANTINED, status_reason="caixa violada", status_by=uuid4(),
            status_at=NOW - timedelta(days=9),
        )  # fmt: skip
        lot.refresh_from_db()
        assert lot.status_by == clinic_a.user(Role.RECEPTION).pk
        assert lot.status_at is not None
        assert lot.status_at > NOW - timedelta(minutes=5)
        ProductLot.objects.update(status_reason="outra", status_by=uuid4())
        again = ProductLot.objects.get()
        assert (again.status_reason, again.status_by) == ("caixa violada", lot.status_by)


def make_product_as_manager(world: World) -> Product:
    """Reception receives what management has registered."""
    with world.enter(Role.MANAGER):
        return make_product()


def test_who_sees_what(clinic_a: World) -> None:
    """Everybody sees the stock; who got what is for professionals."""
    with clinic_a.enter(Role.PROFESSIONAL):
        make_application(make_lot(make_product()), clinic_a.patients[0], clinic_a)
    for role in Role.values:
        with clinic_a.enter(role):
            assert ProductLot.objects.get().units_left == 80
            assert ProductApplication.objects.exists() is (role == Role.PROFESSIONAL)
    with clinic_a.enter(Role.MANAGER):
        changes = AuditLog.objects.get(table_name="product_applications").changes
    assert changes is not None
    for withheld in ("lot_id", "product_id", "quantity", "service_id", "lot_number"):
        assert changes[withheld] == "•"
    assert str(clinic_a.service.pk) not in str(changes)


# --- Arithmetic -------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["apply", "void", "receive", "discard", "correct"]),
        st.decimals("0.001", "80", places=3, allow_nan=False),
    ),
    max_size=12,
)


@given(steps=STEPS)
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_left_is_what_came_less_what_went(steps: list[tuple[str, Decimal]], clinic_a: World) -> None:
    with transaction.atomic(), clinic_a.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product(name=str(uuid4())))
        left = Decimal(100)
        done: list[ProductApplication] = []
        for step, amount in steps:
            if step == "void" and not done:
                continue
            change = {"void": done[-1].quantity if done else 0, "receive": amount}.get(step, -amount)
            try:
                with transaction.atomic():
                    made = step_of(step, amount, lot, clinic_a, done)
            except IntegrityError:
                assert left + change < 0
            else:
                left += change
                assert left >= 0
                if step == "apply":
                    done.append(made)
                if step == "void":
                    done.pop()
            lot.refresh_from_db()
            assert lot.units_left == left
        transaction.set_rollback(True)


def step_of(step: str, amount: Decimal, lot: ProductLot, world: World, done: list[ProductApplication]) -> Any:
    """Do one step; what it made."""
    patient = world.patients[0]
    if step == "apply":
        return make_application(lot, patient, world, quantity=amount)
    if step == "void":
        return ApplicationVoid.objects.create(application=done[-1], patient=patient, reason="erro")
    kind = {"receive": MovementKind.RECEIVED, "discard": MovementKind.DISCARDED, "correct": MovementKind.CORRECTED}[
        step
    ]
    return moved(lot, kind, amount if step == "receive" else -amount)


def moved(lot: ProductLot, kind: str, quantity: Decimal) -> StockMovement:
    return StockMovement.objects.create(lot=lot, kind=kind, quantity=quantity, reason="contagem")


def test_the_last_units_are_applied_once(committed: None) -> None:
    """Twenty-five threads want the last twenty units of a lot at the same moment."""
    world = make_world("ALFAZEMA", patients=1)
    with world.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product(), units_received=Decimal(50))
    start, outcomes = threading.Barrier(25), []

    def want() -> None:
        start.wait()
        try:
            with world.enter(Role.PROFESSIONAL):
                make_application(lot, world.patients[0], world)
            outcomes.append("applied")
        except IntegrityError as error:
            outcomes.append("refused" if "not_enough" in str(error) else str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=want) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["applied"] * 2 + ["refused"] * 23
    with world.enter(Role.PROFESSIONAL):
        assert ProductLot.objects.get().units_left == 10
        assert ProductApplication.objects.count() == 2


# --- Who applies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, None),
        ({"procedure_class": "injectable"}, None),  # disputed, and signed off by the world's director
        ({"procedure_class": "surgery"}, "scope"),  # the matrix is silent
        ({"status": "suspended"}, "licence"),
    ],
)
def test_who_may_not_perform_it_applies_nothing(change: dict[str, str], refused: str | None, clinic_a: World) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        if "procedure_class" in change:
            type(clinic_a.service).objects.filter(pk=clinic_a.service.pk).update(**change)
        if "status" in change:
            verified(clinic_a.professional)
            type(clinic_a.professional).objects.filter(pk=clinic_a.professional.pk).update(**change)
    with clinic_a.enter(Role.PROFESSIONAL):
        lot = make_lot(make_product())
        if refused is None:
            make_application(lot, clinic_a.patients[0], clinic_a)
        else:
            with pytest.raises(IntegrityError, match=refused), transaction.atomic():
                make_application(lot, clinic_a.patients[0], clinic_a)


def test_only_who_cares_for_a_patient_writes_or_reads(clinic_a: World) -> None:
    colleague, _professional = make_colleague(clinic_a)
    with context.enter(colleague, clinic_a.clinic.pk):
        assert not ProductApplication.objects.exists()
        assert not ClinicalPhoto.objects.exists()
        assert not AdverseEvent.objects.exists()
        lot = make_lot(make_product())
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            execute(
                "INSERT INTO product_applications (patient_id, professional_id, lot_id, product_id, technique,"
                " quantity, applied_at, dilution, body_site, serial, udi_raw, udi_di, udi_pi, note)"
                " SELECT %s::uuid, %s::uuid, %s::uuid, %s::uuid, 'topical', 1, now(), '', '', '', '', '', '', ''",
                [clinic_a.patients[0].pk, clinic_a.professional.pk, lot.pk, lot.product_id],
            )
        lot.refresh_from_db()
        assert lot.units_left == 100
