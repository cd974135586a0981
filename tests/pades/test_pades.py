"""Signing and verifying PDFs: what may sign, what is found afterwards, and that secrets stay where they are."""

import gc
import logging
import pickle
import shutil
import subprocess
import traceback
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.checks import run_checks
from django.test import override_settings
from pyhanko.pdf_utils.generic import NumberObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore
from reportlab.pdfgen.canvas import Canvas

from neonpro import pades
from neonpro.pades import Code, Level, PadesLevel, Weight
from neonpro.pades.certificates import as_asn1, cpf_of
from tests import pki


@cache
def plain() -> bytes:
    """A small PDF."""
    out = BytesIO()
    canvas = Canvas(out)
    canvas.drawString(100, 700, "Documento de teste")
    canvas.save()
    return out.getvalue()


def signed(**options: Any) -> pades.Signed:
    """One that our own person signed."""
    container = options.pop("pfx", None) or pki.pfx()
    identity = pades.open_pfx(container, pki.PASSWORD)
    return pades.sign(
        plain(),
        **{
            "identity": identity, "cpf": pki.CPF, "at": pki.now(), "roots": pki.roots(), "reason": "Teste",
            "location": "São Paulo", **options,
        },
    )  # fmt: skip


def signed_by_pyhanko(certificate: Any, *, under: str = "Raiz de Teste") -> bytes:
    """What pyHanko signs by itself: it asks neither for validity nor for trust."""
    identity = pades.open_pfx(pki.pfx(certificate, under=under), pki.PASSWORD)
    store = SimpleCertificateStore()
    store.register(as_asn1(pki.intermediate(under)))
    signer = SimpleSigner(
        signing_cert=as_asn1(identity.certificate), signing_key=identity.signing_key(), cert_registry=store
    )
    out = BytesIO()
    metadata = PdfSignatureMetadata(field_name="A", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    PdfSigner(metadata, signer=signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(plain())), output=out)
    return out.getvalue()


# --- the container ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pfx_opens_modern_and_legacy(legacy: bool) -> None:
    identity = pades.open_pfx(pki.pfx(legacy=legacy), pki.PASSWORD)
    assert identity.holder.cpf == pki.CPF
    assert identity.holder.name == pki.NAME


def test_a_wrong_password_and_a_wrong_file_are_told_apart() -> None:
    with pytest.raises(pades.WrongPassword, match="senha"):
        pades.open_pfx(pki.pfx(), "outra")
    with pytest.raises(pades.NotAPfx, match="certificado A1"):
        pades.open_pfx(plain(), pki.PASSWORD)
    with pytest.raises(pades.NotAPfx):
        pades.open_pfx(b"", pki.PASSWORD)
    with pytest.raises(pades.NotAPfx):
        pades.open_pfx(pki.pfx() + b"\0" * pades.MAX_PFX, pki.PASSWORD)


def test_a_container_without_a_key_says_so() -> None:
    with pytest.raises(pades.NoKey, match="chave privada"):
        pades.open_pfx(pki.pfx(with_key=False), pki.PASSWORD)


@pytest.mark.parametrize("form", [core.OctetString, core.UTF8String, core.PrintableString])
def test_the_cpf_is_read_however_it_is_written(form: Any) -> None:
    assert cpf_of(pki.person(form=form)) == pki.CPF


def test_a_cpf_with_wrong_check_digits_is_none() -> None:
    assert cpf_of(pki.person("52998224700")) == ""


# --- who may sign ----------------------------------------------------------------------------------------------------


def test_each_refusal_has_its_own_error_and_message() -> None:
    cases: list[tuple[Any, type[pades.PadesError], str]] = [
        (pki.pfx(pki.person(begins=-400, ends=-1)), pades.Expired, "venceu"),
        (pki.pfx(pki.person(begins=1)), pades.NotYetValid, "só vale"),
        (pki.pfx(pki.person(pki.OTHER_CPF)), pades.OtherPerson, "outra pessoa"),
        (pki.pfx(pki.person("")), pades.NoCpf, "não traz CPF"),
        (pki.pfx(pki.person(under="Outra Raiz"), under="Outra Raiz"), pades.Untrusted, "raiz"),
        (pki.pfx(pki.person(signs=False)), pades.MayNotSign, "não serve para assinar"),
        (pki.pfx(pki.person(bits=1024), bits=1024), pades.WeakKey, "fraca"),
    ]
    texts = set()
    for container, error, words in cases:
        with pytest.raises(error, match=words) as refused:
            signed(pfx=container)
        texts.add(str(refused.value))
    assert len(texts) == len(cases)


