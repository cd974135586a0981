"""Every page that shows a patient leaves its trace: which rows, of which patients, for what, in which request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import URLPattern, reverse

from clinics.purposes import purpose_word
from clinics.roles import Role
from compliance import keyset
from compliance.models import AuditLog, DisposalAct, DisposalItem, ResourcePermission
from neonpro.db import context
from neonpro.vault.fields import SealedError
from neonpro.vault.keys import purpose
from patients.models import Appointment, Patient
from tests.factories import JOB, World, make_world
from tests.grants import grant
from tests.visits import filled, signed_in

READINGS = ("READ", "LIST", "SEARCH", "WRITE", "EXPORT", "DENIED", "UNREADABLE")
NAME, EVERYTHING = ["identification"], ["identification", "contact"]

Expected = list[tuple[str, list[str], int]]
"""Of each audit row: the action, the categories that were opened, of how many patients."""


def readings(world: World, request_id: Any) -> list[AuditLog]:
    """What the log says of one request, in the order in which it happened."""
    with world.enter(Role.DPO):
        rows = AuditLog.objects.filter(request_id=request_id, action__in=READINGS)
        return list(rows.order_by("created_at", "id"))


def told(rows: list[AuditLog]) -> Expected:
    return sorted((row.action, (row.changes or {}).get("categories", []), len(row.patients or ())) for row in rows)


@dataclass
class House:
    """A clinic with something on every page."""

    world: World
    granted: ResourcePermission

    @property
    def patient(self) -> Patient:
        return self.world.patients[0]

    @property
    def visit(self) -> Appointment:
        return self.world.appointments[0]

    def url(self, name: str, *arguments: Any) -> str:
        return reverse(f"admin:{name}", args=arguments)


@pytest.fixture
def house(clinic_a: World) -> House:
    with context.enter(JOB, clinic_a.clinic.pk):
        for number, patient in enumerate(clinic_a.patients[:2]):
            now = datetime.now(UTC)
            Appointment.objects.create(patient=patient, starts_at=now, ends_at=now.replace(year=now.year + number + 1))
    return House(clinic_a, grant(clinic_a, clinic_a.patients[0]))


def entry_of(house: House) -> str:
    """The address of a log entry about one patient."""
    with house.world.enter(Role.MANAGER):
        row = AuditLog.objects.filter(patient_id=house.patient.pk).order_by("created_at")[0]
    return str(keyset.key_of(row))


Visit = Callable[[House, Client], Any]

AUTOCOMPLETE = {"app_label": "patients", "model_name": "appointment", "field_name": "patient"}


def listed(house: House) -> str:
    """A record that an act eliminates; each test wants one act."""
    with house.world.enter(Role.DPO):
        act = DisposalAct.objects.create(
            number="3/2026", decided_on=date(2026, 1, 5), members="Ana Lima", choice="ELIMINATE", reason="prazo",
            recorded_by=house.world.user(Role.DPO),
        )  # fmt: skip
        made = DisposalItem.objects.create(
            act=act, patient_id=house.patient.pk, kept_until=date(2001, 1, 1), plan_digest="0" * 64
        )
    return str(made.pk)


def act(house: House) -> str:
    """The act that lists it."""
    made = listed(house)
    with house.world.enter(Role.DPO):
        return str(DisposalItem.objects.get(pk=made).act_id)


def get(name: str, *arguments: Callable[[House], Any], query: str = "") -> Visit:
    return lambda house, client: client.get(house.url(name, *(argument(house) for argument in arguments)) + query)


def found(name: str, term: str) -> Visit:
    """The page of a search's result; what the search box posted was another request, and only sealed the term."""

    def visit(house: House, client: Client) -> Any:
        sent = client.post(house.url(name), {"q": term})
        assert sent.status_code == 302
        assert readings(house.world, sent.headers["X-Request-ID"]) == []
        return client.get(sent.headers["Location"])

    return visit


