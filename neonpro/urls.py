"""The admin is the product; everything else that is served has its line here."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("conta/senha/", include("clinics.accounts")),
    path("admin/", admin.site.urls),
]
