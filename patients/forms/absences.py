"""The form that blocks time in the schedule for a recall."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from clinics.models import Professional
from patients.absences import InTheWay

EVERYBODY = "all"
"""The choice of the whole clinic."""


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local", "class": "np-input"}, format="%Y-%m-%dT%H:%M")


class BlockForm(forms.Form):
    """Whose schedule is blocked, from when and until when; and which visits in the way were seen."""

    who = forms.ChoiceField(label=gettext_lazy("Whose schedule"))
    starts_at = forms.DateTimeField(label=gettext_lazy("From"), widget=_moment())
    ends_at = forms.DateTimeField(label=pgettext_lazy("time", "Until"), widget=_moment())
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    in_the_way: Sequence[InTheWay] = ()
    """The visits that are booked in the time asked for, for the page to name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Professional.objects.filter(is_active=True).order_by("full_name").values_list("pk", "full_name")
        who: Any = self.fields["who"]
        who.choices = [
            ("", _("Choose")), *((str(key), name) for key, name in people), (EVERYBODY, _("The whole clinic")),
        ]  # fmt: skip
        who.widget.attrs["class"] = "np-select"

    @property
    def professional(self) -> UUID | None:
        """Whose schedule; None for the whole clinic."""
        who = self.cleaned_data["who"]
        return None if who == EVERYBODY else UUID(who)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        starts, ends = data.get("starts_at"), data.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("It must end after it starts."))
        return data

    def has_seen(self, visits: Iterable[InTheWay]) -> bool:
        """Whether these are the visits that the page named when it asked whether to block the time all the same."""
        return constant_time_compare(self.cleaned_data["seen"], seal(visits))


def seal(visits: Iterable[InTheWay]) -> str:
    """What the page keeps of the visits that it has named, so that one that came later is named too."""
    return salted_hmac("patients.absences.seen", " ".join(sorted(str(one.id) for one in visits))).hexdigest()
