"""Who may act as a member of a council on a day: `require_licence` and its twin in SQL, and what guards the rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from clinics.licences import (
    LicenceError,
    Standing,
    Verification,
    latest_recheck,
    require_licence,
    standing,
    to_check,
    verify,
)
from clinics.models import Council, LicenceStatus, Membership, Professional, ProfessionalIdentity
from clinics.roles import Role
from tests.db.raw import Raw, connect
from tests.factories import World, make_world
from tests.licences import CPF, DIRECTOR_CPF, OTHER_CPF, verified

DAY = date(2026, 11, 25)
VERIFIED = datetime(2026, 9, 1, 15, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "council": Council.CRM, "council_number": "555", "council_uf": "SP", "status": LicenceStatus.ACTIVE,
    "verified_at": VERIFIED, "recheck_on": DAY + timedelta(days=90),
}  # fmt: skip
WITHOUT = {"council": "", "council_number": "", "council_uf": ""}

CASES: list[tuple[str, dict[str, Any], Standing]] = [
    ("active and fresh", {}, Standing.VALID),
    ("recheck well ahead", {"recheck_on": DAY + timedelta(days=30)}, Standing.VALID),
    ("recheck soon", {"recheck_on": DAY + timedelta(days=29)}, Standing.DUE),
    ("recheck today", {"recheck_on": DAY}, Standing.DUE),
    ("recheck was yesterday", {"recheck_on": DAY - timedelta(days=1)}, Standing.STALE),
    ("no recheck date", {"recheck_on": None}, Standing.STALE),
    ("valid until today", {"valid_until": DAY}, Standing.VALID),
    ("valid until yesterday", {"valid_until": DAY - timedelta(days=1)}, Standing.EXPIRED),
    ("never verified", {"status": LicenceStatus.UNVERIFIED, "verified_at": None}, Standing.UNVERIFIED),
    ("no day of verification", {"status": LicenceStatus.UNVERIFIED}, Standing.UNVERIFIED),
    *((f"{status} at the council", {"status": status}, Standing.NOT_ACTIVE)
      for status in LicenceStatus.values if status not in ("active", "unverified")),
    ("left", {"is_active": False}, Standing.LEFT),
    ("no council", WITHOUT, Standing.NONE),
    *((f"council {council}", {"council": council, "council_uf": "", "council_region": 3}, Standing.VALID)
      for council in Council.values),
]  # fmt: skip


def has_licence(professional: Professional, on: date | None = None) -> bool:
    """What the database says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.has_licence(%s, %s)", [professional.pk, on])
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_python_and_sql_agree_on_who_may_act(changes: dict[str, Any], expected: Standing, clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        professional = Professional.objects.create(full_name="Rui Sá", **(GOOD | changes))
        assert standing(professional, on=DAY) == expected
        may = expected in (Standing.VALID, Standing.DUE)
        assert has_licence(professional, DAY) is may
        if may:
            require_licence(professional, on=DAY)
        else:
            with pytest.raises(LicenceError) as refused:
                require_licence(professional, on=DAY)
            assert len(str(refused.value)) > 40
            assert "Rui" not in str(refused.value)


def test_the_database_takes_today_where_the_clinic_is(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        today = timezone.localdate()
        assert has_licence(verified(clinic_a.professional, until=today + timedelta(days=1)))
        with connection.cursor() as cursor:
            cursor.execute("SELECT (now() AT TIME ZONE 'America/Sao_Paulo')::date")
            (there,) = cursor.fetchone()
        assert has_licence(verified(clinic_a.professional, until=there))
        assert not has_licence(verified(clinic_a.professional, until=there - timedelta(days=1)))


def test_a_licence_of_another_clinic_is_none(clinic_a: World, clinic_b: World) -> None:
    with clinic_b.enter(Role.MANAGER):
        verified(clinic_b.professional)
        assert has_licence(clinic_b.professional)
    with clinic_a.enter(Role.MANAGER):
        assert not has_licence(clinic_b.professional)


# --- Verifying --------------------------------------------------------------------------------------------------------

FOUND = Verification(status="active", method="website", evidence="portal.cfm.org.br, protocolo 1")


def test_verifying_says_what_where_when_and_who(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        today = timezone.localdate()
        found = verify(clinic_a.professional, FOUND, on=today)
        manager = Membership.objects.get(role=Role.MANAGER)
        assert (found.status, found.verification_source, found.verified_by_id) == (
            "active", "portal.cfm.org.br, protocolo 1", manager.pk,
        )  # fmt: skip
        assert found.recheck_on == latest_recheck(on=today)
        assert has_licence(found)


@pytest.mark.parametrize(
    "found",
    [
        Verification(status="unverified", method="website", evidence="x"),
        Verification(status="active", method="", evidence="x"),
        Verification(status="active", method="website", evidence="  "),
        Verification(status="active", method="website", evidence="x", recheck_on=date(2099, 1, 1)),
        Verification(status="active", method="website", evidence="x", recheck_on=date(2020, 1, 1)),
    ],
)
def test_half_a_verification_is_refused(found: Verification, clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER), pytest.raises(LicenceError):
        verify(clinic_a.professional, found, on=timezone.localdate())


def test_what_was_verified_is_the_licence_that_was_seen(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        seen = Professional.objects.get(pk=clinic_a.professional.pk)
        Professional.objects.filter(pk=seen.pk).update(council_number="999")
        with pytest.raises(LicenceError):
            verify(seen, FOUND, on=timezone.localdate())


@pytest.mark.parametrize(
    "change",
    [{"council_number": "777"}, {"council_uf": "RJ"}, {"council_category": "SEC"}, {"council": Council.CRO}],
)
def test_another_licence_is_not_verified(change: dict[str, Any], clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        verified(clinic_a.professional)
        Professional.objects.filter(pk=clinic_a.professional.pk).update(**change)
        row = Professional.objects.get(pk=clinic_a.professional.pk)
        assert (row.status, row.verified_at, row.recheck_on, row.verified_by_id) == ("unverified", None, None, None)
        assert not has_licence(row)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE professionals SET recheck_on = '2099-01-01' WHERE id = %s",
        "UPDATE professionals SET valid_until = NULL WHERE id = %s",
        "UPDATE professionals SET valid_until = '2099-01-01' WHERE id = %s",
    ],
)
def test_a_licence_is_not_made_to_last_longer_without_asking_the_council(statement: str, clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        verified(clinic_a.professional)
        Professional.objects.filter(pk=clinic_a.professional.pk).update(valid_until=timezone.localdate())
        with pytest.raises(IntegrityError, match="by being verified"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement, [clinic_a.professional.pk])


def test_a_suspended_licence_is_not_made_active_by_a_change_of_status(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        verify(clinic_a.professional, Verification(status="suspended", method="contact", evidence="e-mail"),
               on=timezone.localdate())  # fmt: skip
        with pytest.raises(IntegrityError, match="by being verified"), transaction.atomic():
            Professional.objects.filter(pk=clinic_a.professional.pk).update(status="active")


def test_nobody_verifies_in_somebody_elses_name(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        dpo = Membership.objects.get(role=Role.DPO)
        Professional.objects.filter(pk=clinic_a.professional.pk).update(
            status="active", verified_at=timezone.now(), recheck_on=timezone.localdate(), verified_by=dpo
        )
        assert Professional.objects.get(pk=clinic_a.professional.pk).verified_by_id != dpo.pk
        Professional.objects.filter(pk=clinic_a.professional.pk).update(verified_by=dpo)
        assert Professional.objects.get(pk=clinic_a.professional.pk).verified_by_id != dpo.pk


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.MANAGER])
def test_only_a_manager_verifies(role: str, clinic_a: World) -> None:
    with clinic_a.enter(role):
        assert not Professional.objects.update(status="active", verified_at=timezone.now())


def test_those_to_check_come_by_urgency(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        today = timezone.localdate()
        soon = Professional.objects.create(full_name="B", **(GOOD | {"recheck_on": today + timedelta(days=3)}))
        stale = Professional.objects.create(
            full_name="C", **(GOOD | {"council_number": "2", "recheck_on": today - timedelta(days=3)})
        )
        Professional.objects.create(
            full_name="D", **(GOOD | {"council_number": "3", "recheck_on": today + timedelta(days=99)})
        )
        Professional.objects.create(full_name="E", specialty="Esteticista")
        assert [one.pk for one, _where in to_check(on=today)] == [stale.pk, clinic_a.professional.pk, soon.pk]


# --- The CPF ----------------------------------------------------------------------------------------------------------


def own(world: World) -> Professional:
    """The world's professional, as the user who has that role."""
    with world.enter(Role.MANAGER):
        world.professional.membership = Membership.objects.get(user=world.user(Role.PROFESSIONAL).pk)
        world.professional.cpf = CPF
        world.professional.save()
    return world.professional


@pytest.mark.parametrize(
    ("role", "sees"),
    [("manager", True), ("professional", True), ("reception", False), ("dpo", False), ("auditor", False)],
)
def test_the_manager_and_the_person_see_the_cpf_and_nobody_else(role: str, sees: bool, clinic_a: World) -> None:
    own(clinic_a)
    with clinic_a.enter(role), connection.cursor() as cursor:
        assert Professional.objects.get(pk=clinic_a.professional.pk).cpf == (CPF if sees else "")
        cursor.execute("SELECT * FROM professional_identities WHERE professional_id = %s", [clinic_a.professional.pk])
        assert bool(cursor.fetchall()) is sees


def test_another_professional_does_not_see_it(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        assert Professional.objects.get(pk=clinic_a.director.pk).cpf == DIRECTOR_CPF
    with clinic_a.enter(Role.PROFESSIONAL):
        assert Professional.objects.get(pk=clinic_a.director.pk).cpf == ""


def test_the_person_does_not_change_it(clinic_a: World) -> None:
    own(clinic_a)
    with clinic_a.enter(Role.PROFESSIONAL):
        assert not ProfessionalIdentity.objects.update(cpf=OTHER_CPF)


def with_cpf(name: str, cpf: str) -> Professional:
    """A new professional with a CPF."""
    made = Professional(full_name=name)
    made.cpf = cpf
    made.save()
    return made


def test_a_cpf_is_checked_changed_unique_and_taken_away(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        with pytest.raises(ValidationError):
            clinic_a.professional.cpf = "11111111111"
        first = with_cpf("A", "529.982.247-25")
        assert Professional.objects.get(pk=first.pk).cpf == CPF
        with pytest.raises(IntegrityError, match="professional_identities_one_per_cpf"), transaction.atomic():
            with_cpf("B", CPF)
        first.cpf = OTHER_CPF
        first.save(update_fields=["cpf"])
        first.refresh_from_db()
        assert first.cpf == OTHER_CPF
        first.cpf = ""
        first.save()
        assert not ProfessionalIdentity.objects.filter(professional=first).exists()
        assert CPF not in f"{first} {first!r}"


def test_the_same_person_in_two_clinics_is_no_clash(clinic_a: World, clinic_b: World) -> None:
    for world in (clinic_a, clinic_b):
        own(world)


def test_the_log_says_that_a_cpf_changed_and_not_what_it_is(clinic_a: World) -> None:
    own(clinic_a)
    with clinic_a.enter(Role.MANAGER):
        clinic_a.professional.cpf = OTHER_CPF
        clinic_a.professional.save()
        with connection.cursor() as cursor:
            cursor.execute("SELECT changes::text FROM audit_logs WHERE table_name = 'professional_identities'")
            logged = [row[0] for row in cursor.fetchall()]
    # With the director's, whom the world has.
    assert len(logged) == 3
    assert all("cpf" in text and CPF not in text and OTHER_CPF not in text for text in logged)


def test_two_who_take_the_same_cpf_at_once(committed: None) -> None:
    """The second waits for the first, and is told by the unique rule."""
    world = make_world("CORRIDA")
    with world.enter(Role.MANAGER):
        other = Professional.objects.create(full_name="Y")
    with connect("neonpro_app", autocommit=False) as one, connect("neonpro_app", autocommit=False) as two:
        insert = "INSERT INTO professional_identities (professional_id, cpf) VALUES (%s, %s)"
        for link in (one, two):
            Raw(link).enter(world)
            link.execute("SET LOCAL lock_timeout = '300ms'")
        one.execute(insert, [world.professional.pk, CPF])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            two.execute(insert, [other.pk, CPF])
        two.rollback()
        one.commit()
