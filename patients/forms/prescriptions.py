"""The forms of a prescription: a medicine, what was declared besides, templates, numbers."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.adminbase import ClinicForm
from patients.models import PrescriptionItem, PrescriptionTemplate, SncrType
from patients.prescribing import FLAGS, NUMBERS, TEXTS
from patients.prescription_rules import Purpose

MOST_LINES = 30
"""Medicines of one template."""


def _text(label: Any, length: int, *, required: bool = False, help_text: Any = "", **attrs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=length, required=required, help_text=help_text,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", **attrs}),
    )  # fmt: skip


def _decimal(label: Any, *, help_text: Any = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=False, min_value=Decimal(0), max_value=Decimal(999_999), max_digits=9, decimal_places=3,
        localize=True, help_text=help_text,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip


def _switch(label: Any, help_text: Any = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, help_text=help_text, widget=UnfoldBooleanSwitchWidget)


class ItemForm(forms.Form):
    """One medicine. What only some documents ask for comes last."""

    medicine = _text(
        gettext_lazy("Medicine"), 160, required=True, list="substances",
        help_text=gettext_lazy("By its DCB name. Controlled substances are recognised in formulas and trade names."),
    )  # fmt: skip
    concentration = _text(gettext_lazy("Concentration"), 80)
    form = _text(gettext_lazy("Form"), 80, help_text=gettext_lazy("Tablets, capsules, cream, …"))
    quantity = _decimal(gettext_lazy("Quantity"), help_text=gettext_lazy("The words are written for you."))
    unit = _text(gettext_lazy("Unit"), 60, help_text=gettext_lazy("Boxes, tablets, ampoules, …"))
    posology = forms.CharField(
        label=gettext_lazy("How to use"), max_length=600,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "true"}),
        help_text=gettext_lazy("In full, without abbreviations."),
    )  # fmt: skip
    days = forms.IntegerField(
        label=gettext_lazy("Days of treatment"), required=False, min_value=1, max_value=3650,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip
    continuous = _switch(gettext_lazy("Continuous use"))
    per_30_days = _text(
        gettext_lazy("Quantity for each 30 days"), 80, help_text=gettext_lazy("Antimicrobials of continuous use.")
    )
    ampoules = _switch(gettext_lazy("Counted in ampoules"))
    topical = _switch(gettext_lazy("Topical use"), gettext_lazy("Retinoids: a cream or gel, not by mouth."))
    mg_per_unit = _decimal(gettext_lazy("Milligrams in each unit"), help_text=gettext_lazy("For the adendo."))
    adendo = _switch(
        gettext_lazy("Adendo"), gettext_lazy("I have checked in the norm that a lighter document is enough.")
    )
    mg_per_day = _decimal(gettext_lazy("Milligrams a day"), help_text=gettext_lazy("Anorexigens have a daily limit."))

    MAIN = ("medicine", "concentration", "form", "quantity", "unit", "posology", "days", "continuous")

    def __init__(self, *args: Any, item: PrescriptionItem | None = None, **kwargs: Any) -> None:
        if item is not None:
            kwargs["initial"] = {name: getattr(item, name) for name in TEXTS}
            kwargs["initial"] |= {name: item.amount(name) for name in (*FLAGS, "days")}
            kwargs["initial"] |= {name: Decimal(value) for name in NUMBERS if (value := item.amount(name))}
        super().__init__(*args, **kwargs)

    @property
    def main(self) -> list[Any]:
        """The fields of every medicine."""
        return [self[name] for name in self.MAIN]

    @property
    def special(self) -> list[Any]:
        """The fields of some documents alone."""
        return [self[name] for name in self.fields if name not in self.MAIN]


class DetailsForm(forms.Form):
    """What is said once for the whole prescription."""

    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Purpose.choices, widget=UnfoldAdminSelectWidget)
    cid = _text(
        gettext_lazy("CID or diagnosis"), 120,
        help_text=gettext_lazy("Where the law asks for it: anabolics, and what passes a limit."),
    )  # fmt: skip
    justification = forms.CharField(
        label=gettext_lazy("Justification"), required=False, max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("Why a quantity passes its limit, where the law lets a justification do so."),
    )  # fmt: skip
    guidance = forms.CharField(
        label=gettext_lazy("Guidance to the patient"), required=False, max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "true"}),
    )  # fmt: skip
    terms_given = _switch(
        gettext_lazy("The patient signed the term"),
        gettext_lazy("Anorexigens ask for a responsibility term, retinoids by mouth for one of risk and consent."),
    )


class ApplyTemplateForm(forms.Form):
    """Which template to add to a draft."""

    template = forms.ModelChoiceField(
        label=gettext_lazy("Template"), queryset=PrescriptionTemplate.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["template"]
        choice.queryset = PrescriptionTemplate.objects.filter(is_active=True).order_by("name")

    @property
    def choices_there(self) -> bool:
        """Whether there is any template to choose."""
        choice: Any = self.fields["template"]
        return bool(choice.queryset.exists())


class CancellationForm(forms.Form):
    """Why a prescription no longer holds."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True}),
    )