def test_without_roots_nothing_is_signed() -> None:
    with pytest.raises(pades.Untrusted, match="Nenhuma raiz"):
        signed(roots=pades.Roots())


def test_validity_is_judged_to_the_second() -> None:
    certificate = pki.person()
    identity = pades.open_pfx(pki.pfx(), pki.PASSWORD)
    end = certificate.not_valid_after_utc
    pades.check(identity, cpf=pki.CPF, at=end, roots=pki.roots())
    with pytest.raises(pades.Expired):
        pades.check(identity, cpf=pki.CPF, at=end + timedelta(seconds=1), roots=pki.roots())
    with pytest.raises(pades.NotYetValid):
        pades.check(
            identity, cpf=pki.CPF, at=certificate.not_valid_before_utc - timedelta(seconds=1), roots=pki.roots()
        )


def test_the_level_follows_from_the_root() -> None:
    assert signed().level is Level.ADVANCED
    assert signed(roots=pki.roots(icp=True)).level is Level.QUALIFIED


def test_a_pfx_without_its_chain_takes_the_configured_intermediate() -> None:
    alone = pki.pfx(chain=False)
    with pytest.raises(pades.Untrusted):
        signed(pfx=alone)
    made = signed(pfx=alone, roots=pades.Roots(other=(pki.root(),), intermediates=(pki.intermediate(),)))
    # The signature carries it: whoever verifies needs the root only.
    assert pades.verify(made.pdf, roots=pki.roots()).ok
    assert len(made.chain) == 3


def test_a_root_of_timestamps_certifies_nobody() -> None:
    with pytest.raises(pades.Untrusted):
        signed(roots=pades.Roots(tsa=(pki.root(),)))


# --- what is made ----------------------------------------------------------------------------------------------------


def test_a_signed_document_verifies_here_and_with_pyhanko() -> None:
    made = signed()
    assert made.pades is PadesLevel.B_B
    assert made.pdf.startswith(plain()[:1000])
    report = pades.verify(made.pdf, roots=pki.roots())
    assert report.ok
    assert report.holder
    assert report.holder.cpf == pki.CPF
    assert report.codes() == {Code.INTACT, Code.TRUSTED_OTHER, Code.TIME_CLAIMED, Code.REVOCATION}
    signature = PdfFileReader(BytesIO(made.pdf)).embedded_regular_signatures[0]
    root = asn1.Certificate.load(pki.root().public_bytes(Encoding.DER))
    status = validate_pdf_signature(signature, ValidationContext(trust_roots=[root], allow_fetching=False))
    assert status.bottom_line
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"


def pdfsig(pdf: bytes, where: Path) -> str:
    """What poppler says of the digest."""
    tool = shutil.which("pdfsig")
    assert tool, "pdfsig não está instalado. No Debian ou Ubuntu: apt install poppler-utils"
    file = where / "signed.pdf"
    file.write_bytes(pdf)
    answer = subprocess.run([tool, "-nocert", str(file)], capture_output=True, text=True, check=False)
    return answer.stdout


def test_pdfsig_agrees(tmp_path: Path) -> None:
    made = signed()
    said = pdfsig(made.pdf, tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "Digest Mismatch" in pdfsig(altered(made.pdf), tmp_path)


def test_a_timestamp_makes_it_b_t() -> None:
    made = signed(timestamper=pki.timestamper())
    assert made.pades is PadesLevel.B_T
    report = pades.verify(made.pdf, roots=pki.roots())
    assert report.ok
    assert report.stamped_at
    assert report.pades is PadesLevel.B_T
    assert Code.STAMPED in report.codes()
    assert Code.TIME_CLAIMED not in report.codes()


def test_a_timestamp_of_an_unknown_authority_fails_the_document() -> None:
    made = signed(timestamper=pki.timestamper())
    report = pades.verify(made.pdf, roots=pades.Roots(other=(pki.root(),)))
    assert not report.ok
    assert Code.STAMP_BAD in report.codes()


def test_an_authority_that_is_not_trusted_is_noticed_before_anything_is_handed_out() -> None:
    with pytest.raises(pades.OutputRefused, match="carimbo"):
        signed(timestamper=pki.timestamper(), roots=pades.Roots(other=(pki.root(),)))


def test_an_authority_that_does_not_answer_stops_the_signature() -> None:
    with pytest.raises(pades.TimestampFailed, match="carimbo"):
        signed(timestamper=pades.HttpTimestamper("http://user:secret@127.0.0.1:9/"))


def test_the_address_of_an_authority_shows_no_password() -> None:
    assert "secret" not in repr(pades.HttpTimestamper("https://user:secret@tsa.invalid/"))


def test_a_document_is_signed_once() -> None:
    identity = pades.open_pfx(pki.pfx(), pki.PASSWORD)
    options: dict[str, Any] = {
        "identity": identity, "cpf": pki.CPF, "at": pki.now(), "roots": pki.roots(), "reason": "", "location": "",
    }  # fmt: skip
    with pytest.raises(pades.DocumentRefused, match="já está assinado"):
        pades.sign(signed().pdf, **options)
    with pytest.raises(pades.DocumentRefused):
        pades.sign(b"no pdf", **options)


# --- what verification finds -----------------------------------------------------------------------------------------


def altered(pdf: bytes) -> bytes:
    """The same with one bit of its content changed."""
    place = pdf.index(b"endstream") - 3
    return pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]


