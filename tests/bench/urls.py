"""The project's pages, and the same lists in the stock admin and in the stock Unfold theme."""

from django.urls import path

from neonpro.urls import urlpatterns as _project
from tests.bench.stock import make_sites

stock, themed = make_sites()

urlpatterns = [*_project, path("stock/", stock.urls), path("themed/", themed.urls)]
