"""The form of an entry of the waiting list."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from clinics.adminbase import ClinicForm
from patients.models import Period, WaitingEntry, Weekday
from patients.models.agenda import clean_bits


class WaitingForm(ClinicForm[WaitingEntry]):
    """Days and periods are sets of choices; nothing unticked is any."""

    on_days = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Days"), choices=Weekday.choices, coerce=int, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    in_periods = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Periods"),
        choices=Period.choices,
        coerce=int,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on_days"] = [day for day in range(7) if self.instance.days & 1 << day]
        self.initial["in_periods"] = [bit for bit in Period.values if self.instance.periods & bit]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("on_days"):
            self.instance.days = clean_bits(data["on_days"], Weekday, shift=True)
        if data.get("in_periods"):
            self.instance.periods = clean_bits(data["in_periods"], Period, shift=False)
        return data
