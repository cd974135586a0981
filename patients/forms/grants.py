"""The forms of grants on one patient."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext
from guardian.forms import UserObjectPermissionsForm
from guardian.utils import get_user_obj_perms_model
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from clinics.models import Membership
from patients.models import Patient

PERMISSIONS = {"view_patient": gettext_lazy("see the record"), "change_patient": gettext_lazy("change the record")}
"""What can be granted on one patient."""


class MemberForm(forms.Form):
    """For whom to open one record."""

    member = forms.ModelChoiceField(
        label=gettext_lazy("Team member"),
        queryset=Membership.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("Select value"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["member"]
        field.queryset = Membership.objects.filter(is_active=True).order_by("display_name")


class GrantForm(UserObjectPermissionsForm):
    """What one person may do with one patient, why, and until when."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
    until = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=gettext_lazy("The last day. Empty: without an end."),
    )

    def __init__(self, user: Any, patient: Patient, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, patient, *args, **kwargs)
        held = self._held().first()
        if held is not None:
            self.initial |= {"reason": held.reason}
            if held.expires_at:
                self.initial["until"] = timezone.localtime(held.expires_at).date() - timedelta(days=1)

    def get_obj_perms_field_label(self) -> str:
        return pgettext("permission", "May")

    def get_obj_perms_field_choices(self) -> list[tuple[str, Any]]:
        return list(PERMISSIONS.items())

    def get_obj_perms_field_widget(self) -> Any:
        return UnfoldAdminCheckboxSelectMultipleWidget

    def save_for(self, granted_by: Any) -> None:
        """Grant what is marked, in the name of somebody, and take back what is not."""
        self.save_obj_perms()
        until = self.cleaned_data["until"]
        # The end is the midnight after the last day, where the clinic is.
        end = timezone.make_aware(datetime.combine(until + timedelta(days=1), datetime.min.time())) if until else None
        self._held().update(granted_by=granted_by, reason=self.cleaned_data["reason"], expires_at=end)

    def _held(self) -> Any:
        content_type = ContentType.objects.get_for_model(Patient)
        return get_user_obj_perms_model().objects.filter(
            user=self.user,
            content_type=content_type,
            object_pk=str(self.obj.pk),
            permission__in=Permission.objects.filter(content_type=content_type, codename__in=PERMISSIONS),
        )
