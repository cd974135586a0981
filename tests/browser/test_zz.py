from tests.browser.conftest import sign_in
from tests.factories import make_world
def test_x(page):
    w=make_world("ALFAZEMA"); sign_in(page,w.user("reception").email)
    page.goto("/admin/patients/appointment/add/"); page.wait_for_timeout(500)
    print(page.evaluate("[...document.querySelectorAll('select')].map(s=>[s.id,s.className,s.labels?.length,s.nextElementSibling?.outerHTML.slice(0,700)])"))
    print(page.evaluate("document.querySelector('label[for=id_patient]')?.outerHTML"))
    page.set_viewport_size({"width":420,"height":900}); page.goto(f"/admin/patients/patient/{w.patients[0].pk}/change/"); page.locator(".np-bar a:has-text('more_horiz')").click(); page.wait_for_timeout(300); page.screenshot(path="/tmp/b_out/more.png")