class TemplateNameForm(forms.Form):
    """What a template made of a prescription is called."""

    name = _text(gettext_lazy("Name of the template"), 80, required=True, autofocus=True)


class NumbersForm(forms.Form):
    """Numbers that SNCR gave to whoever fills this in."""

    sncr_type = forms.ChoiceField(
        label=gettext_lazy("Type in SNCR"), choices=SncrType.choices, widget=UnfoldAdminSelectWidget
    )
    numbers = forms.CharField(
        label=gettext_lazy("Numbers"), max_length=40_000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=gettext_lazy("One a line, as SNCR gave them: 1234.5-67.1234567"),
    )  # fmt: skip


# --- templates --------------------------------------------------------------------------------------------------------

_COLUMNS = ("medicine", "concentration", "form", "quantity", "unit", "posology", "days")


class TemplateForm(ClinicForm[PrescriptionTemplate]):
    """A template: its medicines are written one a line."""

    medicines = forms.CharField(
        label=gettext_lazy("Medicines"), max_length=12_000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=gettext_lazy(
            "One a line, with bars between: medicine | concentration | form | quantity | unit | how to use | days."
            " Nothing of any patient belongs here."
        ),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "medicines" in self.fields:
            self.initial.setdefault("medicines", lines_as_text(self.instance.lines or []))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "medicines" in data:
            try:
                self.instance.lines = lines_from_text(data["medicines"])
            except ValidationError as error:
                self.add_error("medicines", error)
        return data


def lines_as_text(lines: list[dict[str, Any]]) -> str:
    """A template's medicines as people edit them."""
    return "\n".join(" | ".join(str(line.get(name) or "") for name in _COLUMNS).rstrip(" |") for line in lines)


def lines_from_text(text: str) -> list[dict[str, Any]]:
    """Read what `lines_as_text` writes.

    Raises:
        ValidationError: a line lacks the medicine or how to use it, or a number is none.
    """
    lines = []
    for line in filter(None, map(str.strip, text.splitlines())):
        cells = dict(zip(_COLUMNS, map(str.strip, line.split("|")), strict=False))
        kept: dict[str, Any] = {name: value for name, value in cells.items() if value}
        if not kept.get("medicine") or not kept.get("posology"):
            raise ValidationError(_("A line needs the medicine and how to use it: “%(line)s”.") % {"line": line[:40]})
        quantity, days = kept.get("quantity", "1").replace(",", "."), kept.get("days", "1")
        if not quantity.replace(".", "", 1).isdecimal() or not days.isdecimal() or len(quantity + days) > 12:
            raise ValidationError(_("Quantity and days are numbers: “%(line)s”.") % {"line": line[:40]})
        if "quantity" in kept:
            kept["quantity"] = quantity
        if "days" in kept:
            kept["days"] = int(days)
        lines.append(kept)
    if not 1 <= len(lines) <= MOST_LINES:
        raise ValidationError(_("A template has between 1 and %(count)s medicines.") % {"count": MOST_LINES})
    return lines
