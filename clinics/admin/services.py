"""What the clinic offers."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers the groups that are taken out here
from django.utils import formats
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from clinics.adminbase import ClinicAdmin, ClinicForm
from clinics.models import Service


def format_reais(cents: int | None) -> str:
    """R$ 1.250,00; '' for no price."""
    return "" if cents is None else f"R$ {formats.number_format(Decimal(cents) / 100, 2)}"


class ReaisField(forms.DecimalField):
    """A price as people write it: 250, 250,00, R$ 1.250,00."""

    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_digits=10, decimal_places=2, localize=True, **options)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        return super().to_python(re.sub(r"^\s*R\$\s*", "", value) if isinstance(value, str) else value)


class ServiceForm(ClinicForm[Service]):
    """A service, with its price in reais; the table keeps cents."""

    price = ReaisField(
        label=gettext_lazy("Price (R$)"),
        required=False,
        help_text=gettext_lazy("For example 250,00. Empty: to be agreed."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cents = self.instance.price_cents
        if cents is not None:
            self.initial["price"] = Decimal(cents) / 100

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "price" in data:
            self.instance.price_cents = None if data["price"] is None else int(data["price"] * 100)
        return data


@admin.register(Service)
class ServiceAdmin(ClinicAdmin):
    """What the clinic offers."""

    form = ServiceForm
    list_display = ("name", "category", "duration", "price", "tuss_code", "is_active")
    list_filter = (("category", ChoicesDropdownFilter), ("procedure_class", ChoicesDropdownFilter), "is_active")
    search_fields = ("name", "tuss_code")
    search_help_text = gettext_lazy("Name or TUSS code")
    ordering = ("-is_active", "name", "pk")
    empty_hint = gettext_lazy("Register the services with their duration: booking fills it in.")
    fieldsets = (
        (None, {"fields": ("name", "category", "procedure_class", "duration_minutes", "price", "is_active")}),
        (gettext_lazy("Health insurance"), {"fields": ("tuss_code",)}),
    )

    @display(description=gettext_lazy("duration"))  # type: ignore[untyped-decorator]
    def duration(self, service: Service) -> str:
        return ngettext("%(n)s minute", "%(n)s minutes", service.duration_minutes) % {"n": service.duration_minutes}

    @display(description=gettext_lazy("price"))  # type: ignore[untyped-decorator]
    def price(self, service: Service) -> str:
        return format_reais(service.price_cents)
