"""Clinics with people in them, made the way the product makes them: in a context, as the application's role."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

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
    User,
)
from clinics.roles import Role
from compliance import consents
from compliance.models import (
    Channel,
    ConsentText,
    DataRequest,
    DisposalAct,
    DisposalChoice,
    DisposalItem,
    Erasure,
    HolderCode,
    HolderContact,
    HolderSession,
    LegalHold,
    RequestChannel,
    RequestDigest,
    RequestType,
)
from compliance.purposes import Purpose
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.vault.fields import encrypted_fields
from patients import records
from patients.models import (
    Absence,
    AdverseEvent,
    ApplicationVoid,
    Appointment,
    AppointmentStatus,
    ClinicalPhoto,
    MedicalRecord,
    Patient,
    PatientAlert,
    PrescribingCouncil,
    Prescription,
    PrescriptionItem,
    PrescriptionSignature,
    PrescriptionStatus,
    PrescriptionTemplate,
    ProductApplication,
    ProductLot,
    RecallContact,
    RecordSignature,
    RecordTemplate,
    Reminder,
    StockMovement,
    TelemedicineSession,
    WaitingEntry,
    WorkingHours,
)
from tests.licences import DIRECTOR_CPF, verified
from tests.products import TINY_JPEG, make_application, make_lot, make_product

PASSWORD = "senha de teste bem longa"
JOB = Job("tests")


@dataclass
class World:
    """A clinic, one user for each role, a professional, a service, patients, and a canary that marks all its texts."""

    clinic: Clinic
    canary: str
    users: dict[str, User] = field(default_factory=dict)
    professional: Professional = None  # type: ignore[assignment]  # set as it is made
    director: Professional = None  # type: ignore[assignment]
    director_user: User = None  # type: ignore[assignment]
    service: Service = None  # type: ignore[assignment]
    patients: list[Patient] = field(default_factory=list)
    appointments: list[Appointment] = field(default_factory=list)
    session: TelemedicineSession = None  # type: ignore[assignment]
    template: RecordTemplate = None  # type: ignore[assignment]
    record: MedicalRecord = None  # type: ignore[assignment]
    """A finalised entry of the last patient, by the professional, who cares for all of them."""
    alert: PatientAlert = None  # type: ignore[assignment]
    prescription: Prescription = None  # type: ignore[assignment]
    """A draft of the last patient, by the professional."""
    signature: RecordSignature = None  # type: ignore[assignment]
    """Of another entry of the last patient. It does not verify: nothing in it is real."""
    lot: ProductLot = None  # type: ignore[assignment]
    """A recalled lot, of which the last patient got something."""
    application: ProductApplication = None  # type: ignore[assignment]
    photo: ClinicalPhoto = None  # type: ignore[assignment]
    event: AdverseEvent = None  # type: ignore[assignment]

    def user(self, role: str) -> User:
        """The user who has a role here."""
        return self.users[role]

    def enter(self, role: str = Role.RECEPTION) -> Any:
        """`context.enter` as the user who has a role here."""
        return context.enter(self.users[role], self.clinic.pk)


def opened(record: Any) -> Any:
    """A record with all its values open, for a test that looks at them after its context has ended."""
    for found in encrypted_fields(type(record)):
        getattr(record, found.attname)
    return record


def named(name: str) -> Patient:
    """The current clinic's only patient of a name, all open: PostgreSQL cannot find one by it."""
    (found,) = (patient for patient in Patient.objects.all() if patient.name == name)
    patient: Patient = opened(found)
    return patient


def make_user(email: str, *, superuser: bool = False) -> User:
    """An account that can sign in with PASSWORD and is a member of nothing."""
    with context.enter(JOB, None):
        return User.objects.create_user(email, PASSWORD, is_superuser=superuser)


def join(user: User, clinic: UUID, role: str, *, name: str = "") -> Membership:
    """Make a user a member of a clinic."""
    with context.enter(JOB, clinic):
        return Membership.objects.create(
            clinic_id=clinic, user=user, role=role, display_name=name or f"{role} {user.email}", email=user.email
        )


