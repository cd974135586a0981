"""The pages of the medical record: for whom they are, what they leave in the log, and that nothing typed is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from clinics.roles import Role
from compliance.models import ResourcePermission
from patients import care, records
from patients.models import CareTeam, MedicalRecord, Patient, RecordTemplate
from patients.templates import install_starters, sections_as_text, sections_from_text, starters
from tests.factories import World, make_colleague, write_entry
from tests.grants import grant
from tests.pages import Page
from tests.visits import filled, signed_in

SECRETS = ("queixa ALFAZEMA", "dipirona ALFAZEMA")


def of_patient(page: str, patient: Patient) -> str:
    return reverse(f"admin:patients_patient_{page}", args=[patient.pk])


def of_entry(page: str, record: MedicalRecord) -> str:
    return reverse(f"admin:patients_medicalrecord_{page}", args=[record.pk])


def every_page(world: World) -> list[str]:
    """All pages about the patient of whom something is written, and lists."""
    patient = world.patients[-1]
    pages = [of_patient(page, patient) for page in ("change", "history", "records", "alerts", "care", "accesses")]
    pages += [
        of_entry(page, world.record) for page in ("change", "history", "finalise", "discard", "addendum", "print")
    ]
    pages += [
        reverse(f"admin:patients_{name}_changelist")
        for name in ("medicalrecord", "careteam", "patient", "recordtemplate")
    ]
    return [*pages, reverse("admin:compliance_auditlog_changelist"), reverse("admin:index")]


def reads(world: World) -> int:
    with world.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_logs WHERE action IN ('READ', 'LIST')")
        (count,) = cursor.fetchone()
        return int(count)


# --- For whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.DPO, Role.AUDITOR])
def test_no_page_shows_a_clinical_word_to_anybody_else(role: str, clinic_a: World) -> None:
    grant(clinic_a, clinic_a.patients[-1], to=role)
    client = signed_in(clinic_a.user(role))
    for url in every_page(clinic_a):
        for answer in (client.get(url), client.post(url, {"reason": "x", "revision": "0", "kind": "evolution"})):
            assert answer.status_code in (200, 302, 403, 404, 405), (url, answer.status_code)
            assert not any(secret in answer.content.decode() for secret in SECRETS), url


def test_a_professional_outside_the_team_is_told_so_and_no_more(clinic_a: World) -> None:
    user, _colleague = make_colleague(clinic_a)
    client = signed_in(user)
    for url in every_page(clinic_a):
        for answer in (client.get(url), client.post(url, {"reason": "x", "revision": "0", "kind": "evolution"})):
            assert not any(secret in answer.content.decode() for secret in SECRETS), url
    answer = client.get(of_patient("records", clinic_a.patients[-1]))
    assert answer.status_code == 403
    assert clinic_a.professional.full_name in answer.content.decode()


def test_the_professional_in_care_sees_all_of_it(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    html = client.get(of_patient("records", clinic_a.patients[-1])).content.decode()
    assert all(secret in html for secret in SECRETS)
    for url in (of_entry("change", clinic_a.record), of_entry("print", clinic_a.record)):
        page = client.get(url)
        html = page.content.decode()
        assert SECRETS[0] in html
        assert SECRETS[1] in html, "alerts stand above every clinical page"
        assert Page(html).inline == []
        assert page.headers["Cache-Control"].count("no-store") == 1 or "no-cache" in page.headers["Cache-Control"]


def test_entries_of_a_restricted_patient_say_so(clinic_a: World) -> None:
    patient = clinic_a.patients[-1]
    with clinic_a.enter(Role.DPO):
        Patient.objects.filter(pk=patient.pk).update(restricted_at=timezone.now())
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    for url in (of_patient("records", patient), of_patient("alerts", patient), of_entry("change", clinic_a.record)):
        html = client.get(url).content.decode()
        assert "«acesso restrito»" in html
        assert not any(secret in html for secret in SECRETS)


def test_a_grant_works_in_the_admin_for_one_patient_until_it_ends(clinic_a: World) -> None:
    user, _colleague = make_colleague(clinic_a)
    client = signed_in(user)
    patient, other = clinic_a.patients[-1], clinic_a.patients[0]
    with clinic_a.enter(Role.PROFESSIONAL):
        write_entry(other, "de outro")
    made = grant(clinic_a, patient)
    with clinic_a.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).update(user=user)
    page = client.get(of_patient("records", patient))
    assert SECRETS[0] in page.content.decode()
    assert "begin" not in page.content.decode(), "to look is not to write"
    assert client.get(of_patient("records", other)).status_code == 403
    listed = client.get(reverse("admin:patients_medicalrecord_changelist"))
    assert len(listed.context["cl"].result_list) == 1
    with clinic_a.enter(Role.MANAGER):
        ResourcePermission.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(of_patient("records", patient)).status_code == 403
    assert client.get(of_entry("change", clinic_a.record)).status_code == 404


# --- Traces -----------------------------------------------------------------------------------------------------------


def test_a_page_is_one_reading_and_a_print_is_a_print(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    for url in (of_patient("records", clinic_a.patients[-1]), of_entry("change", clinic_a.record)):
        before = reads(clinic_a)
        assert client.get(url).status_code == 200
        assert reads(clinic_a) - before <= 2, url
    assert client.get(of_entry("print", clinic_a.record)).status_code == 200
    with clinic_a.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute("SELECT patient_id, actor FROM audit_logs WHERE action = 'PRINT'")
        assert cursor.fetchall() == [(clinic_a.patients[-1].pk, str(clinic_a.user(Role.PROFESSIONAL).pk))]


# --- Writing ----------------------------------------------------------------------------------------------------------


def begin(client: Any, patient: Patient, **data: Any) -> str:
    answer = client.post(of_patient("records", patient), data)
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def test_from_a_template_to_a_final_entry(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    patient = clinic_a.patients[0]
    editor = begin(client, patient, template=clinic_a.template.pk)
    answer = client.post(editor, filled(client, editor, **{"section-evolution": "bem", "diagnoses": "L70.0 Acne"}))
    assert answer.status_code == 302
    with clinic_a.enter(Role.PROFESSIONAL):
        (draft,) = records.entries(patient.pk)
        assert draft.sections[0]["heading"] == "Evolução ALFAZEMA"
        assert draft.diagnoses[0]["code"] == "L70.0"
    review = of_entry("finalise", draft)
    assert "bem" in client.get(review).content.decode()
    assert client.post(review, {"revision": draft.revision - 1}).status_code == 409, "not what was shown"
    assert client.post(review, {"revision": draft.revision}).status_code == 302
    assert client.get(review).status_code == 302
    for page in ("discard", "autosave"):
        assert client.post(of_entry(page, draft)).status_code in (200, 404)
    with clinic_a.enter(Role.PROFESSIONAL):
        final = MedicalRecord.objects.get(pk=draft.pk)
        assert final.status == "finalised"
        assert final.sections[0]["text"] == "bem"


def test_autosave_saves_and_says_what_it_cannot(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    editor = begin(client, clinic_a.patients[0], kind="evolution")
    data = filled(client, editor, **{"section-evolution": "um"})
    save = editor.replace("/change/", "/autosave/")
    assert client.get(save).status_code == 404
    told = client.post(save, data).json()
    assert (told["saved"], told["revision"]) == (True, 1)
    told = client.post(save, data).json()
    assert (told["saved"], told["stale"]) == (False, True)
    told = client.post(save, data | {"revision": 1, "diagnoses": "isto não é um código"}).json()
    assert not told["saved"]
    assert "CID-10" in told["error"]
    told = client.post(save, data | {"revision": 1, "section-evolution": "x" * 20_001}).json()
    assert not told["saved"]
    with clinic_a.enter(Role.PROFESSIONAL):
        (draft,) = records.entries(clinic_a.patients[0].pk)
        assert draft.sections[0]["text"] == "um"


def test_a_refused_save_keeps_what_was_typed(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    patient = clinic_a.patients[0]
    editor = begin(client, patient, kind="evolution")
    data = filled(client, editor, **{"section-evolution": "digitado com cuidado"})
    with clinic_a.enter(Role.PROFESSIONAL):
        (draft,) = records.entries(patient.pk)
        records.save_draft(draft.pk, revision=0, texts={"evolution": "outra janela"})
    answer = client.post(editor, data)
    assert answer.status_code == 409
    assert "digitado com cuidado" in answer.content.decode()
    # Final meanwhile.
    with clinic_a.enter(Role.PROFESSIONAL):
        records.finalise(draft.pk, revision=1)
    answer = client.post(editor, data)
    assert answer.status_code == 409
    assert "digitado com cuidado" in answer.content.decode()
    # Care ended meanwhile: the text is there, and nothing of the patient.
    with clinic_a.enter(Role.MANAGER):
        care.end(CareTeam.objects.get(patient=patient, until=None).pk, reason="fim")
    answer = client.post(editor, data)
    assert answer.status_code == 409
    assert "digitado com cuidado" in answer.content.decode()
    assert "Paciente ALFAZEMA" not in answer.content.decode()


def test_an_addendum_from_the_page(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    url = of_entry("addendum", clinic_a.record)
    assert client.post(url, {"reason": ""}).status_code == 200
    answer = client.post(url, {"reason": "dose"})
    assert answer.status_code == 302
    editor = answer.headers["Location"]
    assert SECRETS[0] in client.get(editor).content.decode(), "the original is there to look at"
    client.post(editor, filled(client, editor, **{"section-addendum": "5 mg"}))
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = MedicalRecord.objects.get(amends=clinic_a.record)
    assert client.post(of_entry("finalise", draft), {"revision": draft.revision}).status_code == 302
    html = client.get(of_entry("change", clinic_a.record)).content.decode()
    assert SECRETS[0] in html
    assert "5 mg" in html


def test_a_draft_is_discarded_after_a_question(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    editor = begin(client, clinic_a.patients[0], kind="document:report")
    discard = editor.replace("/change/", "/discard/")
    assert client.get(discard).status_code == 200
    assert client.post(discard).status_code == 302
    assert client.get(editor).status_code == 404
    assert client.get(of_entry("discard", clinic_a.record)).status_code == 404


def test_nothing_begins_without_a_kind(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    for data in ({}, {"kind": "nonsense"}, {"kind": "document"}, {"kind": "document:nonsense"}, {"template": "x"}):
        assert client.post(of_patient("records", clinic_a.patients[0]), data).status_code == 409


def test_alerts_from_the_page(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    url = of_patient("alerts", clinic_a.patients[-1])
    assert client.post(url, {"kind": "allergy", "severity": "low", "text": ""}).status_code == 200
    assert client.post(url, {"kind": "allergy", "severity": "low", "text": "látex"}).status_code == 302
    assert client.post(url, {"end": str(clinic_a.alert.pk)}).status_code == 302
    assert client.post(url, {"end": str(clinic_a.alert.pk)}).status_code == 409
    assert client.post(url, {"end": "x"}).status_code == 404
    with clinic_a.enter(Role.PROFESSIONAL):
        assert [alert.text for alert in records.alerts(clinic_a.patients[-1].pk)] == ["látex"]


def test_the_care_team_from_the_page(clinic_a: World) -> None:
    _user, colleague = make_colleague(clinic_a)
    url = of_patient("care", clinic_a.patients[-1])
    for role in (Role.PROFESSIONAL, Role.MANAGER, Role.DPO, Role.RECEPTION, Role.AUDITOR):
        client = signed_in(clinic_a.user(role))
        page = client.get(url)
        assert page.status_code == (200 if role in (Role.PROFESSIONAL, Role.MANAGER, Role.DPO) else 403)
        if page.status_code == 200:
            assert (page.context["form"] is not None) == (role != Role.DPO)
    manager = signed_in(clinic_a.user(Role.MANAGER))
    assert manager.post(url, {"professional": str(colleague.pk), "reason": ""}).status_code == 200
    assert manager.post(url, {"professional": str(colleague.pk), "reason": "férias"}).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        stay = CareTeam.objects.get(professional=colleague)
    dpo = signed_in(clinic_a.user(Role.DPO))
    assert dpo.post(url, {"end": str(stay.pk), "end-reason": "x"}).status_code == 200
    assert manager.post(url, {"end": str(stay.pk), "end-reason": ""}).status_code == 200
    assert manager.post(url, {"end": str(stay.pk), "end-reason": "voltou"}).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        assert CareTeam.objects.get(pk=stay.pk).until is not None
    for query in ("", "?stay=ended", "?stay=all", "?stay=own"):
        assert manager.get(reverse("admin:patients_careteam_changelist") + query).status_code == 200


# --- Templates --------------------------------------------------------------------------------------------------------


def test_the_starter_set_is_whole_and_added_once(clinic_a: World) -> None:
    for one in starters():
        text = sections_as_text(one["section"])
        assert sections_from_text(text, kind=one["kind"], known=one["section"])
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = reverse("admin:patients_recordtemplate_starters")
    assert client.get(url).status_code == 200
    with clinic_a.enter(Role.MANAGER):
        before = RecordTemplate.objects.count()
    for _twice in range(2):
        assert client.post(url).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        assert RecordTemplate.objects.count() == before + len(starters())
        assert install_starters() == 0
    assert signed_in(clinic_a.user(Role.RECEPTION)).post(url).status_code == 403


def test_a_template_is_edited_as_text(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.PROFESSIONAL))
    url = reverse("admin:patients_recordtemplate_change", args=[clinic_a.template.pk])
    data = filled(client, url)
    assert data["lines"] == "* Evolução ALFAZEMA"
    assert client.post(url, data | {"lines": "Só isto"}).status_code == 200, "what the rules ask for is missing"
    lines = "* Evolução ALFAZEMA | hoje\nPróxima sessão"
    assert client.post(url, data | {"lines": lines}).status_code == 302
    with clinic_a.enter(Role.PROFESSIONAL):
        assert RecordTemplate.objects.get(pk=clinic_a.template.pk).sections == [
            {"code": "evolution", "heading": "Evolução ALFAZEMA", "hint": "hoje", "required": True},
            {"code": "x-proxima-sessao", "heading": "Próxima sessão", "hint": "", "required": False},
        ]
        # What was written keeps its headings.
        assert len(MedicalRecord.objects.get(pk=clinic_a.record.pk).sections) == 1
