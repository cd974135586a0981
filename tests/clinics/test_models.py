"""What a clinic, its team, professionals and services may be: refused by forms in words, by PostgreSQL always."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from clinics.models import (
    Clinic,
    Council,
    LicenceStatus,
    Membership,
    Professional,
    ProfessionalIdentity,
    ScopeRule,
    Service,
    User,
)
from clinics.roles import ACCESS, JOB, Role, may
from neonpro.db import context
from patients.models import RecallContact
from tests.conftest import superuser
from tests.db.conftest import cancel_a_prescription
from tests.factories import JOB as TESTS
from tests.factories import World, join, make_user, make_world

LICENCE = {"council": Council.CRM, "council_number": "123456", "council_uf": "MG"}


def professional(**fields: Any) -> Professional:
    return Professional(**{"full_name": "Dra. Nova"} | fields)


def service(**fields: Any) -> Service:
    return Service(**{"name": "Limpeza", "category": "aesthetic", "duration_minutes": 40} | fields)


BROKEN: list[tuple[str, Any]] = [
    ("clinics_cnpj_form", lambda: Clinic.objects.update(cnpj="1234")),
    ("clinics_cnes_form", lambda: Clinic.objects.update(cnes="12345a7")),
    (
        "clinics_licence_dates",
        lambda: Clinic.objects.update(licence_issued_on=date(2030, 1, 2), licence_expires_on=date(2030, 1, 2)),
    ),
    ("clinics_small_agent_reason", lambda: Clinic.objects.update(anpd_small_agent=True)),
    ("clinics_kind_listed", lambda: Clinic.objects.update(kind="shop")),
    ("clinics_time_zone_listed", lambda: Clinic.objects.update(time_zone="Europe/Lisbon")),
    ("clinic_memberships_role_listed", lambda: Membership.objects.filter(role="auditor").update(role="patient")),
    ("professionals_council_listed", lambda: professional(**LICENCE | {"council": "99"}).save()),
    ("professionals_status_listed", lambda: professional(status="famous").save()),
    ("professionals_licence_whole", lambda: professional(council=Council.CRM).save()),
    ("professionals_licence_whole", lambda: professional(council_number="1").save()),
    ("professionals_licence_whole", lambda: professional(council_uf="MG").save()),
    ("professionals_licence_whole", lambda: professional(council_region=1).save()),
    ("professionals_licence_whole", lambda: professional(**LICENCE | {"council_uf": ""}).save()),
    ("professionals_licence_whole", lambda: professional(**LICENCE | {"council_region": 1}).save()),
    ("professionals_licence_whole", lambda: professional(**LICENCE | {"council_number": ""}).save()),
    ("professionals_verified_when", lambda: professional(**LICENCE, status=LicenceStatus.ACTIVE).save()),
    ("professionals_verification_method_listed", lambda: professional(verification_method="rumour").save()),
    ("professional_identities_cpf_form", lambda: ProfessionalIdentity.objects.update(cpf="1234")),
    ("scope_rules_procedure_class_listed", lambda: ScopeRule.objects.update(procedure_class="magic")),
    ("scope_rules_council_listed", lambda: ScopeRule.objects.update(council="99")),
    ("scope_rules_level_listed", lambda: ScopeRule.objects.update(level="perhaps")),
    ("services_procedure_class_listed", lambda: service(procedure_class="magic").save()),
    ("services_category_listed", lambda: service(category="magic").save()),
    ("services_tuss_form", lambda: service(tuss_code="123").save()),
    ("services_duration_range", lambda: service(duration_minutes=4).save()),
    ("services_duration_range", lambda: service(duration_minutes=721).save()),
    ("services_price_cents_check", lambda: service(price_cents=-1).save()),
]
"""What PostgreSQL refuses, by the rule that does."""


@pytest.mark.parametrize(("rule", "attempt"), BROKEN, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(BROKEN)])
def test_the_database_refuses(rule: str, attempt: Any, clinic_a: World) -> None:
    with clinic_a.enter("manager"), pytest.raises(IntegrityError, match=rule), transaction.atomic():
        attempt()


def test_every_check_of_these_tables_is_broken_above(clinic_a: World) -> None:
    """By catalogue: a new rule asks for its line."""
    with superuser(connection.settings_dict["NAME"]) as root:
        rules = root.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (ARRAY["
            "'clinics', 'clinic_memberships', 'professionals', 'professional_identities', 'scope_rules',"
            " 'services']::regclass[])"
        ).fetchall()
    # Sign-offs are tried in test_scope.py. A PositiveIntegerField brings a check of its own, which a narrower rule of
    # ours stands in front of.
    covered = {rule for rule, _ in BROKEN} | {"services_duration_minutes_check", "professionals_council_region_check"}
    assert {str(name) for (name,) in rules} == covered


@pytest.mark.parametrize(
    "fields",
    [
        {},
        LICENCE,
        {"council": Council.CRBM, "council_number": "77", "council_region": 3},
        LICENCE | {"status": LicenceStatus.ACTIVE, "verified_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_licence_is_whole_or_there_is_none(fields: dict[str, Any], clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        made = professional(**fields)
        made.full_clean()
        made.save()


def test_a_licence_is_read_as_people_write_it(clinic_a: World) -> None:
    assert professional(**LICENCE).licence == "CRM-MG 123456"
    assert professional(council=Council.CRBM, council_number="77", council_region=3).licence == "CRBM-3 77"
    assert professional().licence == ""


def test_a_form_hears_of_a_broken_licence_in_words(clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        with pytest.raises(ValidationError, match=r"o estado ou a região|the state or the region"):
            professional(council=Council.CRM, council_number="1").full_clean()
        with pytest.raises(ValidationError) as refused:
            professional(**LICENCE, verified_at=timezone.now() + timedelta(days=1)).full_clean()
        assert set(refused.value.message_dict) == {"verified_at"}


def test_one_professional_a_licence_and_clinic(clinic_a: World, clinic_b: World) -> None:
    """Two that differ in the region alone are two; a state that is not given is the same as another that is not."""
    with clinic_a.enter("manager"):
        region = {"council": Council.CRBM, "council_number": "77"}
        professional(**region, council_region=1).save()
        professional(**region, council_region=2).save()
        with pytest.raises(IntegrityError, match="professionals_one_per_licence"), transaction.atomic():
            professional(**region, council_region=1).save()
        with pytest.raises(ValidationError):
            professional(**region, council_region=1).full_clean()
        # Without a licence there may be any number.
        professional().save()
        professional().save()
    with clinic_b.enter("manager"):
        professional(**region, council_region=1).save()


def test_one_service_a_name_and_clinic_whatever_the_case(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter("manager"):
        service().save()
        with pytest.raises(IntegrityError, match="services_one_per_name"), transaction.atomic():
            service(name="LIMPEZA").save()
    with clinic_b.enter("manager"):
        service().save()


def test_one_place_a_person_and_clinic(clinic_a: World, clinic_b: World) -> None:
    with pytest.raises(IntegrityError, match="clinic_memberships_one_per_user"), transaction.atomic():
        join(clinic_a.user("dpo"), clinic_a.clinic.pk, Role.AUDITOR)
    join(clinic_a.user("dpo"), clinic_b.clinic.pk, Role.AUDITOR)
    with clinic_a.enter("manager"):
        assert Membership.objects.filter(user_id=clinic_a.user("dpo").pk).first() is not None
        assert Membership.objects.filter(user_id=clinic_b.user("dpo").pk).first() is None


def test_one_account_an_address_whatever_the_case(db: None) -> None:
    make_user("alguem@nenhures.example")
    with pytest.raises(IntegrityError, match="users_one_per_email"), transaction.atomic():
        make_user("ALGUEM@nenhures.example")
    with context.enter(context.SignIn(), None):
        assert User.objects.get_by_natural_key("Alguem@Nenhures.example").email == "alguem@nenhures.example"


def test_a_technical_director_is_of_the_same_clinic(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter("manager"):
        Clinic.objects.update(technical_director=clinic_a.professional)
        with pytest.raises(IntegrityError, match="clinics_director_same_clinic"), transaction.atomic():
            Clinic.objects.update(technical_director=clinic_b.professional.pk)


def test_the_database_keeps_the_two_times_of_a_row(clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        before = Service.objects.get(pk=clinic_a.service.pk)
        Service.objects.update(updated_at="2001-01-01T00:00Z", created_at="2001-01-01T00:00Z", price_cents=1)
        after = Service.objects.get(pk=clinic_a.service.pk)
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at


def test_the_table_of_roles_is_what_the_policies_enforce(db: None) -> None:
    """For each table and role: what ACCESS says, tried in SQL."""
    clinic_a = make_world("ALFAZEMA", signed=True)
    cancel_a_prescription(clinic_a)
    for table, access in ACCESS.items():
        for role in Role.values:
            # Of the professionals one alone leads recalls: the technical director.
            leads = table == "recall_contacts" and role == Role.PROFESSIONAL
            who = clinic_a.director_user if leads else clinic_a.user(role)
            with context.enter(who, clinic_a.clinic.pk), connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table}")
                (seen,) = cursor.fetchone()
                if (table, role) == ("professional_identities", Role.PROFESSIONAL):
                    # Their own, by a policy of its own; of the others' nothing.
                    seen -= ProfessionalIdentity.objects.filter(professional=clinic_a.professional).count()
                if table not in {"audit_logs", "resource_permissions"}:
                    assert bool(seen) == may(role, "view", table), (role, table)
                if not may(role, "change", table) and "change" in access:
                    cursor.execute(f"UPDATE {table} SET created_at = created_at")
                    assert cursor.rowcount == 0, (role, table)
                if not may(role, "delete", table) and "delete" in access:
                    cursor.execute(f"DELETE FROM {table}")
                    assert cursor.rowcount == 0, (role, table)
    with clinic_a.enter(Role.PROFESSIONAL):
        assert not RecallContact.objects.exists(), "who was reached is not for every professional"
    assert not may(None, "view", "patients")
    assert not may(JOB, "view", "nothing")


def test_a_role_is_a_set_of_permissions_too(clinic_a: World, clinic_b: World) -> None:
    manager = clinic_a.user("manager")
    assert not manager.has_perm("clinics.view_clinic"), "there is no clinic open"
    with clinic_a.enter("manager"):
        assert manager.has_perm("clinics.change_membership")
        assert manager.has_module_perms("patients")
        assert not manager.has_perm("patients.delete_patient")
        assert not clinic_a.user("dpo").has_perm("clinics.view_clinic"), "it is somebody else's context"
        assert manager.get_all_permissions() >= {"clinics.view_service", "patients.add_patient"}
        assert manager.get_all_permissions(clinic_a.service) == set()
        assert manager.get_group_permissions() == set()
    with clinic_a.enter("auditor"):
        auditor = clinic_a.user("auditor")
        assert not auditor.has_perm("patients.view_patient")
        assert of_patients(auditor) == NOBODYS
        assert not auditor.has_module_perms("ai")


NOBODYS = {"view_product", "view_productlot", "view_stockmovement", "view_substance"}
"""All that an auditor may in the app of the patients: what is on the shelf is nobody's data."""


def of_patients(user: User) -> set[str]:
    """What somebody may in the app of the patients."""
    app = "patients."
    return {name.removeprefix(app) for name in user.get_all_permissions() if name.startswith(app)}


def test_a_platform_superuser_has_no_permission_by_that(clinic_a: World) -> None:
    root = make_user("raiz@plataforma.example", superuser=True)
    join(root, clinic_a.clinic.pk, Role.AUDITOR)
    with context.enter(root, clinic_a.clinic.pk):
        assert root.is_superuser
        assert not root.has_perm("patients.view_patient")
        # What an auditor may, and no more.
        assert of_patients(root) == NOBODYS
        assert not root.has_module_perms("ai")
    root.is_active = False
    assert not root.is_staff
    with context.enter(TESTS, clinic_a.clinic.pk):
        assert not root.has_perm("clinics.view_clinic")


@pytest.mark.parametrize("model", [Clinic, Membership, Professional, Service])
def test_str_of_a_row_of_the_staff_is_its_name(model: type[models.Model], clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        assert "ALFAZEMA" in str(model._default_manager.first()).upper()
