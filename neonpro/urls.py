"""The admin is the product; everything else that is served has its line here."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("conta/senha/", include("clinics.accounts")),
    # For patients: by the clinic's id, which is on the link that the clinic hands out and tells nothing.
    path("meus-dados/<uuid:clinic>/", include("compliance.holder_urls")),
    path("admin/", admin.site.urls),
]