def make_world(
    canary: str, *, patients: int = 3, time_zone: str = "America/Sao_Paulo", director: bool = True, signed: bool = False
) -> World:
    """A clinic with a user for each role, a professional, a service, patients and an appointment for each.

    Its technical director signed off the one disputed cell of its matrix. With `signed` one entry has a signature and
    one patient has consented, whose making leaves traces that tests may count.
    """
    clinic_id = uuid4()
    with context.enter(JOB, clinic_id):
        clinic = Clinic.objects.create(
            id=clinic_id, trade_name=f"Clínica {canary}", legal_name=f"{canary} Ltda.", time_zone=time_zone
        )
    world = World(clinic, canary)
    memberships: dict[str, Membership] = {}
    for role in Role.values:
        user = make_user(f"{role}@{canary.lower()}.example")
        memberships[role] = join(user, clinic_id, role, name=f"{role} {canary}")
        world.users[role] = user
    with context.enter(JOB, clinic_id):
        world.professional = Professional.objects.create(
            full_name=f"Dra. {canary}", council=Council.CRM, council_number="123456", council_uf="SP",
            membership=memberships[Role.PROFESSIONAL],
        )  # fmt: skip
        world.service = Service.objects.create(
            name=f"Consulta {canary}", category="consultation", duration_minutes=30, price_cents=25_000
        )
        for number in range(patients):
            patient = Patient.objects.create(
                name=f"Paciente {canary} {number}", phone="11987654321", email=f"p{number}@{canary.lower()}.example"
            )
            world.patients.append(patient)
            starts_at = datetime(2030, 1, 7, 12, tzinfo=UTC) + timedelta(hours=number)
            world.appointments.append(
                Appointment.objects.create(
                    patient=patient,
                    professional=world.professional,
                    service=world.service,
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(minutes=30),
                    note=f"recado {canary}",
                )
            )
        if world.patients:
            add_agenda(world)
    if director:
        _direct(world)
    if patients > 1:
        # The only patient of a small clinic is one that tests count the traces of.
        _write(world)
        if signed:
            _plan_session(world)
            _apply(world)
            _consent(world)
            _open_page(world)
            _sign(world)
            _ask(world)
            _dispose(world)
    return world


def _dispose(world: World) -> None:
    """An act of the committee about a record of long ago, which it goes on keeping."""
    with world.enter(Role.DPO):
        act = DisposalAct.objects.create(
            number="1/2026", decided_on=date(2026, 1, 5), members=f"Comissão {world.canary}",
            choice=DisposalChoice.KEEP, reason=f"ensino {world.canary}", recorded_by=world.user(Role.DPO),
        )  # fmt: skip
        DisposalItem.objects.create(
            act=act, patient_id=world.patients[0].pk, kept_until=date(2001, 1, 1), plan_digest="0" * 64
        )


def _ask(world: World) -> None:
    """A request of the first patient about their data, and a legal hold that was over long ago and holds nothing."""
    patient = world.patients[0].pk
    with world.enter(Role.DPO):
        DataRequest.objects.create(patient_id=patient, kind=RequestType.ACCESS, channel=RequestChannel.IN_PERSON)
        LegalHold.objects.create(
            patient_id=patient,
            reason=f"processo {world.canary}",
            placed_by=world.user(Role.DPO),
            until=date(2001, 1, 1),
        )
        # A proposal that nobody will ever approve: nothing is as its plan says.
        asked = DataRequest.objects.create(
            patient_id=patient, kind=RequestType.ERASURE, channel=RequestChannel.IN_PERSON, identity_check="document"
        )
        Erasure.objects.create(
            request=asked, patient_id=patient, plan={"on": "2026-01-01", "lines": []}, plan_digest="0" * 64,
            proposed_by=world.user(Role.DPO),
        )  # fmt: skip
    with context.enter(JOB, world.clinic.pk):
        RequestDigest.objects.create(week=date(2026, 1, 5), waiting=1, overdue=0)


