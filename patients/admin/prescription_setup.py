"""What a clinic sets up for prescribing: templates, and councils that prescribe besides doctors and dentists."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from clinics.adminbase import ClinicAdmin
from patients.forms.prescriptions import TemplateForm
from patients.models import PrescribingCouncil, PrescriptionTemplate
from patients.prescription_templates import install_starters


@admin.register(PrescriptionTemplate)
class PrescriptionTemplateAdmin(ClinicAdmin):
    """The clinic's templates, which professionals and management edit."""

    form = TemplateForm
    list_display = ("name", "count_column", "is_active")
    ordering = ("name", "pk")
    actions_list = ("starters",)
    empty_hint = gettext_lazy("Add the starter set with the button above, or write a template of your own.")
    fieldsets = ((None, {"fields": ("name", "medicines", "guidance", "is_active")}),)

    @display(description=gettext_lazy("medicines"))  # type: ignore[untyped-decorator]
    def count_column(self, template: PrescriptionTemplate) -> int:
        return len(template.lines)

    def has_starters_permission(self, request: HttpRequest) -> bool:
        """Whether this person may add templates."""
        return bool(self.has_add_permission(request))

    @action(description=gettext_lazy("Add the starter set"), url_path="starters", permissions=["starters"])  # type: ignore[untyped-decorator]
    def starters(self, request: HttpRequest) -> HttpResponse:
        """Ask, then add the templates that come with the product and are not there yet."""
        if request.method == "POST":
            messages.success(request, _("Templates added: %(count)s.") % {"count": install_starters()})
            return HttpResponseRedirect(reverse("admin:patients_prescriptiontemplate_changelist"))
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add the starter set"),
            "text": _(
                "Common prescriptions of aesthetic and general practice are added to yours. What you have stays as it"
                " is, and each of them can be changed or switched off afterwards. Doses are the prescriber's to decide."
            ),
            "submit": _("Add the starter set"),
            "back_url": reverse("admin:patients_prescriptiontemplate_changelist"),
        }
        return TemplateResponse(request, "admin/confirm.html", context)


@admin.register(PrescribingCouncil)
class PrescribingCouncilAdmin(ClinicAdmin):
    """Which documents the clinic opens to other councils than doctors' and dentists'; none by default."""

    list_display = ("council", "kind", "basis")
    ordering = ("council", "kind", "pk")
    fields = ("council", "kind", "basis")
    empty_hint = gettext_lazy(
        "Doctors and dentists prescribe. Another council does when a norm or protocol lets it and you name it here;"
        " controlled medicines never."
    )
