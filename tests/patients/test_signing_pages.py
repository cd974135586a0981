"""The pages of signing: what they show and take, and that a certificate and its password stay nowhere."""

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter

from clinics.roles import Role
from neonpro import pades
from patients import signing
from patients.models import MedicalRecord, RecordSignature
from tests import pki
from tests.factories import World
from tests.patients.test_signing import CANARY, doctor, entry, roots, signed
from tests.visits import signed_in

__all__ = ["doctor", "roots", "signed"]

SIGN = "/admin/patients/recordsignature/sign/"


@pytest.fixture
def browser(doctor: World) -> Client:
    """The professional, signed in."""
    return signed_in(doctor.user(Role.PROFESSIONAL))


def upload(**options: Any) -> SimpleUploadedFile:
    return SimpleUploadedFile("certificado.pfx", pki.pfx(**options), "application/x-pkcs12")


def post(browser: Client, *records: UUID, password: str = pki.PASSWORD, **more: Any) -> Any:
    file = more.pop("file", None) or upload()
    return browser.post(
        SIGN, {"record": [str(one) for one in records], "certificate_file": file, "password": password}, **more
    )


def test_the_page_lists_what_waits_and_signs_what_is_chosen(doctor: World, browser: Client) -> None:
    first, second = entry(doctor), entry(doctor)
    page = browser.get(SIGN, {"record": str(first)})
    text = page.content.decode()
    assert text.count('name="record"') == 3
    assert text.count(" checked") == 1
    assert CANARY not in text
    answer = post(browser, first, second)
    assert answer.status_code == 200
    assert "2 de 2 registros assinados" in answer.content.decode()
    with doctor.enter(Role.PROFESSIONAL):
        assert RecordSignature.objects.count() == 2


def test_the_script_gets_an_answer_for_each_entry(doctor: World, browser: Client) -> None:
    record, draft = entry(doctor), entry(doctor, final=False)
    as_json: dict[str, Any] = {"headers": {"Accept": "application/json"}}
    answer = json.loads(post(browser, record, **as_json).content)
    assert answer["wrong"] == ""
    assert answer["results"][0]["done"] == "qualificada (ICP-Brasil)"
    assert "rascunho" in json.loads(post(browser, draft, **as_json).content)["results"][0]["problem"]
    assert "já está assinado" in json.loads(post(browser, record, **as_json).content)["results"][0]["problem"]
    assert "senha" in json.loads(post(browser, record, password="outra", **as_json).content)["wrong"]


@pytest.mark.parametrize(
    ("file", "password", "words"),
    [(b"no pfx", pki.PASSWORD, "não é um certificado A1"), (None, "outra", "senha do certificado está errada"),
     (None, "", "Digite a senha"), (b"x" * (pades.MAX_PFX + 5), pki.PASSWORD, "grande demais")],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate_is_said_and_nothing_comes_back(
    doctor: World, browser: Client, file: bytes | None, password: str, words: str
) -> None:
    record = entry(doctor)
    uploaded = SimpleUploadedFile("c.pfx", file) if file is not None else None
    text = post(browser, record, password=password, file=uploaded).content.decode()
    assert words in text
    assert pki.PASSWORD not in text
    assert 'value="outra"' not in text
    with doctor.enter(Role.PROFESSIONAL):
        assert not RecordSignature.objects.exists()


@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.DPO, Role.AUDITOR])
def test_nobody_else_has_these_pages(doctor: World, signed: RecordSignature, role: str) -> None:
    visitor = signed_in(doctor.user(role))
    assert visitor.get(SIGN).status_code == 403
    assert post(visitor, doctor.record.pk).status_code == 403
    for name in ("change", "verify"):
        assert visitor.get(reverse(f"admin:patients_recordsignature_{name}", args=[signed.pk])).status_code in (
            403,
            404,
        )
    download = reverse("admin:patients_recordsignature_download", args=[signed.pk])
    assert visitor.post(download).status_code in (403, 404)
    unsigned = reverse("admin:patients_recordsignature_unsigned")
    assert visitor.post(unsigned, {"print": signed.record_id}).status_code in (403, 404)


def test_the_signed_file_is_downloaded_and_that_is_written_down(
    doctor: World, signed: RecordSignature, browser: Client
) -> None:
    address = reverse("admin:patients_recordsignature_download", args=[signed.pk])
    assert browser.get(address).status_code == 405
    answer = browser.post(address)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "no-store" in answer.headers["Cache-Control"]
    assert doctor.patients[0].record_number not in answer.headers["Content-Disposition"]
    assert pades.verify(answer.content, roots=pki.roots(icp=True)).ok
    with doctor.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute("SELECT changes ->> 'purpose', patients FROM audit_logs WHERE action = 'EXPORT'")
        assert cursor.fetchall() == [("admin:patients_recordsignature_download", [doctor.patients[0].pk])]


