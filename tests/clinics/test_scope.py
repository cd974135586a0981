"""Who may perform what: the matrix, the technical director's sign-offs, and care that the database lets begin."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from clinics.licences import Verification, verify
from clinics.models import (
    Clinic,
    Council,
    Membership,
    ProcedureClass,
    Professional,
    ScopeLevel,
    ScopeRule,
    ScopeSignOff,
    Service,
)
from clinics.roles import Role
from clinics.scope import (
    REFUSALS,
    ROWS,
    RULES,
    ScopeError,
    decide,
    end_sign_off,
    is_director,
    latest_end,
    may_perform,
    sign_off,
    start_matrix,
    suggestion,
)
from neonpro.db import context
from neonpro.rules import rule
from patients.booking import BookingError
from patients.flow import move_on
from patients.models import Appointment
from tests.db.raw import Raw, connect
from tests.factories import World, bring_to, make_world
from tests.visits import filled, signed_in

LEVELS: list[tuple[str, dict[str, Any], str | None]] = [
    (ScopeLevel.ALLOWED, {}, None),
    (ScopeLevel.FORBIDDEN, {}, "forbidden"),
    (ScopeLevel.FORBIDDEN, {"rqe": "77"}, "forbidden"),
    (ScopeLevel.WITH_TITLE, {}, "title"),
    (ScopeLevel.WITH_TITLE, {"rqe": "77"}, None),
    (ScopeLevel.DISPUTED, {}, "disputed"),
    (ScopeLevel.DISPUTED, {"rqe": "77"}, "disputed"),
    ("", {}, "undecided"),
    (ScopeLevel.ALLOWED, {"status": "suspended"}, "licence"),
    (ScopeLevel.ALLOWED, {"status": "cancelled"}, "licence"),
    (ScopeLevel.ALLOWED, {"status": "transferred"}, "licence"),
    (ScopeLevel.ALLOWED, {"status": "deceased"}, "licence"),
    (ScopeLevel.ALLOWED, {"status": "active"}, None),
]


def today() -> date:
    return timezone.localdate()


def professional(council: str = Council.CRBM, **fields: Any) -> Professional:
    """Somebody of a council, or of none."""
    if council:
        fields = {"council": council, "council_number": "42", "council_region": 1} | fields
    if "status" in fields:
        fields["verified_at"] = timezone.now()
    return Professional.objects.create(full_name="Rui Sá", **fields)


def service(procedure_class: str = ProcedureClass.INJECTABLE) -> Service:
    return Service.objects.create(
        name="Toxina", category="aesthetic", duration_minutes=30, procedure_class=procedure_class
    )


def rule_of(level: str, council: str = Council.CRBM, kind: str = ProcedureClass.INJECTABLE) -> None:
    decide({(kind, council): (level, "")})


def perform(world: World, who: Professional, what: Service, *, status: str = "in_care") -> None:
    """Begin care, in the database, of an appointment that is booked and has arrived."""
    pk = world.appointments[0].pk
    with transaction.atomic():
        Appointment.objects.filter(pk=pk).update(professional=who, service=what)
        Appointment.objects.filter(pk=pk).update(status="arrived")
        Appointment.objects.filter(pk=pk).update(status=status)
        transaction.set_rollback(True)


@pytest.mark.parametrize(("level", "fields", "why"), LEVELS)
@pytest.mark.parametrize("council", [Council.CRBM, Council.COREN, ""])
def test_the_verdict_is_what_the_database_enforces(
    level: str, fields: dict[str, Any], why: str | None, council: str, clinic_a: World
) -> None:
    if "status" in fields and not council:
        pytest.skip("no council says anything of them")
    with clinic_a.enter(Role.MANAGER):
        who, what = professional(council, **fields), service()
        rule_of(level, council)
        verdict = may_perform(who, what, on=today())
        assert verdict.allowed is (why is None)
        assert verdict.text == ("" if why is None else str(REFUSALS[why]))
        if why is None:
            perform(clinic_a, who, what)
        else:
            with pytest.raises(IntegrityError) as refused:
                perform(clinic_a, who, what)
            assert refused.value.__cause__.diag.constraint_name == f"appointments_scope_{why}"  # type: ignore[union-attr]
            assert f"appointments_scope_{why}" in RULES


def test_a_service_without_a_class_is_anybodys(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        who, what = professional("", status="unverified"), service("")
        assert may_perform(who, what, on=today()).allowed
        perform(clinic_a, who, what)


def test_limits_are_said_with_the_verdict(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        decide({("injectable", Council.CRO): (ScopeLevel.ALLOWED, "somente na face")})
        verdict = may_perform(professional(Council.CRO), service(), on=today())
        assert verdict.allowed
        assert "somente na face" in verdict.text


def test_booking_is_not_refused_and_neither_is_cancelling(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        who, what = professional(), service()
        rule_of(ScopeLevel.FORBIDDEN)
        booked = Appointment.objects.get(pk=clinic_a.appointments[1].pk)
        booked.professional, booked.service = who, what
        booked.save()
        Appointment.objects.filter(pk=booked.pk).update(status="cancelled")


def test_care_under_way_is_not_handed_to_who_may_not(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        allowed, not_allowed, what = professional(Council.CRBM), professional(Council.CRF), service()
        decide({("injectable", Council.CRBM): ("allowed", ""), ("injectable", Council.CRF): ("forbidden", "")})
        pk = clinic_a.appointments[0].pk
        Appointment.objects.filter(pk=pk).update(professional=allowed, service=what)
        for status in ("arrived", "in_care"):
            Appointment.objects.filter(pk=pk).update(status=status)
        with pytest.raises(IntegrityError, match="outside the scope"), transaction.atomic():
            Appointment.objects.filter(pk=pk).update(professional=not_allowed)
        # A later change of the matrix does not undo what was begun.
        decide({("injectable", Council.CRBM): ("forbidden", "")})
        Appointment.objects.filter(pk=pk).update(status="completed")


# --- The matrix -------------------------------------------------------------------------------------------------------


def test_the_suggestion_is_the_rules(db: None) -> None:
    names = {str(row["procedure"]) for row in rule("licences.scope.defaults", on=today()).table}
    assert names == {item.name for item in ProcedureClass}
    assert rule("licences.scope.defaults", on=today()).source == "policy"
    cells = suggestion(on=today())
    level = {key: cell.level for key, cell in cells.items()}
    assert level["surgery", Council.CRM] == level["injectable", Council.CRM] == "allowed"
    assert (level["injectable", Council.CRO], level["injectable", Council.CRBM]) == ("allowed", "disputed")
    assert level["surgery", Council.CRBM] == level["surgery", ""] == level["medicine", ""] == "forbidden"
    assert (level["injectable", ""], level["cosmetic", ""]) == ("forbidden", "allowed")
    assert all(cell.level in ScopeLevel.values and cell.council in ROWS for cell in cells.values())


def test_starting_the_matrix_keeps_what_was_decided(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        assert start_matrix(on=today()) == len(suggestion(on=today())) - 1
        assert ScopeRule.objects.get(procedure_class="injectable", council=Council.CRM).level == "disputed"
        assert start_matrix(on=today()) == 0


def test_cells_are_written_changed_and_taken_back(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        assert decide({("surgery", Council.CRM): ("allowed", ""), ("surgery", ""): ("", "")}) == 1
        assert decide({("surgery", Council.CRM): ("allowed", "")}) == 0
        assert decide({("surgery", Council.CRM): ("forbidden", "x")}) == 1
        assert decide({("surgery", Council.CRM): ("", "")}) == 1
        for cell in (("magic", ""), ("surgery", "99")):
            with pytest.raises(ScopeError):
                decide({cell: ("allowed", "")})
        with pytest.raises(ScopeError):
            decide({("surgery", ""): ("perhaps", "")})


# --- Sign-offs --------------------------------------------------------------------------------------------------------


def disputed(world: World) -> tuple[Professional, Service]:
    """Somebody who may perform something only with a sign-off."""
    with world.enter(Role.MANAGER):
        rule_of(ScopeLevel.DISPUTED)
        return professional(), service()


def signed(world: World, who: Professional, **changes: Any) -> ScopeSignOff:
    """The director's sign-off."""
    with context.enter(world.director_user, world.clinic.pk):
        options: dict[str, Any] = {
            "reason": "curso e protocolo",
            "until": today() + timedelta(days=30),
            **changes,
        }
        return sign_off(professional=who, procedure_class="injectable", on=today(), **options)


