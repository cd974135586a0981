"""The forms of products, lots, applications, photographs, recalls and adverse events."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.adminbase import ClinicForm
from clinics.models import Service
from patients.models import (
    AdverseEvent,
    ContactOutcome,
    LotStatus,
    MovementKind,
    PhotoMoment,
    Product,
    ProductKind,
    ProductLot,
    Technique,
)
from patients.products import NumberError, clean_number, link, needs_end
from patients.stock import scanned, usable
from patients.udi import parse_udi


class PhotoInput(forms.FileInput):
    """The browser's own field for a file, which works by keyboard.

    Unfold's script writes the name of the chosen file into the first text field near it: it is given one.
    """

    def __init__(self) -> None:
        super().__init__(attrs={"class": "np-file", "accept": "image/jpeg,image/png,image/webp"})

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, attrs, renderer)
        return format_html('<div><input type="text" hidden disabled><div><div>{}</div></div></div>', field)


class ProductForm(ClinicForm[Product]):
    """A product; what Anvisa's register says of its number takes the place of what was typed."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        today, kind, number = timezone.localdate(), data.get("kind"), data.get("registration_number", "")
        if not kind:
            return data
        if number:
            try:
                data["registration_number"] = clean_number(number, kind, on=today)
            except NumberError as error:
                self.add_error("registration_number", str(error))
                self._check_risk(data, kind)
                return data
            found = Product(kind=kind, registration_number=data["registration_number"], risk_class=data["risk_class"])
            link(found)
            if found.register is not None:
                data["risk_class"] = found.risk_class
                data["registration_status"] = found.registration_status
                data["registration_valid_until"] = found.registration_valid_until
        elif "registration_number" not in self.errors:
            self.add_error("registration_number", _("Give the number at Anvisa: it is on the label."))
        self._check_risk(data, kind)
        if needs_end(kind, data.get("risk_class", ""), on=today) and not data.get("registration_valid_until"):
            self.add_error(
                "registration_valid_until", _("A device of this class has a registration with a last day: give it.")
            )
        return data

    def _check_risk(self, data: dict[str, Any], kind: str) -> None:
        if kind == ProductKind.DEVICE and not data.get("risk_class"):
            self.add_error("risk_class", _("Choose the risk class: it is on the label or in the registration."))
        if kind != ProductKind.DEVICE and data.get("risk_class"):
            self.add_error("risk_class", _("Only medical devices have a risk class: leave it empty."))


class LotForm(ClinicForm[ProductLot]):
    """Receiving a lot: scan the package, or type what is on it. Afterwards only where it came from changes here."""

    code = forms.CharField(
        label=gettext_lazy("Code on the package"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Scan it: product, lot and expiry are filled in when you save, where they are empty."),
    )

    FROM_CODE = ("product", "number", "expires_on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.FROM_CODE:
            if name in self.fields:
                self.fields[name].required = False
        if "received_on" in self.fields:
            self.fields["received_on"].initial = timezone.localdate
        if "product" in self.fields:
            field: Any = self.fields["product"]
            field.queryset = field.queryset.filter(is_active=True).order_by("name", "presentation")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance._state.adding:
            return data
        code = parse_udi(data.get("code", ""))
        if data.get("code"):
            product, _lot = scanned(code)
            data["product"] = data.get("product") or product
            data["number"] = data.get("number") or code.lot
            data["expires_on"] = data.get("expires_on") or code.expires_on
            if not data["product"]:
                self.add_error("code", _("No product of the clinic has this code: choose the product below."))
        for name in self.FROM_CODE:
            if not data.get(name) and name not in self.errors:
                self.add_error(name, _("This is on the package."))
        received = data.get("received_on")
        if received and received > timezone.localdate():
            self.add_error("received_on", _("This day has not come yet."))
        return data


class MoveForm(forms.Form):
    """Something came, was discarded or was counted."""

    quantity = forms.DecimalField(
        label=gettext_lazy("Quantity"), min_value=Decimal(0), max_digits=10, decimal_places=3,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"autofocus": True}),
    )  # fmt: skip
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("Nothing about patients: the whole team reads it.")
        if kind == MovementKind.RECEIVED:
            self.fields["reason"].required = False
            self.fields["reason"].label = _("Invoice or remark")
        if kind == MovementKind.CORRECTED:
            self.fields["quantity"].label = _("What is there now")


