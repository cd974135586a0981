"""What the patients' admin shows of products: what was applied, photographs, and the page to apply one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from neonpro.vault.keys import Act, keyring
from patients import records
from patients.admin.applications import PAGE
from patients.admin.patient_records import closed
from patients.admin.products import amount
from patients.admin.record_pages import consents_page, page_context
from patients.applications import ApplicationError, acting, apply_product, with_voids
from patients.forms.products import ApplyForm, PhotoForm
from patients.models import Appointment, Patient, PhotoMoment, ProductApplication
from patients.photos import PhotoError, add_photo, image_use, photos_of, prepare

SHOWN = 200
"""Applications and photographs on the page of a patient."""


class PatientProducts:
    """Pages of the patients' admin: what was applied, and applying; a mix-in."""

    def has_products_permission(self: Any, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person's role reads what was applied; of whom is PostgreSQL's to say."""
        return bool(request.user.has_perm("patients.view_productapplication"))

    def has_apply_permission(self: Any, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person's role applies products."""
        return bool(request.user.has_perm("patients.add_productapplication"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Products and photographs"), url_path="products", permissions=["products"],
        icon="syringe",
    )  # fmt: skip
    def products(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """What was applied to a patient and the photographs in the record; by POST another one is filed."""
        patient: Patient | None = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        if not records.is_open(patient.pk):
            return closed(self, request, patient)
        form = PhotoForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
        if form.is_bound and form.is_valid():
            data = form.cleaned_data
            try:
                add_photo(data["photo"].read(), patient=patient.pk, moment=data["moment"], caption=data["caption"])
            except PhotoError as error:
                form.add_error("photo", str(error))
            else:
                messages.success(request, _("The photograph was filed."))
                return HttpResponseRedirect(request.path)
        keyring().open([patient.pk], PAGE, Act.READ)
        rows = with_voids(ProductApplication.objects.filter(patient=patient.pk))
        lines = [
            {
                "done": done,
                "quantity": amount(done.quantity, done.product.unit),
                "url": reverse("admin:patients_productapplication_change", args=[done.pk]),
            }
            for done in rows.select_related("product", "professional", "service", "lot").order_by("-applied_at")[:SHOWN]
        ]
        context = page_context(
            self, request, patient, title=_("Products and photographs"), lines=lines, form=form,
            photos=list(photos_of(patient=patient.pk)[:SHOWN]), image_use=image_use(patient.pk),
            consents_url=consents_page(patient.pk),
            may_write=records.is_open(patient.pk, to_write=True), media=self.media + form.media,
            apply_url=reverse("admin:patients_patient_apply", args=[patient.pk]),
        )  # fmt: skip
        return TemplateResponse(request, "admin/patients/patient/products.html", context)

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Apply a product"), url_path="apply", permissions=["apply"], icon="vaccines"
    )
    def apply(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record what is applied, with photographs before and after. What the database refuses is said in the form."""
        patient: Patient | None = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        own = acting()
        if own is None or not records.is_open(patient.pk, to_write=True):
            return closed(self, request, patient)
        visit = _visit(request, patient)
        initial = {"service": visit.service_id} if visit else {}
        form = ApplyForm(*((request.POST, request.FILES) if request.method == "POST" else ()), initial=initial)
        if form.is_bound and form.is_valid():
            done = self._apply(request, form, patient, own.pk, visit)
            if done is not None:
                messages.success(request, _("The application was recorded and its units left the lot."))
                return HttpResponseRedirect(reverse("admin:patients_productapplication_change", args=[done.pk]))
        keyring().open([patient.pk], ("identification", "clinical"), Act.READ)
        context = page_context(
            self, request, patient, title=_("Apply a product"), form=form, visit=visit, professional=own,
            media=self.media + form.media, back_url=reverse("admin:patients_patient_products", args=[patient.pk]),
        )  # fmt: skip
        return TemplateResponse(request, "admin/patients/patient/apply.html", context)

    def _apply(
        self: Any, request: HttpRequest, form: ApplyForm, patient: Patient, own: UUID, visit: Appointment | None
    ) -> ProductApplication | None:
        """Apply and file the photographs, all or nothing; None where the form now says why not."""
        photos = {}
        for name, moment in (("photo_before", PhotoMoment.BEFORE), ("photo_after", PhotoMoment.AFTER)):
            sent = form.cleaned_data[name]
            if sent:
                photos[name] = (moment, sent.read())
                try:
                    prepare(photos[name][1])
                except PhotoError as error:
                    form.add_error(name, str(error))
        if form.errors:
            return None
        appointment = visit.pk if visit else None
        try:
            done = apply_product(
                patient=patient.pk, professional=own, appointment=appointment, **form.values()
            )  # fmt: skip
        except ApplicationError as error:
            field = {"udi_raw": "code", "applied_at": "day", "professional": None}.get(error.field or "", error.field)
            form.add_error(field, str(error))
            return None
        for moment, data in photos.values():
            add_photo(data, patient=patient.pk, application=done.pk, appointment=appointment, moment=moment)
        return done


def _visit(request: HttpRequest, patient: Patient) -> Appointment | None:
    """The patient's appointment that the address names, if any."""
    asked = request.GET.get("appointment", "")
    try:
        wanted = UUID(asked)
    except ValueError:
        return None
    found: Appointment | None = Appointment.objects.filter(pk=wanted, patient=patient.pk).first()
    return found
