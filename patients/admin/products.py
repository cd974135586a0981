"""The pages of products, lots and stock."""

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from clinics.adminbase import ClinicAdmin, place_of
from clinics.models import Membership
from clinics.roles import may
from patients import recall_page
from patients.absences import still_blocked
from patients.forms.products import LotForm, MoveForm, ProductForm, WhyForm
from patients.models import LotStatus, MovementKind, Product, ProductLot, RegistrationStatus, StockMovement
from patients.products import UNUSABLE, link
from patients.recalls import leads_recalls
from patients.stock import StockError, days_left, move, overview, set_status


def amount(value: Decimal | None, unit: str) -> str:
    """A quantity as people write it."""
    return f"{(value or Decimal(0)).normalize():f} {unit}".replace(".", ",")


@admin.register(Product)
class ProductAdmin(ClinicAdmin):
    """The clinic's products with their registration at Anvisa."""

    form = ProductForm
    list_display = ("name_column", "kind_column", "registration_number", "status_badge", "valid_column", "stock_column")
    list_filter = (("kind", ChoicesDropdownFilter), ("registration_status", ChoicesDropdownFilter))
    list_filter_submit = True
    search_fields = ("name", "registration_number", "gtin")
    search_help_text = gettext_lazy("Name, registration number or code on the package")
    ordering = ("-is_active", "name", "presentation", "pk")
    empty_hint = gettext_lazy("Register the first product: its number at Anvisa is on the label.")
    fieldsets = (
        (None, {"fields": ("kind", "name", "presentation", "model", "unit", "gtin")}),
        (
            "Anvisa",
            {
                "fields": (
                    "registration_number", "risk_class", "registration_status", "registration_valid_until", "holder",
                    "manufacturer",
                ),
            },
        ),
        (gettext_lazy("Use"), {"fields": ("gives_label", "is_active")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).select_related("register")

    def prepare(self, request: HttpRequest, records: list[Any]) -> list[Any]:
        sums = dict(
            ProductLot.objects.filter(product__in=records)
            .values("product")
            .annotate(left=Sum("units_left"))
            .values_list("product", "left")
        )
        for product in records:
            product.left = sums.get(product.pk)
        return records

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        link(obj)
        super().save_model(request, obj, form, change)
        if obj.register is not None:
            messages.info(request, _("Found in Anvisa's register: situation, validity and holder are from there."))

    def closed(self, request: HttpRequest, record: Product) -> list[str]:
        if record.registration_status in UNUSABLE:
            return [
                _("Registration %(status)s: the database refuses every application of this product.")
                % {"status": record.get_registration_status_display()}
            ]
        return super().closed(request, record)

    @display(description=gettext_lazy("product"))  # type: ignore[untyped-decorator]
    def name_column(self, product: Product) -> str:
        return str(product) if product.is_active else _("%(product)s (no longer used)") % {"product": product}

    @display(description=gettext_lazy("kind"))  # type: ignore[untyped-decorator]
    def kind_column(self, product: Product) -> str:
        kind = str(product.get_kind_display())
        return f"{kind} · {product.risk_class}" if product.risk_class else kind

    @display(
        description=pgettext_lazy("Anvisa", "registration"),
        label={
            RegistrationStatus.VALID: "success", RegistrationStatus.UNCHECKED: "default",
            RegistrationStatus.SUSPENDED: "danger", RegistrationStatus.EXPIRED: "danger",
            RegistrationStatus.CANCELLED: "danger",
        },
    )  # type: ignore[untyped-decorator]  # fmt: skip
    def status_badge(self, product: Product) -> tuple[str, str]:
        return product.registration_status, product.get_registration_status_display()

    @display(description=gettext_lazy("valid until"))  # type: ignore[untyped-decorator]
    def valid_column(self, product: Product) -> str:
        until = product.registration_valid_until
        return date_format(until, "SHORT_DATE_FORMAT") if until else ""

    @display(description=gettext_lazy("in stock"))  # type: ignore[untyped-decorator]
    def stock_column(self, product: Product) -> str:
        return amount(getattr(product, "left", None), product.unit)


class ExpiryFilter(DropdownFilter):
    """Which lots by their expiry and what is left."""

    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("left", _("With something left")), ("soon", _("Expires soon")), ("expired", _("Expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProductLot]) -> QuerySet[ProductLot]:
        today = timezone.localdate()
        if self.value() == "left":
            return queryset.filter(units_left__gt=0)
        if self.value() == "soon":
            return queryset.filter(units_left__gt=0, expires_on__range=(today, overview(today=today).until))
        if self.value() == "expired":
            return queryset.filter(units_left__gt=0, expires_on__lt=today)
        return queryset


@admin.register(ProductLot)
class ProductLotAdmin(ClinicAdmin):
    """Lots and stock: what is there, what expires, what is held back; and the recall of a lot."""

    form = LotForm

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["neonpro/products.css"]}

    list_display = ("product_column", "number", "expiry_badge", "left_column", "status_badge")
    list_filter = (ExpiryFilter, ("status", ChoicesDropdownFilter))
    list_filter_submit = True
    list_before_template = "admin/patients/productlot/overview.html"
    change_form_template = "admin/patients/productlot/change_form.html"
    search_fields = ("number", "product__name")
    search_help_text = gettext_lazy("Lot or product")
    ordering = ("expires_on", "pk")
    empty_hint = gettext_lazy("Receive the first lot: scan its package or type what is on it.")
    actions_detail = ("receive", "discard", "count", "quarantine", "release", "recall_lot", "recalled")
    refusals: ClassVar[dict[str, Any]] = {
        "product_lots_stays": gettext_lazy("A lot that was used stays what it is: its expiry cannot be changed."),
        "product_lots_counted": gettext_lazy("Stock is counted by receipts, discards and applications."),
    }

    def get_fieldsets(self, request: HttpRequest, obj: ProductLot | None = None) -> Any:
        if obj is None:
            return (
                (None, {"fields": ("code", "product", "number", "expires_on")}),
                (gettext_lazy("Receipt"), {"fields": ("units_received", "received_on", "supplier", "invoice")}),
            )
        return (
            (None, {"fields": ("product_link", "number", "expires_on", "left_column", "received_column")}),
            (gettext_lazy("Receipt"), {"fields": ("received_on", "supplier", "invoice")}),
            (pgettext_lazy("lot", "Situation"), {"fields": ("status_words", "status_reason", "status_since")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: ProductLot | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return (
            "product_link", "number", "expires_on", "left_column", "received_column", "received_on", "status_words",
            "status_reason", "status_since",
        )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductLot]:
        return super().get_queryset(request).select_related("product")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        more: dict[str, Any] = {}
        if self.has_view_permission(request):
            today = timezone.localdate()
            more = {"stock": overview(today=today), "today": today}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        lot = context.get("original")
        if lot is not None:
            names = dict(Membership.objects.values_list("user_id", "display_name"))
            context["movements"] = [
                {
                    "when": movement.created_at,
                    "kind": movement.get_kind_display(),
                    "quantity": amount(movement.quantity, lot.product.unit),
                    "reason": movement.reason,
                    "who": names.get(movement.recorded_by, "–") if movement.recorded_by else "–",
                }
                for movement in StockMovement.objects.filter(lot=lot).order_by("-created_at")[:100]
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def closed(self, request: HttpRequest, record: ProductLot) -> list[str]:
        today = timezone.localdate()
        found = []
        if record.status != LotStatus.AVAILABLE:
            found.append(
                _("%(status)s: the database refuses every application from this lot. Reason: %(reason)s")
                % {"status": str(record.get_status_display()).capitalize(), "reason": record.status_reason}
            )
        if record.expires_on < today:
            found.append(_("This lot has expired: discard what is left of it."))
        if record.product.registration_status in UNUSABLE:
            found.append(
                _("Registration %(status)s: the database refuses every application of this product.")
                % {"status": record.product.get_registration_status_display()}
            )
        return found

    def choice_label(self, record: ProductLot) -> str:
        return f"{record.product} · {record.number}"

    # --- columns ----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("product"))  # type: ignore[untyped-decorator]
    def product_column(self, lot: ProductLot) -> str:
        return str(lot.product)

    product_link = product_column

    @display(description=gettext_lazy("expiry"), label={"good": "default", "soon": "warning", "expired": "danger"})  # type: ignore[untyped-decorator]
    def expiry_badge(self, lot: ProductLot) -> tuple[str, str]:
        left = days_left(lot, today=timezone.localdate())
        soon = (self._until() - timezone.localdate()).days
        return (
            "expired" if left < 0 else "soon" if left <= soon else "good",
            date_format(lot.expires_on, "SHORT_DATE_FORMAT"),
        )

    @staticmethod
    def _until() -> Any:
        from neonpro.rules import rule
        from patients.stock import SOON

        today = timezone.localdate()
        return rule(SOON, on=today).period.after(today)

    @display(description=gettext_lazy("left"))  # type: ignore[untyped-decorator]
    def left_column(self, lot: ProductLot) -> str:
        return amount(lot.units_left, lot.product.unit)

    @display(description=gettext_lazy("received"))  # type: ignore[untyped-decorator]
    def received_column(self, lot: ProductLot) -> str:
        return amount(lot.units_received, lot.product.unit)

    @display(
        description=gettext_lazy("situation"),
        label={
            LotStatus.AVAILABLE: "success", LotStatus.QUARANTINED: "warning", LotStatus.RECALLED: "danger",
            "expired": "danger",
        },
    )  # type: ignore[untyped-decorator]  # fmt: skip
    def status_badge(self, lot: ProductLot) -> tuple[str, str]:
        if lot.status == LotStatus.AVAILABLE and lot.expires_on < timezone.localdate():
            return "expired", pgettext("lot", "expired")
        return lot.status, lot.get_status_display()

    @display(description=gettext_lazy("situation"))  # type: ignore[untyped-decorator]
    def status_words(self, lot: ProductLot) -> str:
        return str(lot.get_status_display())

    @display(description=gettext_lazy("since, by whom"))  # type: ignore[untyped-decorator]
    def status_since(self, lot: ProductLot) -> str:
        if lot.status_at is None:
            return ""
        who = (
            Membership.objects.filter(user_id=lot.status_by).values_list("display_name", flat=True).first()
            if lot.status_by
            else None
        )
        when = date_format(timezone.localtime(lot.status_at), "SHORT_DATETIME_FORMAT")
        return f"{when} · {who}" if who else when

    # --- what is done with a lot ------------------------------------------------------------------------------------

    def _lot(self, request: HttpRequest, object_id: str) -> ProductLot:
        lot: ProductLot | None = self.get_object(request, unquote(object_id))
        if lot is None:
            raise Http404
        return lot

    def has_receive_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person moves stock."""
        return may(place_of(request).role, "add", "stock_movements")

    has_discard_permission = has_count_permission = has_receive_permission

    def _has(self, request: HttpRequest, object_id: str | None, *statuses: str) -> bool:
        if not self.has_change_permission(request):
            return False
        lot = self.get_object(request, unquote(object_id)) if object_id else None
        return lot is None or lot.status in statuses

    def has_quarantine_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this lot may be held back now."""
        return self._has(request, object_id, LotStatus.AVAILABLE)

    def has_release_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this lot may be released now: by management or a professional, not by who put it on the shelf."""
        return may(place_of(request).role, "change", "products") and self._has(
            request, object_id, LotStatus.QUARANTINED, LotStatus.RECALLED
        )

    def has_recall_lot_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this lot may be recalled now."""
        return may(place_of(request).role, "change", "products") and self._has(
            request, object_id, LotStatus.AVAILABLE, LotStatus.QUARANTINED
        )

    def has_recalled_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person leads recalls, and this lot is recalled."""
        if not self.has_view_permission(request) or not leads_recalls():
            return False
        lot = self.get_object(request, unquote(object_id)) if object_id else None
        return lot is None or lot.status == LotStatus.RECALLED

    @action(description=gettext_lazy("Receive more"), url_path="receive", permissions=["receive"])  # type: ignore[untyped-decorator]
    def receive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record another receipt of this lot."""
        return self._move(request, object_id, MovementKind.RECEIVED, _("Receive more"))

    @action(description=gettext_lazy("Discard"), url_path="discard", permissions=["discard"])  # type: ignore[untyped-decorator]
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record that something of this lot was thrown away or given back."""
        return self._move(request, object_id, MovementKind.DISCARDED, _("Discard"))

    @action(description=gettext_lazy("Correct the count"), url_path="count", permissions=["count"])  # type: ignore[untyped-decorator]
    def count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record what is really there."""
        return self._move(request, object_id, MovementKind.CORRECTED, _("Correct the count"))

    def _move(self, request: HttpRequest, object_id: str, kind: str, title: str) -> HttpResponse:
        lot = self._lot(request, object_id)
        form = MoveForm(kind, request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                move(lot.pk, kind=kind, **form.cleaned_data)
            except StockError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The stock was updated."))
                return self._back(lot)
        text = _("There are %(left)s of this lot.") % {"left": amount(lot.units_left, lot.product.unit)}
        return self.confirmation(request, lot, title=title, text=text, submit=title, form=form)

    @action(description=gettext_lazy("Put in quarantine"), url_path="quarantine", permissions=["quarantine"])  # type: ignore[untyped-decorator]
    def quarantine(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Hold a lot back until somebody has found out."""
        return self._status(
            request, object_id, LotStatus.QUARANTINED, _("Put in quarantine"),
            _("Nothing can be applied from this lot until it is released."),
        )  # fmt: skip

    @action(description=gettext_lazy("Release"), url_path="release", permissions=["release"])  # type: ignore[untyped-decorator]
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a lot be used again."""
        return self._status(
            request, object_id, LotStatus.AVAILABLE, _("Release"),
            _("The lot can be applied again. What was recorded about a recall stays."),
        )  # fmt: skip

    @action(
        description=gettext_lazy("Recall the lot"), url_path="recall", permissions=["recall_lot"],
        variant=ActionVariant.DANGER,
    )  # type: ignore[untyped-decorator]  # fmt: skip
    def recall_lot(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Recall a lot: nothing more is applied from it, and everybody who got something is told."""
        return self._status(
            request, object_id, LotStatus.RECALLED, _("Recall the lot"),
            _(
                "Nothing can be applied from this lot any more. Management, the data protection officer and the"
                " technical director then see who got something from it, to tell them."
            ),
            kind="np-danger",
        )  # fmt: skip

    def _status(
        self, request: HttpRequest, object_id: str, status: str, title: str, text: str, kind: str = "np-primary"
    ) -> HttpResponse:
        lot = self._lot(request, object_id)
        form = WhyForm(request.POST if request.method == "POST" else None)
        form.fields["reason"].help_text = _("Nothing about patients: the whole team reads it.")
        if form.is_bound and form.is_valid():
            try:
                set_status(lot.pk, status, reason=form.cleaned_data["reason"])
            except StockError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The situation of the lot was changed."))
                if status == LotStatus.RECALLED and leads_recalls():
                    return HttpResponseRedirect(reverse("admin:patients_productlot_recalled", args=[lot.pk]))
                self._warn_of_blocks(request, lot)
                return self._back(lot)
        return self.confirmation(request, lot, title=title, text=text, submit=title, form=form, kind=kind)

    @staticmethod
    def _warn_of_blocks(request: HttpRequest, lot: ProductLot) -> None:
        """Say what is still blocked in the schedule: the page of the recall, where it was blocked, is shut now."""
        blocked = still_blocked(lot.pk)
        if blocked:
            text = ngettext(
                "%(count)d time is still blocked in the schedule for the recall: remove it under “Absences”.",
                "%(count)d times are still blocked in the schedule for the recall: remove them under “Absences”.",
                blocked,
            )
            messages.warning(request, text % {"count": blocked})

    def _back(self, lot: ProductLot) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:patients_productlot_change", args=[lot.pk]))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Who got it"), url_path="recalled", permissions=["recalled"],
        variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def recalled(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Whom a recalled lot was applied to, with letters, a list to call from, and who was reached."""
        lot = self._lot(request, object_id)
        if not self.has_recalled_permission(request, object_id):
            raise PermissionDenied
        return recall_page.answer(self, request, lot)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        return queryset.filter(Q(number__icontains=search_term) | Q(product__name__icontains=search_term)), False
