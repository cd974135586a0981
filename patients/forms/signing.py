"""The form with which somebody signs: the certificate of this act, and nothing of it ever comes back."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget

from clinics.uploads import KEY_FIELD
from neonpro.pades import MAX_PFX


class SignForm(forms.Form):
    """The certificate's file and password. The file's field has the name that keeps it off the disk."""

    certificate_file = forms.FileField(
        label=gettext_lazy("A1 certificate (.pfx or .p12)"),
        widget=forms.FileInput(attrs={"accept": ".pfx,.p12", "class": "np-file", "autocomplete": "off"}),
        help_text=gettext_lazy("It is used for this act alone and kept nowhere; choose it again each time."),
        error_messages={"required": gettext_lazy("Choose the file of your certificate.")},
    )
    password = forms.CharField(
        label=gettext_lazy("The certificate's password"),
        strip=False,
        max_length=256,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}, render_value=False
        ),
        error_messages={"required": gettext_lazy("Type the certificate's password.")},
    )

    def clean_certificate_file(self) -> bytes:
        """The file's bytes."""
        uploaded: Any = self.cleaned_data[KEY_FIELD]
        data: bytes = uploaded.read(MAX_PFX + 1)
        uploaded.close()
        if len(data) > MAX_PFX:
            raise forms.ValidationError(_("This file is too large to be a certificate."))
        return data
