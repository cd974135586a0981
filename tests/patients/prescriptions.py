"""Prescriptions for tests: a clinic where one can be issued, and medicines of every kind."""

from datetime import date
from typing import Any

from django.utils import timezone

from clinics.models import Clinic
from clinics.roles import Role
from neonpro.db import context
from patients import prescribing
from patients.models import Patient, Prescription
from tests.factories import JOB, World
from tests.licences import CPF, verified

ADDRESS = {"street": "Rua das Acácias, 10", "district": "Centro", "city": "Campinas", "uf": "SP", "cep": "13010000"}

USUAL: dict[str, Any] = {"quantity": "30", "unit": "comprimidos", "concentration": "10 mg", "form": "comprimido"}
"""What a medicine must say besides."""

MEDICINES: dict[str, dict[str, Any]] = {
    "COMMON": {"medicine": "Dipirona 500 mg", "posology": "Tomar 1 comprimido de 6 em 6 horas se dor"},
    "RCE": {"medicine": "Sertralina", "posology": "Tomar 1 comprimido pela manhã", "days": 60},
    "NRA": {"medicine": "Metilfenidato", "posology": "Tomar 1 comprimido pela manhã", "days": 30},
    "NRB": {"medicine": "Clonazepam", "posology": "Tomar 1 comprimido à noite", "days": 30},
    "NRB2": {"medicine": "Sibutramina", "posology": "Tomar 1 cápsula pela manhã", "days": 30, "mg_per_day": 15},
    "NRR": {"medicine": "Isotretinoína", "posology": "Tomar 1 cápsula ao dia", "days": 30},
    "RET_ANTIMICROBIAL": {"medicine": "Amoxicilina", "posology": "Tomar 1 cápsula de 8 em 8 horas", "days": 7},
    "RET_GLP1": {"medicine": "Semaglutida", "posology": "Aplicar 0,25 mg por semana", "unit": "canetas"},
}
"""A medicine for each kind of document, within every limit."""


def equip(world: World) -> World:
    """Give a clinic, its professional and its first patient everything that a prescription must say."""
    with context.enter(JOB, world.clinic.pk):
        verified(world.professional, cpf=CPF)
        clinic = Clinic.objects.get()
        clinic.cnes, clinic.phone, clinic.street, clinic.city, clinic.uf = (
            "1234567",
            "+551932345678",
            "Av. 1",
            "Campinas",
            "SP",
        )
        clinic.save()
        patient = Patient.objects.get(pk=world.patients[0].pk)
        for name, value in {**ADDRESS, "cpf": "39053344705", "birth_date": date(1980, 5, 17), "sex": "female"}.items():
            setattr(patient, name, value)
        patient.save()
    return world


def write(world: World, *kinds: str, **fields: Any) -> Prescription:
    """A draft with a medicine of each kind, in the open context of the professional."""
    draft = prescribing.begin(patient=world.patients[0].pk, **fields)
    for kind in kinds:
        prescribing.put_item(draft, today=timezone.localdate(), **USUAL | MEDICINES[kind])
    return draft


def issue(world: World, *kinds: str, **fields: Any) -> list[Prescription]:
    """What was issued of a medicine of each kind, in a context of its own."""
    with world.enter(Role.PROFESSIONAL):
        draft = write(world, *kinds, **fields)
        return prescribing.issue(draft.pk, today=timezone.localdate())
