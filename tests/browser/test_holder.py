"""«Meus dados» in a browser: a code, own data, a consent taken back, who accessed, a request, the package."""

import os
import re
import time
from datetime import date
from pathlib import Path

import pyzipper
from django.core import mail
from django.urls import reverse
from playwright.sync_api import Page, expect

from compliance import consents, holder, requests
from compliance.models import Channel, ConsentText
from compliance.purposes import Purpose
from tests.browser.conftest import sign_in
from tests.factories import World, make_world


def prepare() -> World:
    """A clinic with a patient who has a confirmed e-mail and has agreed to news."""
    world = make_world("ALFAZEMA")
    patient = world.patients[0]
    with world.enter("dpo"):
        text = ConsentText.objects.create(
            purpose=Purpose.MARKETING,
            title="Novidades da clínica",
            body="Aceito receber novidades por e-mail.",
        )
        consents.publish(text)
    with world.enter():
        patient.name, patient.preferred_name = "Ana Beatriz Nogueira", "Ana Nogueira"
        patient.cpf, patient.birth_date, patient.birth_year = "52998224725", date(1980, 3, 5), 1980
        patient.email, patient.city, patient.uf = "ana@exemplo.example", "São Paulo", "SP"
        patient.save()
        holder.confirm_contact(patient, "ana@exemplo.example")
        consents.grant(patient, Purpose.MARKETING, channel=Channel.PAPER)
    return world


def release(world: World) -> None:
    """The encarregado answers a request for access by releasing the package."""
    with world.enter("dpo"):
        request = requests.open_request(
            patient_id=world.patients[0].pk, kind="ACCESS", channel="in_person", identity_check="document"
        )
        requests.release_package(
            request,
            "O pacote está em “Meus dados”.",
            password="senha de teste bem longa",
            acting_user=world.user("dpo"),
        )


def code() -> str:
    """What the message says; it is sent aside."""
    for _ in range(100):
        if mail.outbox:
            found = re.search(r"^\s*(\d{4} \d{4})$", str(mail.outbox[-1].body), re.MULTILINE)
            assert found
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError("no message was sent")


def shots(page: Page, name: str) -> None:
    """Pictures, narrow and wide, light and dark, where NEONPRO_SHOTS says where to put them."""
    if place := os.environ.get("NEONPRO_SHOTS"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in (390, 1400):
                page.set_viewport_size({"width": width, "height": 844})
                page.screenshot(path=str(Path(place) / f"holder-{name}-{width}-{scheme}.png"), full_page=True)
        page.emulate_media(color_scheme="light")


def come_in(page: Page, world: World) -> None:
    page.goto(reverse("holder:home", args=[world.clinic.pk]))
    page.get_by_role("button", name="Enviar código").click()
    expect(page.get_by_role("alert")).to_have_count(2)
    shots(page, "sign-in")
    page.get_by_label("Seu CPF ou e-mail").fill("529.982.247-25")
    page.get_by_label("Sua data de nascimento").fill("05/03/1980")
    page.get_by_role("button", name="Enviar código").click()
    shots(page, "code")
    page.get_by_label("Código").fill(code())
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Olá, Ana Nogueira")


def test_a_patient_sees_and_decides_about_their_data(page: Page, mailoutbox: list[object]) -> None:
    world = prepare()
    come_in(page, world)
    expect(page.get_by_text("529.982.247-25")).to_be_visible()
    shots(page, "home")

    page.get_by_role("link", name="Consentimentos").click()
    page.get_by_text("Ler o que aceitei").click()
    expect(page.get_by_text("Aceito receber novidades por e-mail.")).to_be_visible()
    shots(page, "consents")
    page.get_by_role("button", name="Retirar").click()
    expect(page.get_by_role("status")).to_contain_text("Vale a partir de agora")
    expect(page.get_by_role("button", name="Retirar")).to_have_count(0)
    with world.enter():
        assert not consents.allows(world.patients[0].pk, Purpose.MARKETING)

    page.get_by_role("link", name="Quem acessou").click()
    expect(page.get_by_text("reception ALFAZEMA").first).to_be_visible()
    expect(page.get_by_text("o paciente").first).to_be_visible()
    shots(page, "accesses")

    page.get_by_role("link", name="Pedidos").click()
    page.get_by_role("button", name="Enviar o pedido").click()
    expect(page.get_by_role("alert")).to_contain_text("Escolha")
    page.get_by_label("Anonimização, bloqueio ou eliminação").check()
    page.get_by_role("button", name="Enviar o pedido").click()
    expect(page.get_by_role("status")).to_contain_text("Seu pedido chegou")
    expect(page.get_by_text("Resposta até").first).to_be_visible()
    shots(page, "requests")

    release(world)
    page.get_by_role("link", name="Pedidos").click()
    expect(page.get_by_text("Você pode baixá-lo até")).to_be_visible()
    shots(page, "released")
    page.get_by_role("button", name="Preparar o download").click()
    password = page.locator("code").inner_text()
    shots(page, "package")
    with page.expect_download() as download:
        page.get_by_role("button", name="Baixar o pacote").click()
    with pyzipper.AESZipFile(download.value.path()) as archive:
        archive.setpassword(password.encode())
        assert "Ana Beatriz Nogueira" in archive.read("dados.json").decode()

    page.get_by_role("button", name="Sair").click()
    page.goto(reverse("holder:requests", args=[world.clinic.pk]))
    expect(page.get_by_label("Seu CPF ou e-mail")).to_be_visible()


def test_the_clinics_link_opens_the_page_once(page: Page, mailoutbox: list[object]) -> None:
    world = prepare()
    sign_in(page, "reception@alfazema.example")
    page.goto(reverse("admin:patients_patient_my_data", args=[world.patients[0].pk]))
    page.get_by_role("button", name="Criar link").click()
    expect(page.get_by_text("Primeiro veja um documento com foto")).to_be_visible()
    page.get_by_label("O paciente está aqui").check()
    page.get_by_role("button", name="Criar link").click()
    link = page.locator("[data-link]").inner_text()
    expect(page.get_by_role("img", name="QR code do link")).to_be_visible()
    shots(page, "handout")
    page.goto(link)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Olá, Ana Nogueira")
    page.goto(link)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_contain_text("já foi usado")
