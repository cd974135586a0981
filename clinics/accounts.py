"""Setting and resetting one's own password, without being signed in: /conta/senha/."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.widgets import BASE_INPUT_CLASSES

from clinics.models import User


class AskForm(PasswordResetForm):
    """Whom to write to. The page answers alike whether or not there is such an account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)
        self.fields["email"].widget.attrs["autofocus"] = True

    def get_users(self, email: str) -> Iterator[User]:
        # Django leaves out accounts without a password; an invited person whose message got lost has none yet.
        yield from User.objects.filter(email__iexact=email, is_active=True)


class ChooseForm(SetPasswordForm):  # type: ignore[type-arg]  # generic for the type checker only
    """The new password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)
        self.fields["new_password1"].widget.attrs["autofocus"] = True


def _style(form: Any) -> None:
    for field in form.fields.values():
        field.widget.attrs["class"] = " ".join(BASE_INPUT_CLASSES)


class _Page:
    """The look of the sign-in page."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # a mixin
        return {**admin.site.each_context(self.request), **context}


class AskView(_Page, views.PasswordResetView):
    """Ask for the message with the link."""

    form_class = AskForm
    template_name = "registration/password_ask.html"
    email_template_name = "registration/password_email.txt"
    subject_template_name = "registration/password_subject.txt"
    title = _("Set a new password")


class SentView(_Page, views.PasswordResetDoneView):
    """The message is on its way, if there is such an account."""

    template_name = "registration/password_sent.html"
    title = _("Look at your e-mail")


class ChooseView(_Page, views.PasswordResetConfirmView):
    """Choose the password, with the link of the message."""

    form_class = ChooseForm
    template_name = "registration/password_choose.html"
    title = _("Choose your password")


class ChosenView(_Page, views.PasswordResetCompleteView):
    """Done: now sign in."""

    template_name = "registration/password_chosen.html"
    title = _("Your password is set")


# The names are Django's: the sign-in page links to the first one by itself.
urlpatterns: list[URLPattern] = [
    path("", AskView.as_view(), name="admin_password_reset"),
    path("enviada/", SentView.as_view(), name="password_reset_done"),
    path("nova/<uidb64>/<token>/", ChooseView.as_view(), name="password_reset_confirm"),
    path("pronta/", ChosenView.as_view(), name="password_reset_complete"),
]
