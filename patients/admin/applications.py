"""The pages of what was applied: a list, each application with its photographs, voiding, the patient's label."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from clinics import withheld
from clinics.adminbase import ClinicAdmin
from neonpro.vault.keys import Act, keyring
from patients import records
from patients.admin.products import amount
from patients.admin.record_pages import consents_page
from patients.applications import ApplicationError, void, with_voids
from patients.forms.products import PhotoForm, WhyForm
from patients.models import ApplicationVoid, ClinicalPhoto, Patient, ProductApplication
from patients.photos import CONTENT_TYPE, PhotoError, add_photo, image_use, photos_of, withdraw

PAGE = ("identification", "clinical", "images")
"""What a page with photographs opens, in one reading."""


class PatientsOfList:
    """A list of rows of patients: their names come in one reading, and never by a join; a mix-in."""

    def buttons(self: Any, request: HttpRequest, object_id: str) -> Any:
        """What can be done with a row, for the bar of its page, as Unfold's own pages have it."""
        allowed = self.get_actions_detail(request, object_id)
        return self._get_actions_navigation(self.actions_detail, allowed, object_id)

    def get_queryset(self: Any, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        patients = Patient.objects.opening("identification", act=Act.LIST)
        return found.prefetch_related(Prefetch("patient", patients))

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, row: Any) -> str:
        name: str = row.patient.display_name
        return name

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_link(self, row: Any) -> str:
        return format_html(
            '<a class="np-link" href="{}">{}</a>',
            reverse("admin:patients_patient_change", args=[row.patient_id]),
            withheld.shown(row.patient.display_name),
        )