class WhyForm(forms.Form):
    """Why a lot is held back, recalled or released, or something is taken back."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True}),
    )  # fmt: skip


class ContactForm(forms.Form):
    """What came of an attempt to reach a patient."""

    patient = forms.UUIDField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"), choices=ContactOutcome.choices, widget=UnfoldAdminSelectWidget
    )
    note = forms.CharField(
        label=gettext_lazy("Observations"), max_length=300, required=False, widget=UnfoldAdminTextInputWidget
    )


class PhotoForm(forms.Form):
    """A photograph to file."""

    photo = forms.FileField(
        label=gettext_lazy("Photograph"), widget=PhotoInput, help_text=gettext_lazy("JPEG, PNG or WebP.")
    )
    moment = forms.ChoiceField(
        label=gettext_lazy("Moment"), choices=PhotoMoment.choices, widget=UnfoldAdminSelectWidget
    )
    caption = forms.CharField(
        label=gettext_lazy("Caption"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )


def lot_label(lot: ProductLot, *, today: Any) -> str:
    """A lot in a choice: what it is, what is left, and why it must not be used."""
    product = lot.product
    left = f"{lot.units_left.normalize():f} {product.unit}"
    expiry = date_format(lot.expires_on, "SHORT_DATE_FORMAT")
    text = _("%(product)s · lot %(lot)s · expires %(day)s · %(left)s left") % {
        "product": product, "lot": lot.number, "day": expiry, "left": left,
    }  # fmt: skip
    if lot.status != LotStatus.AVAILABLE:
        return f"{text} · {lot.get_status_display().upper()}"
    if lot.expires_on < today:
        return f"{text} · {_('EXPIRED')}"
    return text


class ApplyForm(forms.Form):
    """What was applied to a patient, by who fills it in."""

    code = forms.CharField(
        label=gettext_lazy("Code on the package (UDI)"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autofocus": True}),
        help_text=gettext_lazy("Scan it and leave the lot empty, or choose the lot."),
    )
    lot = forms.ChoiceField(label=gettext_lazy("Lot"), required=False, widget=UnfoldAdminSelectWidget)
    technique = forms.ChoiceField(label=gettext_lazy("How"), choices=Technique.choices, widget=UnfoldAdminSelectWidget)
    service = forms.ModelChoiceField(
        label=gettext_lazy("Procedure"), queryset=Service.objects.none(), required=False, widget=UnfoldAdminSelectWidget
    )
    quantity = forms.DecimalField(
        label=gettext_lazy("Quantity"), max_digits=10, decimal_places=3, widget=UnfoldAdminDecimalFieldWidget,
        help_text=gettext_lazy("In the product's own unit."),
    )  # fmt: skip
    dilution = forms.CharField(
        label=gettext_lazy("Dilution"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("For example: 100 U in 2 mL of saline."),
    )  # fmt: skip
    body_site = forms.CharField(
        label=gettext_lazy("Body site"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )
    serial = forms.CharField(
        label=gettext_lazy("Serial number"), max_length=60, required=False, widget=UnfoldAdminTextInputWidget
    )
    day = forms.DateField(label=gettext_lazy("Day"), widget=UnfoldAdminSingleDateWidget)
    time = forms.TimeField(label=gettext_lazy("Time"), widget=UnfoldAdminSingleTimeWidget)
    label_given = forms.BooleanField(
        label=gettext_lazy("The label was given to the patient"), required=False, widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Permanent implants and PMMA."),
    )  # fmt: skip
    photo_before = forms.FileField(label=gettext_lazy("Photograph before"), required=False, widget=PhotoInput)
    photo_after = forms.FileField(label=gettext_lazy("Photograph after"), required=False, widget=PhotoInput)
    note = forms.CharField(
        label=gettext_lazy("Observations"), max_length=2000, required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today, now = timezone.localdate(), timezone.localtime()
        self.initial = {"day": today, "time": f"{now:%H:%M}", **self.initial}
        lots = list(ProductLot.objects.filter(units_left__gt=0).select_related("product"))
        good = usable(lots, today=today)
        other = [lot for lot in lots if lot not in good]
        field: Any = self.fields["lot"]
        field.choices = [
            ("", "–"),
            *self._group(_("Can be used"), good, today),
            *self._group(_("Must not be used"), other, today),
        ]
        service: Any = self.fields["service"]
        service.queryset = Service.objects.filter(is_active=True).order_by("name")

    @staticmethod
    def _group(title: str, lots: list[ProductLot], today: Any) -> list[tuple[str, Any]]:
        return [(title, [(str(lot.pk), lot_label(lot, today=today)) for lot in lots])] if lots else []

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("lot") and "lot" not in self.errors:
            code = parse_udi(data.get("code", ""))
            product, lot = scanned(code)
            if lot is not None:
                data["lot"] = str(lot.pk)
            elif data.get("code"):
                self.add_error(
                    "code",
                    _("The clinic has not received this lot. Receive it under “Lots and stock”, or choose the lot.")
                    if product
                    else _("No product of the clinic has this code: choose the lot."),
                )
            else:
                self.add_error("lot", _("Choose the lot, or scan the package."))
        if "day" in data and "time" in data:
            data["applied_at"] = timezone.make_aware(datetime.combine(data["day"], data["time"]))
        return data

    def values(self) -> dict[str, Any]:
        """What `patients.applications.apply_product` takes."""
        data = self.cleaned_data
        return {
            "lot": UUID(data["lot"]),
            "technique": data["technique"],
            "service": data["service"].pk if data["service"] else None,
            "quantity": data["quantity"],
            "applied_at": data["applied_at"],
            "label_given_at": timezone.now() if data["label_given"] else None,
            "udi_raw": data["code"],
            **{name: data[name] for name in ("dilution", "body_site", "serial", "note")},
        }


class EventForm(ClinicForm[AdverseEvent]):
    """An adverse event as it became known."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        known, occurred = data.get("known_at"), data.get("occurred_on")
        if known and known > timezone.now():
            self.add_error("known_at", _("This time has not come yet."))
        if known and occurred and occurred > timezone.localdate(known):
            self.add_error("occurred_on", _("The event cannot be later than the day on which it became known."))
        return data


class NotifiedForm(forms.Form):
    """That an event was notified."""

    protocol = forms.CharField(
        label=gettext_lazy("Number of the notification"), max_length=60,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )  # fmt: skip
    day = forms.DateField(label=gettext_lazy("Day"), widget=UnfoldAdminSingleDateWidget)
    time = forms.TimeField(label=gettext_lazy("Time"), widget=UnfoldAdminSingleTimeWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.localtime()
        self.initial = {"day": now.date(), "time": f"{now:%H:%M}"}

    def at(self) -> datetime:
        """When it was."""
        data = self.cleaned_data
        return timezone.make_aware(datetime.combine(data["day"], data["time"]))
