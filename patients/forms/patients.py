"""The form of a patient."""

from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from clinics.adminbase import ClinicForm
from clinics.identifiers import clean_cpf
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from patients.models import Patient
from patients.search import known_cpf

OLDEST = 1900
"""The first year of birth that is no slip of the keyboard."""


class PatientForm(ClinicForm[Patient]):
    """A patient's identification and contact."""

    def clean_cpf(self) -> str:
        """The CPF, unless another patient of the clinic has it: then the error leads to that patient."""
        typed: str = self.cleaned_data["cpf"]
        cpf = typed if isinstance(typed, Withheld) else clean_cpf(typed)
        # To look for a CPF is a search, and leaves its trace: only for one that was typed now.
        other = patient_with_cpf(cpf, ignoring=self.instance.pk) if cpf != self.initial.get("cpf", "") else None
        if other is not None:
            raise ValidationError(
                format_html(
                    '{} <a class="underline" href="{}">{}</a>',
                    _("This clinic already has a patient with this CPF:"),
                    reverse("admin:patients_patient_change", args=[other.pk]),
                    other.display_name,
                )
            )
        return cpf

    def clean_birth_date(self) -> date | Withheld | None:
        """A day of birth that can be."""
        born: date | Withheld | None = self.cleaned_data["birth_date"]
        if isinstance(born, Withheld):
            return born
        if born and not OLDEST <= born.year <= timezone.localdate().year:
            raise ValidationError(_("Check the year of birth."))
        if born and born > timezone.localdate():
            raise ValidationError(_("The date of birth is in the future."))
        return born

    def clean_birth_year(self) -> int | None:
        """A year of birth that can be."""
        year: int | None = self.cleaned_data["birth_year"]
        if year and not OLDEST <= year <= timezone.localdate().year:
            raise ValidationError(_("Check the year of birth."))
        return year

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("birth_date") and not isinstance(data["birth_date"], Withheld):
            data["birth_year"] = data["birth_date"].year
            # The date decides, whatever stood in the field of the year.
            self.errors.pop("birth_year", None)
        return data


def patient_with_cpf(cpf: str, *, ignoring: UUID) -> Patient | None:
    """The current clinic's patient with a CPF, other than `ignoring`."""
    other = known_cpf(cpf)
    if other is None or other == ignoring:
        return None
    return Patient.objects.opening("identification", act=Act.LIST).filter(pk=other).first()