@admin.register(ProductApplication)
class ProductApplicationAdmin(PatientsOfList, ClinicAdmin):
    """What was applied to the patients in one's care, newest first. It is recorded from the patient's page."""

    list_display = ("when_column", "patient_column", "product_column", "lot_number", "quantity_column", "void_badge")
    ordering = ("-applied_at", "pk")
    search_fields = ("lot_number", "product__name")
    search_help_text = gettext_lazy("Lot or product")
    lists = ("identification",)
    names = ("identification",)
    opens = PAGE
    empty_hint = gettext_lazy("Open a patient or an appointment, then “Apply a product”.")
    actions_detail = ("label", "void", "report")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Applications begin on the patient's page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a mistake is voided."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductApplication]:
        return with_voids(super().get_queryset(request)).select_related("product", "professional", "service", "lot")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """One application, to read, with its photographs; by POST another photograph is filed."""
        done = self._done(request, object_id)
        form = PhotoForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
        if form.is_bound and form.is_valid():
            try:
                add_photo(
                    form.cleaned_data["photo"].read(), patient=done.patient_id, application=done.pk,
                    appointment=done.appointment_id, moment=form.cleaned_data["moment"],
                    caption=form.cleaned_data["caption"],
                )  # fmt: skip
            except PhotoError as error:
                form.add_error("photo", str(error))
            else:
                messages.success(request, _("The photograph was filed."))
                return HttpResponseRedirect(request.path)
        keyring().open([done.patient_id], PAGE, Act.READ)
        request.current_app = self.admin_site.name  # as Django's own admin does
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": done,
            "object": done,
            "title": _("Application of a product"),
            "subtitle": self.choice_label(done),
            "actions_detail": self.buttons(request, object_id),
            "done": done,
            "quantity": self.quantity_column(done),
            "void": ApplicationVoid.objects.filter(application=done).select_related("professional").first(),
            "photos": list(photos_of(application=done)),
            "image_use": image_use(done.patient_id),
            "consents_url": consents_page(done.patient_id),
            "form": form,
            "may_write": records.is_open(done.patient_id, to_write=True),
            "patient_url": reverse("admin:patients_patient_products", args=[done.patient_id]),
            "media": self.media + form.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/patients/productapplication/page.html", context)

    def _done(self, request: HttpRequest, object_id: str) -> ProductApplication:
        if not self.has_view_permission(request):
            raise PermissionDenied
        done: ProductApplication | None = self.get_object(request, unquote(object_id))
        if done is None:
            raise Http404
        return done

    def choice_label(self, record: ProductApplication) -> str:
        return f"{self.when_column(record)} · {record.patient.display_name}"

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, done: ProductApplication) -> str:
        return date_format(timezone.localtime(done.applied_at), "SHORT_DATETIME_FORMAT")

    @display(description=gettext_lazy("product"))  # type: ignore[untyped-decorator]
    def product_column(self, done: ProductApplication) -> str:
        return str(done.product)

    @display(description=gettext_lazy("quantity"))  # type: ignore[untyped-decorator]
    def quantity_column(self, done: ProductApplication) -> str:
        return amount(done.quantity, done.product.unit)

    @display(description=gettext_lazy("situation"), label={"void": "danger", "kept": "success"})  # type: ignore[untyped-decorator]
    def void_badge(self, done: Any) -> tuple[str, str]:
        return ("void", _("voided")) if done.is_void else ("kept", _("applied"))

    # --- what is done with one --------------------------------------------------------------------------------------

    def _standing(self, request: HttpRequest, object_id: str | None) -> Any:
        """The application, if this person may write of its patient and it was not voided; None otherwise."""
        done: Any = self.get_object(request, unquote(object_id)) if object_id else None
        if done is None or done.is_void or not records.is_open(done.patient_id, to_write=True):
            return None
        return done

    def has_void_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may void this application now."""
        may = bool(request.user.has_perm("patients.add_applicationvoid"))
        return may and (object_id is None or self._standing(request, object_id) is not None)

    def has_label_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether a label is still to be given to the patient."""
        if not request.user.has_perm("patients.change_productapplication"):
            return False
        done = self._standing(request, object_id)
        return object_id is None or (
            done is not None and done.product.gives_label and done.patient_label_given_at is None
        )  # fmt: skip

    def has_report_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may report an adverse event."""
        return bool(request.user.has_perm("patients.add_adverseevent"))

    @action(description=gettext_lazy("Void"), url_path="void", permissions=["void"], variant=ActionVariant.DANGER)  # type: ignore[untyped-decorator]
    def void(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then void: it stays in the record, and its units go back to the lot."""
        done = self._done(request, object_id)
        form = WhyForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                void(done.pk, reason=form.cleaned_data["reason"])
            except ApplicationError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The application was voided and its units are back in the lot."))
                return self._back(done)
        return self.confirmation(
            request, done, title=_("Void the application"), submit=_("Void the application"), form=form,
            kind="np-danger",
            text=_(
                "For what was recorded by mistake. The application stays in the record as voided, and its units go back"
                " to the lot. To correct it, void it and record it again."
            ),
        )  # fmt: skip

    @action(description=gettext_lazy("Label given to the patient"), url_path="label", permissions=["label"])  # type: ignore[untyped-decorator]
    def label(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record that the patient was given the label of the implant."""
        done = self._done(request, object_id)
        if request.method == "POST" and done.patient_label_given_at is None:
            done.patient_label_given_at = timezone.now()
            done.save(update_fields=["patient_label_given_at"])
            messages.success(request, _("Recorded."))
            return self._back(done)
        return self.confirmation(
            request, done, title=_("Label given to the patient"), submit=_("It was given"),
            text=_("Of a permanent implant the patient is given one label. This is recorded once, with the time."),
        )  # fmt: skip

    @action(description=gettext_lazy("Report an adverse event"), url_path="report", permissions=["report"])  # type: ignore[untyped-decorator]
    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the form of a new adverse event, with patient, lot and application in it."""
        done = self._done(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:patients_adverseevent_add')}?application={done.pk}")

    def _back(self, done: ProductApplication) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:patients_productapplication_change", args=[done.pk]))


@admin.register(ClinicalPhoto)
class ClinicalPhotoAdmin(PatientsOfList, ClinicAdmin):
    """Photographs of the patients in one's care. A list shows none of them: each is opened by itself."""

    list_display = ("when_column", "patient_column", "moment", "caption", "withdrawn_badge")
    ordering = ("-taken_at", "pk")
    lists = ("identification", "images")
    names = ("identification",)
    opens = ("identification", "images")
    empty_hint = gettext_lazy("Photographs are filed on the page of an application or of a patient.")
    actions_detail = ("withdraw_photo",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Photographs are filed where they belong."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a mistake is withdrawn."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """One photograph, with what the patient said of using it."""
        photo = self._photo(request, object_id)
        keyring().open([photo.patient_id], ("identification", "images"), Act.READ)
        request.current_app = self.admin_site.name  # as Django's own admin does
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": photo,
            "object": photo,
            "title": _("Photograph"),
            "subtitle": self.choice_label(photo),
            "actions_detail": self.buttons(request, object_id),
            "photo": photo,
            "image_use": image_use(photo.patient_id),
            "consents_url": consents_page(photo.patient_id),
            "patient_url": reverse("admin:patients_patient_products", args=[photo.patient_id]),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/patients/clinicalphoto/page.html", context)

    def get_urls(self) -> list[Any]:
        ours = [
            path(
                f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"patients_clinicalphoto_{name}"
            )
            for name, view in (("file", self.file_view), ("small", self.small_view))
        ]  # fmt: skip
        return [*ours, *super().get_urls()]

    def file_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The photograph itself; the log has who opened it."""
        return self._serve(request, object_id, "content")

    def small_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The thumbnail."""
        return self._serve(request, object_id, "thumbnail")

    def _serve(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        photo = self._photo(request, object_id)
        if photo.withdrawn_at is not None:
            raise Http404
        keyring().open([photo.patient_id], ("images",), Act.READ)
        content = getattr(photo, name)
        if not isinstance(content, bytes):
            raise Http404
        response = HttpResponse(content, content_type=CONTENT_TYPE)
        response.headers["Content-Disposition"] = "inline"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _photo(self, request: HttpRequest, object_id: str) -> ClinicalPhoto:
        if not self.has_view_permission(request):
            raise PermissionDenied
        photo: ClinicalPhoto | None = self.get_object(request, unquote(object_id))
        if photo is None:
            raise Http404
        return photo

    def choice_label(self, record: ClinicalPhoto) -> str:
        return f"{self.when_column(record)} · {record.patient.display_name}"

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, photo: ClinicalPhoto) -> str:
        return date_format(timezone.localtime(photo.taken_at), "SHORT_DATETIME_FORMAT")

    @display(description=gettext_lazy("situation"), label={"kept": "success", "withdrawn": "danger"})  # type: ignore[untyped-decorator]
    def withdrawn_badge(self, photo: ClinicalPhoto) -> tuple[str, str]:
        return ("withdrawn", _("withdrawn")) if photo.withdrawn_at else ("kept", _("in the record"))

    def has_withdraw_photo_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may take this photograph back."""
        if not request.user.has_perm("patients.change_clinicalphoto"):
            return False
        photo: Any = self.get_object(request, unquote(object_id)) if object_id else None
        return object_id is None or (
            photo is not None and photo.withdrawn_at is None and records.is_open(photo.patient_id, to_write=True)
        )

    @action(
        description=gettext_lazy("Withdraw"), url_path="withdraw", permissions=["withdraw_photo"],
        variant=ActionVariant.DANGER,
    )  # type: ignore[untyped-decorator]  # fmt: skip
    def withdraw_photo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then withdraw: nobody is shown it any more."""
        photo = self._photo(request, object_id)
        form = WhyForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                withdraw(photo.pk, reason=form.cleaned_data["reason"])
            except PhotoError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The photograph was withdrawn."))
                return HttpResponseRedirect(reverse("admin:patients_patient_products", args=[photo.patient_id]))
        return self.confirmation(
            request, photo, title=_("Withdraw the photograph"), submit=_("Withdraw the photograph"), form=form,
            kind="np-danger",
            text=_("For a photograph filed by mistake. It stays in the record, encrypted, and nobody is shown it."),
        )  # fmt: skip