def test_the_report_is_in_words(signed: RecordSignature, browser: Client) -> None:
    text = browser.get(reverse("admin:patients_recordsignature_verify", args=[signed.pk])).content.decode()
    for words in (
        "a assinatura foi confirmada", "exatamente como foi assinado", "Revogação do certificado: não verificada",
        "raiz configurada como da ICP-Brasil",
    ):  # fmt: skip
        assert words in text, words
    text = browser.get(reverse("admin:patients_recordsignature_change", args=[signed.pk])).content.decode()
    assert "Baixar o PDF assinado" in text
    assert "qualificada (ICP-Brasil)" in text
    assert pki.CPF not in text


def test_an_unsigned_copy_is_marked(doctor: World, browser: Client) -> None:
    record = entry(doctor)
    answer = browser.post(reverse("admin:patients_recordsignature_unsigned"), {"print": str(record)})
    assert answer.content.startswith(b"%PDF")
    assert "nao-assinado" in answer.headers["Content-Disposition"]
    assert browser.post(reverse("admin:patients_recordsignature_unsigned"), {"print": "x"}).status_code == 404


# --- secrets ---------------------------------------------------------------------------------------------------------


def secrets() -> list[bytes]:
    """What must be found nowhere: the password, and pieces of the key and of its container."""
    key = pki.rsa_key("person").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pem = pki.rsa_key("person").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return [pki.PASSWORD.encode(), key[200:232], pem[200:232], pki.pfx()[200:232]]


def test_key_and_password_are_found_nowhere(
    doctor: World, browser: Client, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    # A temporary file is gone when the request ends: what is opened must be seen while it is.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened: list[str] = []
    sys.addaudithook(lambda event, details: opened.append(str(details[0])) if event == "open" else None)
    good, refused = entry(doctor), entry(doctor)
    post(browser, good)
    post(browser, refused, password=pki.PASSWORD + "!")
    post(browser, refused, file=upload(certificate=pki.person(pki.OTHER_CPF)))
    # A request so large that Django would put what it brings on the disk.
    browser.post(
        SIGN,
        {"record": [str(refused)], "certificate_file": SimpleUploadedFile("c.pfx", pki.pfx() + b"\0" * 4_000_000),
         "password": pki.PASSWORD},
    )  # fmt: skip
    assert [path for path in opened if path.startswith(str(tmp_path))] == []
    assert opened
    for needle in secrets():
        assert needle.decode("latin-1") not in caplog.text
        assert needle not in json.dumps(dict(browser.session)).encode()
    with doctor.enter(Role.PROFESSIONAL):
        for kept in RecordSignature.objects.all():
            for needle in secrets():
                assert needle not in kept.document
                assert needle not in kept.container
    everything = _dump(doctor)
    for needle in secrets():
        assert needle not in everything
        assert needle.hex().encode() not in everything
    assert str(doctor.clinic.pk).encode() in everything


def _dump(world: World) -> bytes:
    """Every row of every table that some role of the clinic sees, sessions and log included, as text."""
    found = []
    for role in Role.values:
        with world.enter(role), connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind IN ('r', 'p')"
                " AND c.relnamespace = 'public'::regnamespace AND has_table_privilege(c.oid, 'SELECT')"
            )
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT t::text FROM {table} AS t")
                found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found).encode()


def test_an_error_report_shows_neither_key_nor_password(
    doctor: World, monkeypatch: pytest.MonkeyPatch, rf: Any
) -> None:
    """Something breaks in the middle of signing: what Django would report, with every frame's variables."""
    from django.test import override_settings

    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr("neonpro.pades.signing.PdfSigner.async_sign_pdf", broken)
    client = signed_in(doctor.user(Role.PROFESSIONAL), raise_request_exception=False)
    record = entry(doctor)
    reports: list[str] = []

    def report(sender: Any, request: Any, **options: Any) -> None:
        with override_settings(DEBUG=False):
            found = ExceptionReporter(request, *sys.exc_info())
            reports.append(found.get_traceback_text() + found.get_traceback_html())

    from django.core.signals import got_request_exception

    got_request_exception.connect(report)
    try:
        assert post(client, record).status_code == 500
    finally:
        got_request_exception.disconnect(report)
    (text,) = reports
    assert "broken" in text
    for needle in secrets():
        assert needle.decode("latin-1") not in text
        assert repr(needle)[2:-1] not in text
    with doctor.enter(Role.PROFESSIONAL):
        assert MedicalRecord.objects.get(pk=record).status == "finalised"
        assert [one.pk for one in signing.to_sign()] == [doctor.record.pk, record]