def _apply(world: World) -> None:
    """What the professional applied to the last patient, from a lot that was recalled later, and what came of it."""
    canary, patient = world.canary, world.patients[-1]
    with world.enter(Role.PROFESSIONAL):
        product = make_product(name=f"Toxina {canary}")
        world.lot = make_lot(product, number=f"LOTE-{canary}")
        StockMovement.objects.create(lot=world.lot, kind="received", quantity=10, reason=f"nota {canary}")
        world.application = make_application(world.lot, patient, world, body_site=f"fronte {canary}")
        wrong = make_application(world.lot, patient, world, body_site=f"engano {canary}")
        ApplicationVoid.objects.create(application=wrong, patient=patient, reason=f"engano {canary}")
        world.photo = ClinicalPhoto.objects.create(
            patient=patient, application=world.application, moment="before", taken_at=timezone.now(),
            caption=f"foto {canary}", content=TINY_JPEG, thumbnail=TINY_JPEG, width=8, height=8,
        )  # fmt: skip
        world.event = AdverseEvent.objects.create(
            patient=patient, application=world.application, lot=world.lot, professional=world.professional,
            about="MEDICINE", severity="mild", occurred_on=timezone.localdate(), known_at=timezone.now(),
            due_at=timezone.now() + timedelta(days=30), description=f"equimose {canary}",
        )  # fmt: skip
        ProductLot.objects.filter(pk=world.lot.pk).update(status="recalled", status_reason=f"alerta {canary}")
    with world.enter(Role.MANAGER):
        RecallContact.objects.create(lot=world.lot, patient=patient, outcome="no_answer", note=f"caixa postal {canary}")
        Absence.objects.create(
            lot=world.lot, kind="recall", starts_at=datetime(2000, 1, 6, 12, tzinfo=UTC),
            ends_at=datetime(2000, 1, 6, 13, tzinfo=UTC),
        )  # fmt: skip


def _consent(world: World) -> None:
    """A published text, and a patient who agreed to it."""
    with world.enter(Role.DPO):
        text = ConsentText.objects.create(
            purpose=Purpose.MARKETING, title=f"Novidades {world.canary}", body=f"A clínica {world.canary} pede licença."
        )
        consents.publish(text)
        mother = consents.Guardian(name=f"Mãe {world.canary}", relation="mother", proof=f"certidão {world.canary}")
        consents.grant(world.patients[0], Purpose.MARKETING, channel=Channel.PAPER, guardian=mother)


def _open_page(world: World) -> None:
    """Of the page «Meus dados»: a confirmed address, a link, and a visit."""
    patient = world.patients[0]
    with world.enter(Role.RECEPTION):
        HolderContact.objects.create(patient=patient, contact=f"p0@{world.canary.lower()}.example", method="in_person")
        HolderCode.objects.create(
            patient=patient, kind="link", digest=f"hash {world.canary}", expires_at=datetime(2000, 1, 1, tzinfo=UTC)
        )
    with context.enter(context.Door(), world.clinic.pk):
        HolderSession.objects.create(patient=patient, method="link", digest=f"hash {world.canary}")


def _plan_session(world: World) -> None:
    """A telemedicine session that is planned, written without reading anything."""
    with world.enter(Role.RECEPTION):
        world.session = TelemedicineSession.objects.create(
            patient=world.patients[-1], professional=world.professional, appointment=world.appointments[-1],
            room_url=f"https://sala.example/{world.canary}",
        )  # fmt: skip


def _direct(world: World) -> None:
    """Give a clinic a technical director, verified and a user of their own, who signed off one disputed procedure."""
    clinic, canary = world.clinic.pk, world.canary
    world.director_user = make_user(f"diretor@{canary.lower()}.example")
    membership = join(world.director_user, clinic, Role.PROFESSIONAL, name=f"diretor {canary}")
    with context.enter(JOB, clinic):
        world.director = verified(
            Professional.objects.create(
                full_name=f"Dr. Diretor {canary}", council=Council.CRM, council_number="654321", council_uf="SP",
                membership=membership,
            ),
            cpf=DIRECTOR_CPF,
        )  # fmt: skip
        Clinic.objects.update(technical_director=world.director)
        world.clinic.refresh_from_db()
        ScopeRule.objects.create(
            procedure_class=ProcedureClass.INJECTABLE, council=Council.CRM, level=ScopeLevel.DISPUTED, limits=canary
        )
    with context.enter(world.director_user, clinic):
        ScopeSignOff.objects.create(
            professional=world.professional, procedure_class=ProcedureClass.INJECTABLE, reason=f"ciência {canary}",
            until=timezone.localdate() + timedelta(days=30),
        )  # fmt: skip


