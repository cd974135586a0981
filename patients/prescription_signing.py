"""Signing a prescription while it is issued: what makes it electronic.

It happens inside the transaction that issues it: a signing that fails leaves a draft, and its SNCR number unused. The
certificate, its check and what is kept are those of `patients/signatures.py`.
"""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics.models import Clinic, Council, Professional
from neonpro.rules import Rule, rule
from patients import prescription_pdf, signatures
from patients.models import Prescription, PrescriptionSignature
from patients.prescription_rules import NOTIFICATIONS, Kind, sncr_type
from patients.signatures import Means, SigningError

Made = TypeVar("Made")


def may_be_electronic(kind: Kind) -> bool:
    """Whether this installation issues a type electronically at all.

    A common prescription always. What SNCR numbers only where the installation says that it works with SNCR
    (`NEONPRO_SNCR`); and a notification never, since its electronic form is the official one and not ours.
    """
    if not sncr_type(kind):
        return True
    return bool(settings.NEONPRO_SNCR) and kind not in NOTIFICATIONS


def level_rule(kind: Kind, prescriber: Professional, *, on: date) -> Rule:
    """The rule that says at which levels a prescription may be signed."""
    doctor = "_crm" if prescriber.council == Council.CRM else ""
    if kind is Kind.COMMON:
        return rule(f"records.signature.simple_document{doctor}", on=on)
    if kind in {Kind.RET_ANTIMICROBIAL, Kind.RET_GLP1}:
        return rule(f"records.signature.retention_prescription{doctor}", on=on)
    return rule("records.signature.controlled_prescription", on=on)


def sign(prescription: Prescription, prescriber: Professional, clinic: Clinic, by: Means) -> PrescriptionSignature:
    """Sign what the running transaction has just issued as electronic; and let PostgreSQL check it at once.

    Raises:
        SigningError: it was not signed; roll back, nothing of the attempt may stay.
    """
    level = _ask(lambda: signatures.check_author(prescriber, by))
    signatures.require_level(
        level_rule(Kind(prescription.kind), prescriber, on=timezone.localdate(by.at)),
        level,
        _(
            "This prescription needs a qualified signature, from an ICP-Brasil certificate (%(ref)s). This certificate"
            " gives an advanced one, so nothing was signed. Use an ICP-Brasil certificate, or issue it for printing and"
            " sign it by hand."
        ),
    )

    def keep() -> PrescriptionSignature:
        kept = signatures.sign_and_keep(
            PrescriptionSignature(prescription=prescription, patient_id=prescription.patient_id),
            prescriber,
            clinic,
            by,
            level,
            render=lambda stamp: prescription_pdf.render(prescription, stamp=stamp),
            reason=_("Prescription"),
        )
        # What waits for the end of the transaction is asked here, where its answer still has words.
        connection.check_constraints()
        return kept

    return _ask(keep)


def signature_of(prescription: Prescription) -> PrescriptionSignature | None:
    """The signature of a prescription; None where there is none that the reader may see. Nothing is opened."""
    found: PrescriptionSignature | None = PrescriptionSignature.objects.filter(prescription=prescription).first()
    return found


def _ask(act: Callable[[], Made]) -> Made:
    """What an act gives. Raises `SigningError` for whatever refuses it."""
    try:
        return act()
    except prescription_pdf.PrescriptionPdfError as error:
        problem = str(error)
    except signatures.REFUSALS as error:
        problem = signatures.words(error)
    raise SigningError(problem)