def appended(pdf: bytes) -> bytes:
    """The same with a revision that turns a page upside down."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    page["/Rotate"] = NumberObject(180)
    writer.update_container(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def only_failure(report: pades.Report) -> Code:
    """The one failure of a report that is not ok."""
    assert not report.ok
    assert report.level is None
    (failure,) = [finding for finding in report.findings if finding.weight is Weight.FAILURE]
    assert failure.words
    return failure.code


def test_one_changed_byte_is_found() -> None:
    assert only_failure(pades.verify(altered(signed().pdf), roots=pki.roots())) is Code.ALTERED


def test_every_changed_byte_is_found() -> None:
    """Any byte outside the signature's own: never ok. (Inside, the container's padding is nobody's content.)"""
    pdf = signed().pdf
    begin, length, rest, _end = PdfFileReader(BytesIO(pdf)).embedded_regular_signatures[0].byte_range
    places = [*range(begin, length, 97), *range(rest, len(pdf), 97)]
    for place in places:
        changed = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
        assert not pades.verify(changed, roots=pki.roots()).ok, place


def test_an_appended_revision_is_found() -> None:
    assert only_failure(pades.verify(appended(signed().pdf), roots=pki.roots())) is Code.APPENDED


def test_bytes_after_the_end_are_found() -> None:
    assert only_failure(pades.verify(signed().pdf + b"\n% more\n", roots=pki.roots())) is Code.APPENDED


def test_an_expired_certificate_is_found_though_pyhanko_signs_with_it() -> None:
    pdf = signed_by_pyhanko(pki.person(begins=-400, ends=-1))
    assert only_failure(pades.verify(pdf, roots=pki.roots())) is Code.EXPIRED


def test_an_untrusted_root_is_found() -> None:
    pdf = signed_by_pyhanko(pki.person(under="Outra Raiz"), under="Outra Raiz")
    assert only_failure(pades.verify(pdf, roots=pki.roots())) is Code.UNTRUSTED
    assert not pades.verify(pdf, roots=pades.Roots()).ok


def test_key_usage_and_weak_keys_are_found() -> None:
    report = pades.verify(signed_by_pyhanko(pki.person(signs=False)), roots=pki.roots())
    assert not report.ok
    assert Code.MAY_NOT_SIGN in report.codes()


def test_a_second_signature_is_found() -> None:
    identity = pades.open_pfx(pki.pfx(), pki.PASSWORD)
    signer = SimpleSigner(
        signing_cert=as_asn1(identity.certificate), signing_key=identity.signing_key(),
        cert_registry=SimpleCertificateStore(),
    )  # fmt: skip
    out = BytesIO()
    PdfSigner(PdfSignatureMetadata(field_name="Two"), signer=signer).sign_pdf(
        IncrementalPdfFileWriter(BytesIO(signed().pdf)), output=out
    )
    assert only_failure(pades.verify(out.getvalue(), roots=pki.roots())) is Code.SEVERAL


def test_what_is_no_signed_pdf_is_said_to_be_none() -> None:
    assert only_failure(pades.verify(b"", roots=pki.roots())) is Code.NOT_A_PDF
    assert only_failure(pades.verify(plain(), roots=pki.roots())) is Code.UNSIGNED


def test_a_certificate_that_has_expired_since_still_verifies_by_our_own_record() -> None:
    pdf = signed_by_pyhanko(pki.person(begins=-400, ends=-1))
    report = pades.verify(pdf, roots=pki.roots(), known_at=pki.now() - timedelta(days=200))
    assert report.ok
    assert {Code.SINCE_EXPIRED, Code.TIME_RECORDED, Code.TIME_DIFFERS} <= report.codes()