def _write(world: World) -> None:
    """What the professional has written: a template, an entry and an alert of the last patient."""
    canary = world.canary
    with context.enter(JOB, world.clinic.pk):
        PrescribingCouncil.objects.create(council=Council.COREN, kind="COMMON", basis=f"Protocolo {canary}")
    with world.enter(Role.PROFESSIONAL):
        world.template = RecordTemplate.objects.create(
            name=f"Modelo {canary}",
            kind="evolution",
            sections=[{"code": "evolution", "heading": f"Evolução {canary}", "hint": "", "required": True}],
        )
        # By hand, and so without reading anything: tests count who read what.
        world.record = MedicalRecord.objects.create(
            patient=world.patients[-1], kind="evolution", author=world.professional, template=world.template,
            content={"sections": [{**world.template.sections[0], "text": f"queixa {canary}"}]},
        )  # fmt: skip
        MedicalRecord.objects.filter(pk=world.record.pk).update(status="finalised")
        PrescriptionTemplate.objects.create(
            name=f"Modelo {canary}", lines=[{"medicine": "Dipirona", "posology": f"Tomar {canary}"}]
        )
        world.prescription = Prescription.objects.create(
            patient=world.patients[-1], prescriber=world.professional, guidance=f"repouso {canary}"
        )
        PrescriptionItem.objects.create(
            patient=world.patients[-1], prescription=world.prescription, kind="COMMON",
            medicine=f"Dipirona {canary}", posology=f"se dor {canary}", amounts={"quantity": "10"},
        )  # fmt: skip
        world.alert = PatientAlert.objects.create(
            patient=world.patients[-1], kind="allergy", severity="high", text=f"dipirona {canary}"
        )


def _sign(world: World) -> None:
    """A signed entry of the last patient. What it holds is no PDF: signing a real one takes a quarter of a second."""
    canary = world.canary
    unverified = Professional.objects.filter(pk=world.professional.pk).values(
        "status", "verified_at", "verification_method", "verification_source", "recheck_on"
    )
    with context.enter(JOB, world.clinic.pk):
        before = unverified.get()
        # Nobody signs without a licence that counts; tests begin without one.
        verified(Professional.objects.get(pk=world.professional.pk))
    with world.enter(Role.PROFESSIONAL):
        record = MedicalRecord.objects.create(
            patient=world.patients[-1], kind="evolution", author=world.professional,
            content={"sections": [{"code": "evolution", "heading": "Evolução", "text": f"assinado {canary}"}]},
        )  # fmt: skip
        MedicalRecord.objects.filter(pk=record.pk).update(status="finalised")
        world.signature = RecordSignature.objects.create(
            record=record, patient=world.patients[-1], signer=world.professional,
            document=f"documento {canary}".encode(), document_sha256="0" * 64, document_size=1,
            container=f"assinatura {canary}".encode(), signed_digest="0" * 64, chain=f"cadeia {canary}".encode(),
            signer_cpf="15350946056", certificate_serial="1f", certificate_issuer=f"AC {canary}", level="ADVANCED",
            pades_level="B-B", signed_at=timezone.now(), report={"ok": True, "findings": [{"code": "intact"}]},
        )  # fmt: skip
        _sign_prescription(world)
    with context.enter(JOB, world.clinic.pk):
        Professional.objects.filter(pk=world.professional.pk).update(**before)


