"""The forms of the page «Meus dados», in words that everybody understands."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.identifiers import clean_cpf
from compliance.models import RequestType
from compliance.purposes import Purpose


class _Described(forms.Form):
    """Errors and hints belong to their fields, also for a screen reader."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, found in self.fields.items():
            ids = [f"{name}-hint"] if found.help_text else []
            if name in self.errors:
                ids.append(f"{name}-error")
                found.widget.attrs["aria-invalid"] = "true"
            if ids:
                found.widget.attrs["aria-describedby"] = " ".join(ids)


class SignInForm(_Described):
    """Who somebody says they are."""

    identifier = forms.CharField(
        label=gettext_lazy("Your CPF or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Fill in your CPF or your e-mail.")},
    )
    born = forms.DateField(
        label=gettext_lazy("Your date of birth"),
        help_text=gettext_lazy("Day, month and year, for example 05/03/1980."),
        input_formats=["%d/%m/%Y", "%d%m%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d"],
        widget=forms.TextInput(attrs={"autocomplete": "bday", "inputmode": "numeric", "maxlength": "10"}),
        error_messages={
            "required": gettext_lazy("Fill in your date of birth."),
            "invalid": gettext_lazy("This is no date. Write day, month and year, for example 05/03/1980."),
        },
    )

    def clean_identifier(self) -> str:
        """A CPF as eleven digits, or an e-mail."""
        typed: str = self.cleaned_data["identifier"].strip()
        if "@" in typed:
            validate_email(typed)
            return typed.lower()
        cpf = clean_cpf(typed)
        if not cpf:
            raise ValidationError(_("Fill in your CPF or your e-mail."))
        return cpf

    def clean_born(self) -> date:
        """A day that somebody can have been born on."""
        born: date = self.cleaned_data["born"]
        if not born.year >= 1900 or born > timezone.localdate():
            raise ValidationError(_("This is no date of birth. Check the year."))
        return born


class CodeForm(_Described):
    """The code that was sent."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=20,
        help_text=gettext_lazy("Eight digits, from the message we sent."),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": gettext_lazy("Write the code of the message.")},
    )


class WithdrawForm(forms.Form):
    """Which consent is taken back."""

    purpose = forms.ChoiceField(choices=Purpose.choices)
    service = forms.UUIDField(required=False)

    @property
    def chosen(self) -> tuple[str, UUID | None]:
        """The purpose and, of a procedure, which."""
        return self.cleaned_data["purpose"], self.cleaned_data["service"]


ASKED = {
    RequestType.ACCESS: gettext_lazy("A copy of all the data that the clinic holds about you."),
    RequestType.RECORD_COPY: gettext_lazy("A copy of your medical record. You need not say why."),
    RequestType.CORRECTION: gettext_lazy("Something is wrong, incomplete or out of date."),
    RequestType.RECORD_RECTIFICATION: gettext_lazy("Something in your medical record is wrong."),
    RequestType.ERASURE: gettext_lazy(
        "What the law allows to erase is erased. The law makes the clinic keep your medical record; you are told what"
        " stays, why and until when."
    ),
    RequestType.DELETE_CONSENTED: gettext_lazy("Erase only what you once agreed to, such as news and offers."),
    RequestType.PORTABILITY: gettext_lazy("Your data in a file that another clinic's system can read."),
    RequestType.SHARING_INFO: gettext_lazy("To whom the clinic has passed on your data."),
    RequestType.OPPOSE: gettext_lazy("You do not agree with what the clinic does with your data."),
    RequestType.REVIEW: gettext_lazy("Somebody looks again at something that a computer decided."),
    RequestType.CONFIRMATION: gettext_lazy("A yes or no: whether the clinic holds data of yours."),
}
"""What is asked for on the page, the commonest first, and what each is."""


class RequestForm(_Described):
    """What is asked for."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What do you ask for?"),
        choices=[(str(code), code.label) for code in ASKED],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what you ask for.")},
    )
    details = forms.CharField(
        label=gettext_lazy("In your own words (you need not write anything)"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy("For example, what is wrong, and what would be right."),
        widget=forms.Textarea(attrs={"rows": "4"}),
    )
