"""Professionals whose licence counts, for tests of what needs one."""

from datetime import date, timedelta

from django.utils import timezone

from clinics.models import LicenceStatus, Professional, VerificationMethod

CPF, OTHER_CPF, DIRECTOR_CPF = "52998224725", "11144477735", "39053344705"
"""Well-known made-up numbers with good check digits."""


def verified(professional: Professional, *, until: date | None = None, cpf: str = "") -> Professional:
    """Write down that a professional's licence was verified now; in a context of somebody who may."""
    professional.status = LicenceStatus.ACTIVE
    professional.verified_at = timezone.now()
    professional.verification_method = VerificationMethod.WEBSITE
    professional.verification_source = "consulta pública"
    professional.recheck_on = until or timezone.localdate() + timedelta(days=90)
    if cpf:
        professional.cpf = cpf
    professional.save()
    return professional
