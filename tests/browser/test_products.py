"""A product applied from a lot with photographs, and its recall with letters and time blocked, in a real browser."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clinics.roles import Role
from patients.models import ClinicalPhoto, ProductApplication, ProductLot
from tests.browser.conftest import sign_in
from tests.factories import make_world
from tests.products import make_product, picture

pytestmark = pytest.mark.browser


def sign_out(page: Page) -> None:
    page.locator(".np-account > summary").click()
    page.get_by_role("button", name="Sair").click()


def test_from_the_shelf_to_the_recall(page: Page, tmp_path: Path) -> None:
    world = make_world("ALFAZEMA", patients=1)
    with world.enter(Role.MANAGER):
        make_product(gtin="7891234567895")
    expiry = date.today() + timedelta(days=200)  # noqa: DTZ011  # months away from it
    photos = []
    for name, form in (("antes.jpg", "JPEG"), ("depois.png", "PNG")):
        photos.append(tmp_path / name)
        photos[-1].write_bytes(picture(1200, 900, form))

    # Reception receives the lot by scanning its package.
    sign_in(page, world.user(Role.RECEPTION).email)
    page.get_by_role("link", name="Lotes e estoque").first.click()
    expect(page.get_by_text("Nada em estoque vence logo.")).to_be_visible()
    page.goto("/admin/patients/productlot/add/")
    page.locator("#id_code").fill(f"(01)07891234567895(17){expiry:%y%m%d}(10)LOTE-7")
    page.locator("#id_units_received").fill("100")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("LOTE-7")
    sign_out(page)

    # The professional applies from the appointment: first too much, then what was meant.
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    page.goto(f"/admin/patients/appointment/{world.appointments[0].pk}/change/")
    page.get_by_role("link", name="Aplicar produto").click()
    page.locator("#id_code").fill("(01)07891234567895(10)LOTE-7(21)S1")
    page.locator("#id_quantity").fill("120")
    page.locator("#id_body_site").fill("glabela")
    page.locator("#id_dilution").fill("100 U em 2 mL")
    page.get_by_role("button", name="Registrar a aplicação").click()
    expect(page.get_by_text("Não resta tanto deste lote")).to_be_visible()
    page.locator("#id_quantity").fill("30")
    page.locator("#id_photo_before").set_input_files(photos[0])
    page.locator("#id_photo_after").set_input_files(photos[1])
    page.get_by_role("button", name="Registrar a aplicação").click()
    expect(page.get_by_text("A aplicação foi registrada")).to_be_visible()
    expect(page.get_by_text("Imagens para o prontuário: sem autorização registrada")).to_be_visible()
    expect(page.get_by_text("Publicação: sem autorização, não publicar")).to_be_visible()
    pictures = page.locator(".np-photos img")
    expect(pictures).to_have_count(2)
    for number in range(2):
        pictures.nth(number).scroll_into_view_if_needed()
        page.wait_for_function(
            "number => document.querySelectorAll('.np-photos img')[number].naturalWidth === 320", arg=number
        )
    pictures.first.click()
    expect(page.locator("img.np-photo")).to_be_visible()
    with world.enter(Role.PROFESSIONAL):
        assert ProductApplication.objects.get().quantity == 30
        assert ClinicalPhoto.objects.count() == 2
        lot = ProductLot.objects.get()
        assert lot.units_left == 70
    sign_out(page)

    # The manager recalls the lot, prints the letters, and records whom they reached.
    sign_in(page, world.user(Role.MANAGER).email)
    page.goto(f"/admin/patients/productlot/{lot.pk}/change/")
    page.get_by_role("link", name="Recolher o lote").click()
    page.locator("#id_reason").fill("alerta do fabricante")
    page.get_by_role("button", name="Recolher o lote").click()
    expect(page.locator(".np-recall")).to_contain_text("Paciente ALFAZEMA 0")
    expect(page.locator(".np-recall")).to_contain_text("Ainda não tentado")
    with page.expect_download() as letters:
        page.get_by_role("button", name="Cartas aos não localizados").click()
    assert Path(letters.value.path()).read_bytes().startswith(b"%PDF")
    page.locator("select[name=outcome]").select_option("reached")
    page.locator("input[name=note]").fill("vem na segunda-feira")
    page.get_by_role("button", name="Registrar", exact=True).click()
    expect(page.locator(".np-recall .np-tag-success")).to_be_visible()
    expect(page.locator("progress")).to_have_attribute("value", "1")

    # And blocks time in the schedule: over what is booked only when asked twice, and not for good.
    page.get_by_label("Agenda de quem").select_option(label=world.professional.full_name)
    page.get_by_label("De", exact=True).fill("2030-01-07T09:00")
    page.get_by_label("Até", exact=True).fill("2030-01-07T10:00")
    page.get_by_role("button", name="Bloquear a agenda").click()
    expect(page.get_by_text("Há atendimentos marcados neste horário")).to_be_visible()
    expect(page.locator(".np-in-the-way")).to_contain_text("07/01/2030 09:00 – 09:30")
    page.get_by_role("button", name="Bloquear mesmo assim").click()
    expect(page.get_by_text("O horário foi bloqueado na agenda")).to_be_visible()
    expect(page.locator(".np-blocks")).to_contain_text("1 atendimento a remarcar")
    page.get_by_role("button", name="Desfazer o bloqueio").click()
    expect(page.get_by_text("O horário voltou a ficar livre na agenda")).to_be_visible()
    sign_out(page)

    # From a recalled lot nothing more is applied, and the form says so.
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    page.goto(f"/admin/patients/patient/{world.patients[0].pk}/apply/")
    page.locator("#id_lot").select_option(str(lot.pk))
    page.locator("#id_service").select_option(str(world.service.pk))
    page.locator("#id_quantity").fill("10")
    page.locator("#id_body_site").fill("fronte")
    page.get_by_role("button", name="Registrar a aplicação").click()
    expect(page.get_by_text("Este lote está recolhido. Não use")).to_be_visible()