def test_a_sign_off_opens_one_professional_until_its_last_day(clinic_a: World) -> None:
    who, what = disputed(clinic_a)
    given = signed(clinic_a, who)
    with clinic_a.enter(Role.MANAGER):
        given.refresh_from_db()
        assert given.director_id == clinic_a.director.pk
        for day, allowed in (
            (today() - timedelta(days=1), False), (today(), True), (given.until, True),
            (given.until + timedelta(days=1), False),
        ):  # fmt: skip
            assert may_perform(who, what, on=day).allowed is allowed, day
        other = professional(council_number="43")
        assert not may_perform(other, what, on=today()).allowed
        end_sign_off(given.pk)
        assert not may_perform(who, what, on=today()).allowed
        with pytest.raises(ScopeError):
            end_sign_off(given.pk)


def test_another_director_has_not_signed_off(clinic_a: World) -> None:
    who, what = disputed(clinic_a)
    signed(clinic_a, who)
    with clinic_a.enter(Role.MANAGER):
        Clinic.objects.update(technical_director=clinic_a.professional)
        assert not may_perform(who, what, on=today()).allowed


@pytest.mark.parametrize("role", [Role.MANAGER, Role.PROFESSIONAL])
def test_nobody_but_the_director_signs_off(role: str, clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    with clinic_a.enter(role):
        assert not is_director(clinic_a.user(role).pk)
        with pytest.raises(ScopeError, match=r"technical director|responsável técnic"):
            sign_off(professional=who, procedure_class="injectable", reason="x", until=today(), on=today())
        # Nor in the director's name, by SQL.
        refused = pytest.raises(IntegrityError, match="only the technical director")
        with connection.cursor() as cursor, refused, transaction.atomic():
            cursor.execute(
                "INSERT INTO scope_signoffs (professional_id, procedure_class, director_id, reason, until)"
                " VALUES (%s, 'injectable', %s, 'x', current_date + 1)",
                [who.pk, clinic_a.director.pk],
            )


@pytest.mark.parametrize("role", [Role.RECEPTION, Role.DPO, Role.AUDITOR])
def test_who_is_no_director_cannot_even_add(role: str, clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    refused = pytest.raises(IntegrityError, match="only the technical director")
    with clinic_a.enter(role), connection.cursor() as cursor, refused, transaction.atomic():
        cursor.execute(
            "INSERT INTO scope_signoffs (professional_id, procedure_class, director_id, reason, until)"
            " VALUES (%s, 'injectable', %s, 'x', current_date + 1)",
            [who.pk, clinic_a.director.pk],
        )


def test_a_director_of_another_clinic_is_none_here(clinic_a: World, clinic_b: World) -> None:
    who, _what = disputed(clinic_a)
    with context.enter(clinic_b.director_user, clinic_b.clinic.pk):
        assert is_director(clinic_b.director_user.pk)
        with pytest.raises(ScopeError):
            sign_off(professional=who, procedure_class="injectable", reason="x", until=today(), on=today())


def test_a_director_without_a_licence_signs_nothing_off(clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    with clinic_a.enter(Role.MANAGER):
        verify(clinic_a.director, Verification(status="suspended", method="website", evidence="x"), on=today())
    with pytest.raises(ScopeError, match=r"own licence|O registro do próprio"):
        signed(clinic_a, who)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "  "},
        {"until": date(2020, 1, 1)},
        {"until": date(2099, 1, 1)},
    ],
)
def test_half_a_sign_off_is_refused(changes: dict[str, Any], clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    with pytest.raises(ScopeError):
        signed(clinic_a, who, **changes)


def test_the_last_day_of_a_sign_off_is_a_policy(clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    signed(clinic_a, who, until=latest_end(on=today()))


def test_what_is_not_disputed_needs_no_sign_off(clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    with clinic_a.enter(Role.MANAGER):
        rule_of(ScopeLevel.ALLOWED)
    with pytest.raises(ScopeError):
        signed(clinic_a, who)


@pytest.mark.parametrize(
    "change",
    ["reason = 'outra'", "until = '2099-01-01'", "procedure_class = 'surgery'", "signed_at = now()", "reason = ''"],
)
def test_a_sign_off_does_not_change(change: str, clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    given = signed(clinic_a, who)
    with context.enter(clinic_a.director_user, clinic_a.clinic.pk), connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
            cursor.execute(f"UPDATE scope_signoffs SET {change} WHERE id = %s", [given.pk])


def test_a_professional_who_is_no_director_does_not_end_one(clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    given = signed(clinic_a, who)
    with clinic_a.enter(Role.PROFESSIONAL), pytest.raises(ScopeError):
        end_sign_off(given.pk)


@pytest.mark.parametrize(
    ("column", "value"), [("procedure_class", "magic"), ("reason", "")], ids=["class listed", "reason given"]
)
def test_the_table_itself_refuses_half_a_sign_off(column: str, value: str, clinic_a: World) -> None:
    who, _what = disputed(clinic_a)
    fields = {"professional": who, "procedure_class": "injectable", "reason": "x", "until": today()} | {column: value}
    with context.enter(clinic_a.director_user, clinic_a.clinic.pk):
        with pytest.raises(IntegrityError, match=f"scope_signoffs_{column}"), transaction.atomic():
            ScopeSignOff.objects.create(**fields)


def test_care_does_not_begin_while_its_sign_off_is_ending(committed: None) -> None:
    """The director ends it first, and then nobody begins; what began before stays begun."""
    world = make_world("CORRIDA")
    who, what = disputed(world)
    given = signed(world, who)
    with world.enter(Role.MANAGER):
        Appointment.objects.filter(pk=world.appointments[0].pk).update(
            professional=who, service=what, day=today(), starts_at=timezone.now(),
            ends_at=timezone.now() + timedelta(minutes=30),
        )  # fmt: skip
        Appointment.objects.filter(pk=world.appointments[0].pk).update(status="arrived")
    with connect("neonpro_app", autocommit=False) as one:
        raw = Raw(one)
        raw.enter(world)
        raw.run("UPDATE scope_signoffs SET ended_at = now() WHERE id = %s", [given.pk])
        one.commit()
        raw.enter(world)
        raw.refused(
            "UPDATE appointments SET status = 'in_care' WHERE id = %s", [world.appointments[0].pk], state="23514"
        )
        one.rollback()


def test_the_agenda_says_why_care_does_not_begin(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        rule_of(ScopeLevel.FORBIDDEN)
        visit = Appointment.objects.create(
            patient=clinic_a.patients[0], professional=professional(), service=service(), day=today()
        )
        bring_to(visit, "arrived")
        with pytest.raises(BookingError) as refused:
            move_on(visit.pk, "in_care")
        assert str(refused.value) == str(REFUSALS["forbidden"])


def test_the_membership_makes_the_director(clinic_a: World) -> None:
    with context.enter(clinic_a.director_user, clinic_a.clinic.pk):
        assert is_director(clinic_a.director_user.pk)
        assert Membership.objects.filter(user=clinic_a.director_user.pk).exists()


def test_booking_outside_the_scope_warns_once_and_books(clinic_a: World) -> None:
    who, what = disputed(clinic_a)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    form = filled(
        client, "/admin/patients/appointment/add/", patient=clinic_a.patients[0].pk, professional=who.pk,
        service=what.pk, day="07/05/2031", time="09:00",
    )  # fmt: skip
    page = client.post("/admin/patients/appointment/add/", form, follow=True)
    said = [str(message) for message in page.context["messages"]]
    assert len([text for text in said if "o atendimento não vai poder começar" in text]) == 1
    with clinic_a.enter():
        assert Appointment.objects.filter(professional=who, day=date(2031, 5, 7)).exists()