def test_no_report_claims_that_revocation_was_checked() -> None:
    report = pades.verify(signed().pdf, roots=pki.roots(icp=True))
    (finding,) = [one for one in report.findings if one.code is Code.REVOCATION]
    assert finding.words.endswith("não verificada.")
    assert finding.weight is Weight.WARNING


def test_a_stored_report_gives_its_words_again_and_no_name() -> None:
    report = pades.verify(signed().pdf, roots=pki.roots())
    stored = report.as_json()
    assert pades.findings_of(stored) == report.findings
    assert pki.NAME not in str(stored)
    assert pki.CPF not in str(stored)


# --- a signature apart from its document -----------------------------------------------------------------------------


@pytest.mark.parametrize("stamp", [False, True])
def test_a_signature_verifies_apart_from_its_document(stamp: bool) -> None:
    made = signed(timestamper=pki.timestamper() if stamp else None)
    report = pades.verify_parts(made.parts, roots=pki.roots(), known_at=made.signed_at)
    assert report.ok
    assert report.level is Level.ADVANCED
    assert report.pades is made.pades
    assert Code.NOT_OPENED in report.codes()
    other = pades.Parts(made.parts.container, bytes(32))
    assert not pades.verify_parts(other, roots=pki.roots()).ok
    broken = pades.Parts(made.parts.container[:-1] + b"\0", made.parts.digest)
    assert not pades.verify_parts(broken, roots=pki.roots()).ok


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_an_identity_prints_nothing_and_is_never_stored() -> None:
    identity = pades.open_pfx(pki.pfx(), pki.PASSWORD)
    assert pki.CPF not in repr(identity)
    assert pki.CPF not in repr(identity.holder)
    with pytest.raises(TypeError):
        pickle.dumps(identity)


def test_no_error_tells_the_password_or_the_signer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for container, password in ((pki.pfx(), pki.PASSWORD + "x"), (b"no", pki.PASSWORD)):
        with pytest.raises(pades.PfxError) as refused:
            pades.open_pfx(container, password)
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None
        assert pki.PASSWORD not in "".join(traceback.format_exception(refused.value))
    pades.verify(signed_by_pyhanko(pki.person(under="Outra Raiz"), under="Outra Raiz"), roots=pki.roots())
    assert pki.CPF not in caplog.text
    assert pki.NAME not in caplog.text
    assert pki.PASSWORD not in caplog.text


def test_signing_writes_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the container nor the key nor the document: nothing is opened for writing."""
    import builtins
    import tempfile

    written: list[str] = []
    original = builtins.open

    def watched(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            written.append(str(file))
        return original(file, mode, *rest, **options)

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    signed(timestamper=pki.timestamper())
    gc.collect()
    assert written == []
    assert list(tmp_path.iterdir()) == []


# --- settings --------------------------------------------------------------------------------------------------------


def test_roots_come_from_files_and_directories(tmp_path: Path) -> None:
    (tmp_path / "icp").mkdir()
    (tmp_path / "icp" / "chain.pem").write_bytes(pki.pem(pki.root(), pki.intermediate()))
    (tmp_path / "other.der").write_bytes(pki.root("Outra Raiz").public_bytes(Encoding.DER))
    found = pades.load_roots(icp=[str(tmp_path / "icp")], other=[str(tmp_path / "other.der")])
    assert found == pades.Roots(icp=(pki.root(),), other=(pki.root("Outra Raiz"),), intermediates=(pki.intermediate(),))


def test_the_check_names_what_is_wrong(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_bytes(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    between = tmp_path / "between.pem"
    between.write_bytes(pki.pem(pki.intermediate()))
    good = tmp_path / "good.pem"
    good.write_bytes(pki.pem(pki.root()))

    def ids(**settings: Any) -> set[str | None]:
        with override_settings(**settings):
            return {message.id for message in run_checks() if (message.id or "").startswith("pades.")}

    assert ids(NEONPRO_ICP_ROOTS=[str(good)], NEONPRO_TSA_URL="https://tsa.invalid/") == set()
    assert ids(NEONPRO_ICP_ROOTS=[str(bad)]) == {"pades.E001"}
    assert ids(NEONPRO_SIGNATURE_ROOTS=[str(tmp_path / "none.pem")]) == {"pades.E001"}
    assert ids(NEONPRO_TSA_ROOTS=[str(between)]) == {"pades.E002"}
    assert ids(NEONPRO_TSA_URL="file:///etc/passwd") == {"pades.E003"}
