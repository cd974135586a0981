"""The demonstration's prescriptions: what its professionals with a valid licence have prescribed, and a draft."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from clinics.models import Council, Professional, User
from neonpro.db import context
from patients import prescribing
from patients.models import Appointment, AppointmentStatus, PrescribingCouncil, Prescription, PrescriptionTemplate
from patients.prescription_templates import install_starters

RCE: dict[str, Any] = {
    "medicine": "Sertralina", "concentration": "50 mg", "form": "comprimido", "quantity": "60", "unit": "comprimidos",
    "posology": "Tomar 1 comprimido pela manhã", "days": 60, "continuous": True,
}  # fmt: skip
ANTIMICROBIAL: dict[str, Any] = {
    "medicine": "Cefalexina", "concentration": "500 mg", "form": "cápsula", "quantity": "28", "unit": "cápsulas",
    "posology": "Tomar 1 cápsula de 6 em 6 horas, por 7 dias", "days": 7,
}  # fmt: skip
GLP1: dict[str, Any] = {
    "medicine": "Semaglutida", "concentration": "1,34 mg/mL", "form": "caneta", "quantity": "1", "unit": "caneta",
    "posology": "Aplicar 0,25 mg sob a pele uma vez por semana", "days": 28,
}  # fmt: skip
NOTIFICATION: dict[str, Any] = {
    "medicine": "Zolpidem", "concentration": "10 mg", "form": "comprimido", "quantity": "20", "unit": "comprimidos",
    "posology": "Tomar 1 comprimido ao deitar, se necessário", "days": 20,
}  # fmt: skip
PAIN: dict[str, Any] = {
    "medicine": "Dipirona", "concentration": "500 mg", "form": "comprimido", "quantity": "20", "unit": "comprimidos",
    "posology": "Tomar 1 comprimido de 6 em 6 horas, se houver dor", "days": 5,
}  # fmt: skip


def write_prescriptions(place: UUID) -> None:
    """Let each doctor with an access prescribe, once, for patients who came; each acts in their own name.

    Args:
        place: the clinic, whose job context is open.
    """
    if not PrescriptionTemplate.objects.exists():
        install_starters()
    if not PrescribingCouncil.objects.exists():
        PrescribingCouncil.objects.create(
            council=Council.COREN, kind="COMMON", basis="Resolução COFEN 801/2026 e protocolo da clínica"
        )
        PrescribingCouncil.objects.create(
            council=Council.CRBM, kind="COMMON", basis="Protocolo da clínica, aprovado pela direção técnica"
        )
    doctors = Professional.objects.filter(
        council=Council.CRM, is_active=True, membership__is_active=True, membership__role="professional"
    )
    for professional, account in list(doctors.values_list("pk", "membership__user")):
        patients = list(
            dict.fromkeys(
                Appointment.objects.filter(
                    professional=professional, status=AppointmentStatus.COMPLETED, patient__restricted_at=None
                )
                .order_by("-day", "-starts_at", "pk")
                .values_list("patient", flat=True)
            )
        )
        with context.enter(context.SignIn(), None):
            user = User.objects.get(pk=account)
        with context.enter(user, place):
            if len(patients) >= 3 and not Prescription.objects.filter(prescriber=professional).exists():
                _write(patients)


def _write(patients: list[UUID]) -> None:
    today = timezone.localdate()
    for patient, medicines, guidance in (
        (patients[0], (RCE, PAIN), "Retorno em 60 dias."),
        (patients[1], (ANTIMICROBIAL, PAIN), "Procurar a clínica se houver febre."),
        (patients[2], (GLP1,), ""),
        (patients[2], (NOTIFICATION,), ""),
    ):
        draft = prescribing.begin(patient=patient, guidance=guidance)
        for medicine in medicines:
            prescribing.put_item(draft, today=today, **medicine)
        # A licence that is not valid, or an address that is missing, leaves a draft that says so.
        if not prescribing.plan(draft, today=today).reasons:
            prescribing.issue(draft.pk, today=today)
    draft = prescribing.begin(patient=patients[0])
    prescribing.put_item(draft, today=today, **RCE)
    prescribing.put_item(draft, today=today, **{**NOTIFICATION, "days": 90, "quantity": "90"})
