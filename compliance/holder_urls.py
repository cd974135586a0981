"""The addresses of the page «Meus dados» of one clinic."""

from django.urls import path

from compliance import holder_views as views

app_name = "holder"

urlpatterns = [
    path("", views.home, name="home"),
    path("entrar/", views.sign_in, name="sign_in"),
    path("codigo/<uuid:attempt>/", views.code, name="code"),
    path("convite/<str:token>/", views.invitation, name="invitation"),
    path("sair/", views.sign_out, name="sign_out"),
    path("consentimentos/", views.consents, name="consents"),
    path("acessos/", views.accesses, name="accesses"),
    path("pedidos/", views.requests, name="requests"),
    path("pedidos/<uuid:record>/pacote/", views.package, name="package"),
    path("pedidos/<slug:what>/<uuid:record>/", views.file, name="file"),
    path("contato/", views.contact, name="contact"),
    path("contato/<uuid:attempt>/", views.contact_code, name="contact_code"),
]
