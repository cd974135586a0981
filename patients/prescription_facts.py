"""Who prescribes for whom and where, as a prescription must say it: what is missing, and what is frozen at issuing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy

from clinics.models import Clinic, Professional
from neonpro.rules import rule
from neonpro.vault.fields import Withheld
from patients.models import Patient, Prescription, PrescriptionItem
from patients.prescription_rules import Kind, SubstanceList, Writer, copies, validity
from patients.words import quantity_in_words

PATIENT, CLINIC, PROFESSIONAL = "patient", "clinic", "professional"
"""Where something missing is filled in."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that a prescription needs and nobody has filled in, and where to."""

    code: str
    label: str
    where: str


LABELS: dict[str, tuple[Any, str]] = {
    "patient_name": (gettext_lazy("patient's name"), PATIENT),
    "patient_home_address": (gettext_lazy("patient's home address"), PATIENT),
    "patient_cpf_or_passport": (gettext_lazy("patient's CPF or passport"), PATIENT),
    "age": (gettext_lazy("patient's date of birth"), PATIENT),
    "sex": (gettext_lazy("patient's sex"), PATIENT),
    "prescriber_address": (gettext_lazy("prescriber's address (the clinic's)"), CLINIC),
    "prescriber_council_number": (gettext_lazy("prescriber's council number"), PROFESSIONAL),
    "prescriber_phone": (gettext_lazy("prescriber's phone (the clinic's)"), CLINIC),
    "institution_name": (gettext_lazy("clinic's name"), CLINIC),
    "institution_cnpj_or_cnes": (gettext_lazy("clinic's CNPJ or CNES"), CLINIC),
    "institution_address": (gettext_lazy("clinic's address"), CLINIC),
    "institution_phone": (gettext_lazy("clinic's phone"), CLINIC),
}
"""What the rules call the fields that are not the prescriber's to write on the prescription itself."""


def writer(draft: Prescription, prescriber: Professional, opened: frozenset[str]) -> Writer:
    """Who prescribes and what was declared, as the limits ask for it."""
    return Writer(
        council=prescriber.get_council_display() if prescriber.council else "",
        cpf=prescriber.cpf,
        purpose=_text(draft.purpose),
        cid=_text(draft.cid),
        justification=_text(draft.justification),
        terms_given=draft.terms_given,
        other_councils=opened,
    )


def missing_fields(
    patient: Patient, prescriber: Professional, clinic: Clinic, kinds: Iterable[Kind], *, on: date
) -> list[Missing]:
    """What these documents must say and nobody has filled in, each once."""
    kinds = set(kinds)
    needed = [*rule("prescriptions.fields", on=on).choices]
    if kinds - {Kind.COMMON}:
        needed += rule("prescriptions.controlled_fields", on=on).choices
        # RDC 1.000/2025: one of them on everything that SNCR knows.
        assert set(rule("prescriptions.sncr.patient_id", on=on).choices) == {"CPF", "PASSPORT"}
        needed.append("patient_cpf_or_passport")
    for kind in (Kind.RET_ANTIMICROBIAL, Kind.RET_GLP1):
        if kind in kinds:
            needed += rule(f"prescriptions.{kind.lower()}.patient_fields", on=on).choices
    known = {
        "patient_name": patient.name,
        "patient_home_address": patient.street and patient.city and patient.uf,
        "patient_cpf_or_passport": patient.cpf or patient.passport,
        "age": patient.birth_date,
        "sex": patient.sex,
        "prescriber_address": clinic.street and clinic.city and clinic.uf,
        "prescriber_council_number": prescriber.council_number,
        "prescriber_phone": clinic.phone,
        "institution_name": clinic.legal_name or clinic.trade_name,
        "institution_cnpj_or_cnes": clinic.cnpj or clinic.cnes,
        "institution_address": clinic.street and clinic.city and clinic.uf,
        "institution_phone": clinic.phone,
    }
    # What does not open is as good as missing: it cannot be written on the paper.
    return [
        Missing(code, str(LABELS[code][0]), LABELS[code][1])
        for code in dict.fromkeys(needed)
        if code in known and (not known[code] or isinstance(known[code], Withheld))
    ]


def snapshot(
    prescription: Prescription,
    items: Iterable[PrescriptionItem],
    prescriber: Professional,
    clinic: Clinic,
    *,
    today: date,
    guided: bool,
) -> dict[str, Any]:
    """Everything that the paper says, as it is now: later the people and the clinic may change, the document does not.

    Args:
        prescription: with its kind and days set.
        items: what is prescribed.
        prescriber, clinic: as they are today.
        today: the day of issuing.
        guided: whether the guidance to the patient stands on this document: on one of those written together.
    """
    patient, kind = prescription.patient, Kind(prescription.kind)
    held = list(items)
    with_cid = any(item.substance and item.substance.on_list == SubstanceList.C5 for item in held)
    justified = bool(prescription.justification) and kind in rule("prescriptions.justification_types", on=today).choices
    return {
        "version": 1,
        "time_zone": clinic.time_zone,
        "prescriber": {
            "name": prescriber.full_name,
            "council": prescriber.get_council_display(),
            "licence": prescriber.licence,
            "specialty": prescriber.specialty if prescriber.rqe else "",
            "rqe": prescriber.rqe,
            "cpf": prescriber.cpf if with_cid else "",
            "phone": clinic.phone,
            "address": address(clinic.street, "", clinic.city, clinic.uf),
            "uf": prescriber.council_uf,
        },
        "patient": {
            "name": patient.name,
            "cpf": patient.cpf,
            "passport": patient.passport if not patient.cpf else "",
            "address": address(patient.street, patient.district, patient.city, patient.uf),
            "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
            "sex": patient.sex,
        },
        "institution": {
            "name": clinic.trade_name,
            "legal_name": clinic.legal_name,
            "cnpj": clinic.cnpj,
            "cnes": clinic.cnes,
            "address": address(clinic.street, "", clinic.city, clinic.uf),
            "cep": clinic.cep,
            "phone": clinic.phone,
            "email": clinic.email,
        },
        "items": [_item(item) for item in held],
        "cid": prescription.cid if with_cid or justified else "",
        "justification": prescription.justification if justified else "",
        "guidance": prescription.guidance if guided else "",
        "terms_given": prescription.terms_given,
        "copies": copies(kind, on=today),
        "validity_by": validity(kind, today)[1],
    }


def _item(item: PrescriptionItem) -> dict[str, Any]:
    substance = item.substance
    return {
        "medicine": item.medicine,
        "dcb": substance.name if substance else "",
        "list": substance.on_list if substance else "",
        "legal_ref": substance.legal_ref if substance and not substance.review else "",
        "concentration": item.concentration,
        "form": item.form,
        "quantity": str(item.quantity) if item.quantity else "",
        "unit": item.unit,
        "in_words": quantity_in_words(item.quantity, item.unit) if item.quantity else "",
        "posology": item.posology,
        "days": item.amount("days"),
        "continuous": bool(item.amount("continuous")),
        "per_30_days": item.per_30_days,
        "adendo": bool(item.amount("adendo")),
    }


def address(street: str, district: str, city: str, uf: str) -> str:
    """An address on one line; '' where nothing of it is known."""
    place = " – ".join(part for part in (city, uf) if part)
    return ", ".join(part for part in (street, district, place) if part)


def age(born: date, on: date) -> int:
    """Completed years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _text(value: Any) -> str:
    return "" if isinstance(value, Withheld) or not value else str(value)
