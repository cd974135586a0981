"""What the audit log is filtered by, and the grant of a permission on one record."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from clinics import trail
from clinics.adminbase import AutocompleteInput, ClinicForm, LabelledChoiceField
from clinics.models import Membership
from compliance.models import AuditLog, ResourcePermission
from neonpro.vault.keys import Act
from patients.forms.grants import PERMISSIONS
from patients.models import Appointment, Patient

WINDOW = timedelta(days=90)
"""The period of a filter by action or table alone: no index of the log begins with them."""


def patient_field(**options: Any) -> LabelledChoiceField:
    """A patient of the clinic, found by name or number."""
    field = LabelledChoiceField(
        label=gettext_lazy("Patient"),
        queryset=Patient.objects.opening("identification", act=Act.LIST),
        widget=AutocompleteInput(Appointment._meta.get_field("patient"), admin.site),
        **options,
    )
    patients: Any = admin.site.get_model_admin(Patient)
    field.label_of = patients.choice_label
    return field


class AuditFilterForm(forms.Form):
    """What part of the log to show."""

    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=UnfoldAdminSingleDateWidget)
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=UnfoldAdminSingleDateWidget)
    actor = forms.ChoiceField(label=gettext_lazy("Who"), required=False, widget=UnfoldAdminSelectWidget)
    action = forms.ChoiceField(label=gettext_lazy("Action"), required=False, widget=UnfoldAdminSelectWidget)
    table = forms.ChoiceField(label=gettext_lazy("Table"), required=False, widget=UnfoldAdminSelectWidget)
    record = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, patients: bool) -> None:
        """The filters.

        Args:
            data: the query of the address.
            patients: the reader may see patients; others filter by a pseudonym they clicked on.
        """
        data = data.copy()
        alone = not any(data.get(name) for name in ("since", "until", "actor", "patient", "record"))
        if alone and (data.get("action") or data.get("table")):
            # Said in the form, where it can be changed.
            data["since"] = (timezone.localdate() - WINDOW).isoformat()
        super().__init__(data)
        anything = ("", _("Any"))
        choices: dict[str, list[tuple[str, Any]]] = {
            "actor": actors(),
            "action": sorted(trail.ACTIONS.items(), key=lambda pair: str(pair[1])),
            "table": [(table, capfirst(word)) for table, word in trail.audited_tables()],
        }
        for name, offered in choices.items():
            field: Any = self.fields[name]
            field.choices = [anything, *offered]
        if patients:
            self.fields["patient"] = patient_field(required=False)
        else:
            self.fields["patient"] = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def rows(self) -> QuerySet[AuditLog]:
        """The log as far as the filters let through; nothing while one of them is wrong."""
        if not self.is_valid():
            return AuditLog.objects.none()
        rows = AuditLog.objects.all()
        chosen = self.cleaned_data
        if chosen["since"]:
            rows = rows.filter(created_at__gte=midnight(chosen["since"]))
        if chosen["until"]:
            rows = rows.filter(created_at__lt=midnight(chosen["until"] + timedelta(days=1)))
        for name, column in (
            ("actor", "actor"),
            ("action", "action"),
            ("table", "table_name"),
            ("record", "record_id"),
        ):
            if chosen[name]:
                rows = rows.filter(**{column: chosen[name]})
        if chosen["patient"]:
            rows = rows.filter(patient_id=getattr(chosen["patient"], "pk", chosen["patient"]))
        return rows


def midnight(day: date) -> datetime:
    """The beginning of a day where the clinic is."""
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def actors() -> list[tuple[str, str]]:
    """Everyone who ever acted in the current clinic, by name; the log's own index knows them."""
    with connection.cursor() as cursor:
        # From one actor to the next along the index, instead of through all of the log.
        cursor.execute(
            "WITH RECURSIVE seen AS ("
            "  (SELECT actor_kind, actor FROM audit_logs ORDER BY actor LIMIT 1)"
            "  UNION ALL"
            "  SELECT following.actor_kind, following.actor FROM seen, LATERAL ("
            "    SELECT l.actor_kind, l.actor FROM audit_logs AS l WHERE l.actor > seen.actor ORDER BY l.actor LIMIT 1"
            "  ) AS following"
            ") SELECT actor_kind, actor FROM seen WHERE actor <> ''"
        )
        found = cursor.fetchall()
    people = trail.names()
    return sorted(((actor, trail.who(kind, actor, people)) for kind, actor in found), key=lambda pair: pair[1])


class GrantForm(ClinicForm[ResourcePermission]):
    """To whom which permission on which patient; afterwards only why and until when."""

    member = forms.ModelChoiceField(
        label=gettext_lazy("Team member"),
        queryset=Membership.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("Select value"),
    )
    may = forms.ChoiceField(
        label=pgettext_lazy("permission", "May"), choices=list(PERMISSIONS.items()), widget=UnfoldAdminSelectWidget
    )
    until = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=gettext_lazy("The last day. Empty: without an end."),
    )

    class Meta:
        model = ResourcePermission
        fields = ("reason",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            self.fields["reason"].required = True
        if self.instance._state.adding:
            member: Any = self.fields["member"]
            member.queryset = Membership.objects.filter(is_active=True).order_by("display_name")
            self.fields["patient"] = patient_field()
        else:
            for name in ("member", "may", "patient"):
                self.fields.pop(name, None)
            if self.instance.expires_at:
                self.initial["until"] = timezone.localtime(self.instance.expires_at).date() - timedelta(days=1)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        grant = self.instance
        if grant._state.adding and not self.errors:
            content_type = ContentType.objects.get_for_model(Patient)
            grant.user_id = data["member"].user_id
            grant.content_type = content_type
            grant.object_pk = str(data["patient"].pk)
            grant.permission = Permission.objects.get(content_type=content_type, codename=data["may"])
        if "until" in data:
            grant.expires_at = midnight(data["until"] + timedelta(days=1)) if data["until"] else None
        return data