def save(page: str, /, *arguments: Callable[[House], Any], **changes: Any) -> Visit:
    def visit(house: House, client: Client) -> Any:
        url = house.url(page, *(argument(house) for argument in arguments))
        return client.post(url, filled(client, url, **changes))

    return visit


def patient(house: House) -> Any:
    return house.patient.pk


def appointment(house: House) -> Any:
    return house.visit.pk


def granted(house: House) -> Any:
    return house.granted.pk


def colleague(house: House) -> Any:
    return house.world.user(Role.DPO).pk


PAGES: list[tuple[str, str, Visit, int, Expected]] = [
    ("index", Role.RECEPTION, get("index"), 200, [("LIST", NAME, 2)]),
    ("index", Role.AUDITOR, get("index"), 200, []),
    ("search", Role.RECEPTION, lambda h, c: c.post(h.url("search"), {"s": "paciente"}), 200,
     [("LIST", NAME, 3), ("SEARCH", [], 0)]),
    ("autocomplete", Role.RECEPTION,
     lambda h, c: c.post(h.url("autocomplete"), AUTOCOMPLETE | {"term": "paciente"}), 200,
     [("LIST", NAME, 3), ("SEARCH", [], 0)]),
    ("autocomplete", Role.RECEPTION, lambda h, c: c.post(h.url("autocomplete"), AUTOCOMPLETE | {"term": ""}), 200,
     [("LIST", NAME, 3)]),
    ("autocomplete", Role.AUDITOR, lambda h, c: c.post(h.url("autocomplete"), AUTOCOMPLETE | {"term": "p"}), 403, []),
    # --- patients
    ("patients_patient_changelist", Role.MANAGER, get("patients_patient_changelist"), 200, [("LIST", EVERYTHING, 3)]),
    ("patients_patient_changelist", Role.AUDITOR, get("patients_patient_changelist"), 403, []),
    ("patients_patient_changelist", Role.RECEPTION, found("patients_patient_changelist", "alfaz"), 200,
     [("LIST", EVERYTHING, 3), ("SEARCH", [], 0)]),
    ("patients_patient_changelist", Role.RECEPTION, found("patients_patient_changelist", "a"), 200, []),
    ("patients_patient_change", Role.PROFESSIONAL, get("patients_patient_change", patient), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_patient_change", Role.AUDITOR, get("patients_patient_change", patient), 403, []),
    ("patients_patient_page", Role.PROFESSIONAL, get("patients_patient_page", patient), 200,
     [("READ", [*EVERYTHING, "clinical"], 1)]),
    ("patients_patient_page", Role.RECEPTION, get("patients_patient_page", patient), 200, [("READ", EVERYTHING, 1)]),
    ("patients_patient_page", Role.AUDITOR, get("patients_patient_page", patient), 403, []),
    ("patients_patient_page_print", Role.MANAGER, get("patients_patient_page_print", patient), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_patient_accesses", Role.DPO, get("patients_patient_accesses", patient), 200, [("READ", NAME, 1)]),
    ("patients_patient_accesses", Role.RECEPTION, get("patients_patient_accesses", patient), 403, []),
    ("patients_patient_change", Role.RECEPTION, save("patients_patient_change", patient, mother_name="Rita"), 302,
     [("READ", EVERYTHING, 1)]),
    ("patients_patient_change", Role.RECEPTION, save("patients_patient_change", patient, cpf="529.982.247-25"), 302,
     [("READ", EVERYTHING, 1), ("SEARCH", [], 0)]),
    ("patients_patient_add", Role.RECEPTION, get("patients_patient_add"), 200, []),
    ("patients_patient_add", Role.RECEPTION, save("patients_patient_add", name="Ana", cpf="529.982.247-25"), 302,
     [("SEARCH", [], 0)]),
    ("patients_patient_delete", Role.MANAGER, get("patients_patient_delete", patient), 403, []),
    ("patients_patient_history", Role.MANAGER, get("patients_patient_history", patient), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_patient_records", Role.PROFESSIONAL, get("patients_patient_records", patient), 200,
     [("READ", ["identification", "clinical"], 1)]),
    ("patients_patient_records", Role.RECEPTION, get("patients_patient_records", patient), 403, []),
    ("patients_patient_alerts", Role.PROFESSIONAL, get("patients_patient_alerts", patient), 200,
     [("READ", ["identification", "clinical"], 1)]),
    ("patients_patient_care", Role.MANAGER, get("patients_patient_care", patient), 200, [("READ", NAME, 1)]),
    ("patients_patient_book", Role.RECEPTION, get("patients_patient_book", patient), 302, []),
    ("patients_patient_restrict", Role.DPO, get("patients_patient_restrict", patient), 200, [("READ", NAME, 1)]),
    ("patients_patient_restrict", Role.MANAGER, get("patients_patient_restrict", patient), 403, []),
    ("patients_patient_lift", Role.DPO, get("patients_patient_lift", patient), 403, []),
    ("patients_patient_permissions", Role.MANAGER, get("patients_patient_permissions", patient), 200,
     [("READ", NAME, 1)]),
    ("patients_patient_permissions_manage_user", Role.MANAGER,
     get("patients_patient_permissions_manage_user", patient, colleague), 200, [("READ", NAME, 1)]),
    ("patients_patient_permissions_manage_group", Role.MANAGER,
     get("patients_patient_permissions_manage_group", patient, lambda house: 1), 404, []),
    # --- appointments
    ("patients_appointment_changelist", Role.RECEPTION, get("patients_appointment_changelist", query="?when=all"), 200,
     [("LIST", NAME, 3)]),
    ("patients_appointment_changelist", Role.RECEPTION, found("patients_appointment_changelist", "paciente"), 200,
     [("LIST", NAME, 3), ("SEARCH", [], 0)]),
    ("patients_appointment_change", Role.RECEPTION, get("patients_appointment_change", appointment), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_appointment_change", Role.DPO, get("patients_appointment_change", appointment), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_appointment_change", Role.RECEPTION, save("patients_appointment_change", appointment, note="x"), 302,
     [("READ", EVERYTHING, 1)]),
    ("patients_appointment_add", Role.RECEPTION, get("patients_appointment_add"), 200, []),
    ("patients_appointment_add", Role.RECEPTION,
     lambda h, c: c.get(h.url("patients_appointment_add"), {"patient": str(h.patient.pk)}), 200, [("LIST", NAME, 1)]),
    # The patient who is in the way is named, and so is the one whose form comes back.
    ("patients_appointment_add", Role.RECEPTION,
     lambda h, c: save("patients_appointment_add", patient=h.world.patients[1].pk, professional=h.world.professional.pk,
                       service=h.world.service.pk, day="07/01/2030", time="09:15")(h, c), 200,
     [("LIST", NAME, 1), ("LIST", NAME, 1)]),
    ("patients_appointment_day", Role.RECEPTION, get("patients_appointment_day", query="?day=2030-01-07"), 200,
     [("LIST", NAME, 3)]),
    ("patients_appointment_day", Role.AUDITOR, get("patients_appointment_day"), 403, []),
    ("patients_appointment_week", Role.RECEPTION,
     lambda h, c: c.get(
         h.url("patients_appointment_week"), {"day": "2030-01-07", "professional": str(h.world.professional.pk)}
     ), 200, [("LIST", NAME, 3)]),
    ("patients_appointment_reminders", Role.RECEPTION,
     get("patients_appointment_reminders", query="?day=2030-01-07"), 200, [("LIST", EVERYTHING, 3)]),
    ("patients_appointment_reminders", Role.DPO, get("patients_appointment_reminders"), 403, []),
    ("patients_appointment_delete", Role.MANAGER, get("patients_appointment_delete", appointment), 403, []),
    ("patients_appointment_history", Role.MANAGER, get("patients_appointment_history", appointment), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_appointment_cancel", Role.RECEPTION, get("patients_appointment_cancel", appointment), 200,
     [("READ", NAME, 1)]),
    ("patients_appointment_cancel", Role.RECEPTION,
     lambda h, c: c.post(h.url("patients_appointment_cancel", h.visit.pk), {"reason": "viajou"}), 302,
     [("WRITE", ["contact"], 1)]),
    # --- prescriptions
    ("patients_patient_prescriptions", Role.PROFESSIONAL, get("patients_patient_prescriptions", patient), 200,
     [("READ", ["identification", "clinical"], 1)]),
    ("patients_patient_prescriptions", Role.RECEPTION, get("patients_patient_prescriptions", patient), 403, []),
    # --- products and telemedicine
    ("patients_patient_products", Role.PROFESSIONAL, get("patients_patient_products", patient), 200,
     [("READ", ["identification", "clinical", "images"], 1)]),
    ("patients_patient_products", Role.RECEPTION, get("patients_patient_products", patient), 403, []),
    ("patients_patient_apply", Role.PROFESSIONAL, get("patients_patient_apply", patient), 200,
     [("READ", ["identification", "clinical"], 1)]),
    ("patients_patient_apply", Role.MANAGER, get("patients_patient_apply", patient), 403, []),
    ("patients_appointment_apply_product", Role.PROFESSIONAL, get("patients_appointment_apply_product", appointment),
     302, []),
    ("patients_appointment_apply_product", Role.RECEPTION, get("patients_appointment_apply_product", appointment),
     403, []),
    ("patients_appointment_session", Role.RECEPTION, get("patients_appointment_session", appointment), 302, []),
    ("patients_appointment_session", Role.DPO, get("patients_appointment_session", appointment), 403, []),
    # --- compliance
    ("patients_patient_consents", Role.RECEPTION, get("patients_patient_consents", patient), 200, [("READ", NAME, 1)]),
    ("patients_patient_consents", Role.AUDITOR, get("patients_patient_consents", patient), 403, []),
    ("patients_patient_my_data", Role.RECEPTION, get("patients_patient_my_data", patient), 200,
     [("READ", EVERYTHING, 1)]),
    ("patients_patient_my_data", Role.AUDITOR, get("patients_patient_my_data", patient), 403, []),
    ("compliance_auditlog_proof", Role.DPO, get("compliance_auditlog_proof", entry_of), 404, []),
    ("compliance_auditlog_proof", Role.RECEPTION, get("compliance_auditlog_proof", entry_of), 403, []),
    ("compliance_auditlog_changelist", Role.DPO, get("compliance_auditlog_changelist"), 200, [("LIST", NAME, 3)]),
    ("compliance_auditlog_changelist", Role.AUDITOR, get("compliance_auditlog_changelist"), 200, []),
    ("compliance_auditlog_change", Role.DPO, get("compliance_auditlog_change", entry_of), 200, [("READ", NAME, 1)]),
    ("compliance_auditlog_change", Role.AUDITOR, get("compliance_auditlog_change", entry_of), 200, []),
    ("compliance_auditlog_add", Role.DPO, get("compliance_auditlog_add"), 403, []),
    ("compliance_auditlog_delete", Role.DPO, get("compliance_auditlog_delete", entry_of), 403, []),
    ("compliance_auditlog_history", Role.DPO, get("compliance_auditlog_history", entry_of), 404, []),
    # An act names records by their number alone; a name is opened where a record is eliminated.
    ("compliance_disposalact_changelist", Role.DPO, get("compliance_disposalact_changelist"), 200, []),
    ("compliance_disposalact_changelist", Role.MANAGER, get("compliance_disposalact_changelist"), 403, []),
    ("compliance_disposalact_add", Role.DPO, get("compliance_disposalact_add"), 200, []),
    ("compliance_disposalact_change", Role.DPO, get("compliance_disposalact_change", act), 200, []),
    ("compliance_disposalitem_changelist", Role.DPO,
     lambda h, c: (listed(h), c.get(h.url("compliance_disposalitem_changelist")))[1], 200, [("LIST", NAME, 1)]),
    ("compliance_disposalitem_change", Role.DPO, get("compliance_disposalitem_change", listed), 200,
     [("READ", NAME, 1)]),
    ("compliance_disposalitem_erasure", Role.DPO, get("compliance_disposalitem_erasure", listed), 200,
     [("READ", NAME, 1)]),
    ("compliance_disposalitem_erasure", Role.MANAGER, get("compliance_disposalitem_erasure", listed), 403, []),
    ("compliance_resourcepermission_changelist", Role.MANAGER, get("compliance_resourcepermission_changelist"), 200,
     [("LIST", NAME, 1)]),
    ("compliance_resourcepermission_change", Role.MANAGER, get("compliance_resourcepermission_change", granted), 200,
     [("READ", NAME, 1)]),
    ("compliance_resourcepermission_add", Role.MANAGER, get("compliance_resourcepermission_add"), 200, []),
    ("compliance_resourcepermission_delete", Role.MANAGER, get("compliance_resourcepermission_delete", granted), 200,
     []),
    ("compliance_resourcepermission_history", Role.MANAGER, get("compliance_resourcepermission_history", granted), 200,
     []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "role", "visit", "status", "expected"), PAGES, ids=[f"{n}-{p[0]}-{p[1]}" for n, p in enumerate(PAGES)]
)
def test_each_page_leaves_its_readings(
    page: str, role: str, visit: Visit, status: int, expected: Expected, house: House
) -> None:
    answer = visit(house, signed_in(house.world.user(role)))
    assert answer.status_code == status
    rows = readings(house.world, answer.headers["X-Request-ID"])
    assert told(rows) == expected
    for row in rows:
        assert row.changes is not None
        assert row.changes["purpose"] == f"admin:{page}"
        assert (row.actor, row.role) == (str(house.world.user(role).pk), role)
        assert row.patient_id == (row.patients[0] if row.patients and len(row.patients) == 1 else None)


def test_no_page_is_forgotten_above() -> None:
    """By the registry: a new page of these models asks for its line."""
    pages = {
        pattern.name
        for model in (Patient, Appointment, AuditLog, ResourcePermission)
        for pattern in admin.site._registry[model].get_urls()
        if isinstance(pattern, URLPattern) and pattern.name
    }
    assert pages <= {page for page, *_rest in PAGES}


def test_every_purpose_above_has_words() -> None:
    for page, *_rest, expected in PAGES:
        assert not expected or purpose_word(f"admin:{page}") != f"admin:{page}"
    assert purpose_word("job:nightly") != "job:nightly"
    assert purpose_word("admin:no_such_page") == "admin:no_such_page"


def test_a_request_that_fails_leaves_its_reading(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page opened keys, then its view failed and everything was rolled back; what was read stays read."""
    world = make_world("ALFAZEMA")
    client = signed_in(world.user(Role.RECEPTION), raise_request_exception=False)
    read: list[str] = []

    def fail(self: Any, request: Any, context: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        read.append(context["original"].name)
        raise ValueError("the view's mistake")

    monkeypatch.setattr("patients.admin.patients.PatientAdmin.render_change_form", fail)
    answer = client.get(f"/admin/patients/patient/{world.patients[0].pk}/change/")
    assert (answer.status_code, len(read)) == (500, 1)
    rows = readings(world, answer.headers["X-Request-ID"])
    assert told(rows) == [("READ", EVERYTHING, 1)]
    assert rows[0].changes is not None
    assert rows[0].changes["undone"] is True


def test_two_requests_do_not_share_a_purpose(house: House) -> None:
    client = signed_in(house.world.user(Role.RECEPTION))
    client.get(house.url("patients_patient_changelist"))
    with house.world.enter(Role.DPO):
        assert Patient.objects.get(pk=house.patient.pk).name
        row = AuditLog.objects.filter(action="READ", actor=str(house.world.user(Role.DPO).pk)).latest("created_at")
        assert row.changes is not None
        assert row.changes["purpose"] == "shell", "the request's ended with it"


def test_outside_the_pages_a_value_has_its_trace_or_is_none(house: House) -> None:
    """A shell, a script, raw SQL: each way to a plain value leaves a row, or gives ciphertext, or is refused."""
    world = house.world

    def count() -> int:
        return AuditLog.objects.filter(action__in=READINGS).count()

    with world.enter(Role.MANAGER):
        ways: list[Callable[[], Any]] = [
            lambda: Patient.objects.get(pk=house.patient.pk).name,
            lambda: [patient.name for patient in Patient.objects.all()],
            lambda: [patient.name for patient in Patient.objects.raw("SELECT * FROM patients")],
            lambda: [patient.phone for patient in Patient.objects.iterator(chunk_size=10)],
            lambda: Appointment.objects.select_related("patient")[0].patient.display_name,
        ]
        for way in ways:
            with context.enter(world.user(Role.MANAGER), world.clinic.pk), purpose("a test"):
                before = count()
                value = way()
                assert "Paciente" in str(value) or "+55" in str(value)
                assert count() > before
                latest = AuditLog.objects.filter(action__in=READINGS).latest("created_at", "id")
                assert latest.changes is not None
                assert latest.changes["purpose"] == "a_test"
        before = count()
        for refused in (Patient.objects.values("name"), Patient.objects.values_list("phone"), Patient.objects.values()):
            with pytest.raises(SealedError):
                list(refused)
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, birth_date, phone FROM patients WHERE id = %s", [house.patient.pk])
            assert "Paciente" not in str([bytes(value or b"") for value in cursor.fetchone()])
        assert count() == before


# --- what the log's pages say of it ----------------------------------------------------------------------------------


def test_the_log_says_readings_in_words(house: House) -> None:
    client = signed_in(house.world.user(Role.DPO))
    listed = signed_in(house.world.user(Role.RECEPTION)).get(house.url("patients_patient_changelist"))
    with house.world.enter(Role.DPO):
        row = AuditLog.objects.get(request_id=listed.headers["X-Request-ID"], action="LIST")
    page = client.get(house.url("compliance_auditlog_changelist"), {"action": "LIST"})
    (line,) = (line for line in page.context["rows"] if str(row.id) in line["link"])
    assert line["patients"] == 3
    assert line["purpose"] == purpose_word("admin:patients_patient_changelist")
    assert "LIST" not in (line["action"], line["purpose"])
    facts = {str(name): value for name, value in client.get(line["link"]).context["facts"]}
    values = [str(value) for value in facts.values()]
    assert "3" in values
    assert line["purpose"] in values
    assert not [value for value in values if "admin:" in value or "identification" in value.split(", ")[1:]]


def test_ciphertext_is_not_shown(house: House) -> None:
    client = signed_in(house.world.user(Role.MANAGER))
    url = house.url("patients_patient_change", house.patient.pk)
    assert (
        client.post(url, filled(client, url, mother_name="Mãe", birth_date="01/02/1990", phone="")).status_code == 302
    )
    entry = client.get(house.url("compliance_auditlog_changelist"), {"action": "UPDATE"}).context["rows"][0]
    for page in (client.get(entry["link"]), client.get(house.url("patients_patient_history", house.patient.pk))):
        text = page.content.decode()
        assert "\\x01" not in text
        assert "x01" not in text
    changes = {change.field: change.what for change in client.get(entry["link"]).context["changes"] if change.withheld}
    assert len(set(changes.values())) == 2, "filled in, and emptied"
