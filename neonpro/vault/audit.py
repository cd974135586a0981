"""The trigger that keeps a record's patient: its values are bound to the one it was made for."""

from typing import Any

import pgtrigger
from django.db.models import Model

from neonpro.db.audit import AlwaysTrigger


class KeepPatient(AlwaysTrigger):
    """The patient of a record never changes (`sql/keep_patient.sql`); the column is `patient_id`."""

    when = pgtrigger.Before
    operation = pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="keep_patient", **options)

    def render_execute(self, model: type[Model]) -> str:
        return "neonpro.keep_patient()"