def _sign_prescription(world: World) -> None:
    """An electronic prescription of the last patient; neither is this one's file a PDF."""
    canary, patient = world.canary, world.patients[-1]
    made = Prescription.objects.create(patient=patient, prescriber=world.professional, guidance=f"dieta {canary}")
    PrescriptionItem.objects.create(
        patient=patient, prescription=made, kind="COMMON", medicine=f"Soro {canary}", posology=f"beber {canary}"
    )
    today = timezone.localdate(timezone=ZoneInfo(world.clinic.time_zone))
    made.status, made.kind, made.is_electronic = PrescriptionStatus.ISSUED, "COMMON", True
    made.issued_on = made.valid_until = today
    guidance = {"items": [], "guidance": f"dieta {canary}", "patient": {"name": f"Paciente {canary}"}}
    made.content = {**guidance, "prescriber": {"name": f"Dra. {canary}", "licence": "CRM 123456/SP"}}
    made.save()
    PrescriptionSignature.objects.create(
        prescription=made, patient=patient, signer=world.professional, document=f"receita {canary}".encode(),
        document_sha256="0" * 64, document_size=1, container=f"assinatura {canary}".encode(), signed_digest="0" * 64,
        chain=f"cadeia {canary}".encode(), signer_cpf="15350946056", certificate_serial="1f",
        certificate_issuer=f"AC {canary}", level="ADVANCED", pades_level="B-B", signed_at=timezone.now(),
        report={"ok": True, "findings": [{"code": "intact"}]},
    )  # fmt: skip
    # That both are there is asked when the transaction ends, with its context; a test's own transaction has none then.
    connection.check_constraints()


def write_entry(
    patient: Patient, text: str, *, kind: str = "evolution", template: RecordTemplate | None = None, final: bool = True
) -> MedicalRecord:
    """An entry whose first section says `text`, by the professional whose context is open."""
    draft = records.new_draft(patient=patient.pk, kind=kind, template=template)
    draft = records.save_draft(draft.pk, revision=draft.revision, texts={draft.sections[0]["code"]: text})
    return records.finalise(draft.pk, revision=draft.revision) if final else draft


def make_colleague(world: World, name: str = "colega") -> tuple[User, Professional]:
    """A second professional of a clinic, who cares for nobody yet."""
    user = make_user(f"{name}@{world.canary.lower()}.example")
    membership = join(user, world.clinic.pk, Role.PROFESSIONAL, name=f"{name} {world.canary}")
    with context.enter(JOB, world.clinic.pk):
        professional = Professional.objects.create(
            full_name=f"Dr. {name.title()} {world.canary}", council=Council.CRM, membership=membership,
            council_number=str(abs(hash(name)) % 10**9), council_uf="SP",
        )  # fmt: skip
    return user, professional


def add_agenda(world: World) -> None:
    """Hours, an absence, somebody who waits and a reminder; none of them in the way of a test's bookings."""
    WorkingHours.objects.create(
        professional=world.professional, weekday=0, starts=time(6), ends=time(7), valid_from=date(2000, 1, 3),
        valid_to=date(2000, 1, 3),
    )  # fmt: skip
    Absence.objects.create(
        professional=world.professional, kind="course", starts_at=datetime(2000, 1, 5, 12, tzinfo=UTC),
        ends_at=datetime(2000, 1, 5, 13, tzinfo=UTC),
    )  # fmt: skip
    WaitingEntry.objects.create(
        patient=world.patients[-1], professional=world.professional, note=f"aviso {world.canary}"
    )
    Reminder.objects.create(
        appointment=world.appointments[0], patient=world.patients[0], for_day=date(2000, 1, 7), channel="list",
        status="sent",
    )  # fmt: skip


PATHS = {
    AppointmentStatus.SCHEDULED: (),
    AppointmentStatus.CONFIRMED: ("confirmed",),
    AppointmentStatus.ARRIVED: ("arrived",),
    AppointmentStatus.IN_CARE: ("arrived", "in_care"),
    AppointmentStatus.COMPLETED: ("arrived", "in_care", "completed"),
    AppointmentStatus.CANCELLED: ("cancelled",),
    AppointmentStatus.NO_SHOW: ("no_show",),
}
"""The lawful way from a new appointment to each state."""


def bring_to(appointment: Appointment, status: str) -> None:
    """Bring a scheduled appointment to a state, step by step, in the open context."""
    for step in PATHS[AppointmentStatus(status)]:
        Appointment.objects.filter(pk=appointment.pk).update(status=step)
