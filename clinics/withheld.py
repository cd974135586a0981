"""How pages and forms show a personal value that does not open (`neonpro.vault.fields.Withheld`)."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminTextInputWidget

from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Erased, Status, VaultError


def shown(value: Any) -> Any:
    """A value for a page: what stands in place of one that does not open is set apart from real ones."""
    return format_html('<span class="np-withheld">{}</span>', str(value)) if isinstance(value, Withheld) else value


def explanation(status: Status) -> str:
    """Why values do not open, and what that means for whoever wants to work with them."""
    if status is Status.RESTRICTED:
        return _(
            "Access to the personal data of this patient is restricted. Only the data protection officer sees them"
            " until the restriction is lifted; appointments can still be booked, and nothing was deleted."
        )
    if status is Status.WITHHELD:
        return _("Your role does not see some of these values. They stay as they are when you save the rest.")
    if status is Status.UNREADABLE:
        return _(
            "Some of these values cannot be read: they do not match their key. Tell the data protection officer;"
            " the audit log has an entry about it. They stay as they are when you save the rest."
        )
    return _(
        "Personal data of this patient were erased for ever. What is marked as erased cannot be read or filled in"
        " again; the record itself is kept because the law asks for it."
    )


def refusal(error: VaultError) -> str:
    """Why nothing was saved, and what to do, for the person who tried."""
    if isinstance(error, Erased):
        return _(
            "Nothing was saved: the personal data of this patient were erased meanwhile, and no new ones can be stored."
            " Copy what you need from this page, then leave it."
        )
    return _(
        "Nothing was saved: personal data of this patient are closed to you, because access to them is restricted or"
        " because of your role. Copy what you need from this page and ask the data protection officer."
    )


class WithheldField(forms.CharField):
    """In place of a field whose value does not open: it shows so, and takes nothing."""

    def __init__(self, value: Withheld, *, label: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"class": "np-withheld"})
        super().__init__(label=label, required=False, disabled=True, initial=value, widget=widget)
        self.value = value

    def clean(self, value: Any) -> Withheld:
        """What the record has. Nobody typed it, so there is nothing to check."""
        return self.value
