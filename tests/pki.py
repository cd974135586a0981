"""A certificate authority of the tests' own: roots, an intermediate, people with and without a CPF, timestamps.

Keys are made once a process. Nothing here is like a real person: names and numbers are made up.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from asn1crypto import core, keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from neonpro.pades import Roots

PASSWORD = "senha-canario-Xq7"  # a canary: nothing may ever repeat it
CPF = "52998224725"
OTHER_CPF = "11144477735"
NAME = "MARINA TESTE DA SILVA"

HOLDER = x509.ObjectIdentifier("2.16.76.1.3.1")


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key, one a name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """An elliptic key, one a name: much faster to make."""
    return ec.generate_private_key(ec.SECP256R1())


def now() -> datetime:
    """The present, to the second, as certificates have it."""
    return datetime.now(tz=UTC).replace(microsecond=0)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "AC dos Testes"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(**yes: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: yes.get(name, False) for name in names})


def _issue(
    subject: x509.Name, key: Any, issuer: x509.Name, issuer_key: Any, extensions: Iterable[tuple[Any, bool]],
    begins: datetime, ends: datetime,
) -> x509.Certificate:  # fmt: skip
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    )  # fmt: skip
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, SHA256())


def root(name: str = "Raiz de Teste") -> x509.Certificate:
    """A root; the names "Raiz de Teste" and "Outra Raiz" are the two that tests trust or do not."""
    return _root(name)


@cache
def _root(name: str) -> x509.Certificate:
    key = ec_key(name)
    extensions = [(x509.BasicConstraints(ca=True, path_length=None), True),
                  (_usage(key_cert_sign=True, crl_sign=True), True)]  # fmt: skip
    return _issue(_name(name), key, _name(name), key, extensions, now() - timedelta(days=3650),
                  now() + timedelta(days=3650))  # fmt: skip


def intermediate(under: str = "Raiz de Teste") -> x509.Certificate:
    """The authority between a root and the people."""
    return _intermediate(under)


@cache
def _intermediate(under: str) -> x509.Certificate:
    extensions = [(x509.BasicConstraints(ca=True, path_length=0), True),
                  (_usage(key_cert_sign=True, crl_sign=True), True)]  # fmt: skip
    return _issue(
        _name(f"AC {under}"), ec_key(f"AC {under}"), _name(under), ec_key(under), extensions,
        now() - timedelta(days=1825), now() + timedelta(days=1825),
    )  # fmt: skip


def holder_name(cpf: str, form: type[Any] = core.OctetString) -> x509.OtherName:
    """ICP-Brasil's otherName: birth, CPF, NIS, RG and its issuer."""
    text = f"15031980{cpf}{'0' * 11}{'123456789':0>15}SSPSP"
    value = form(text.encode()) if form is core.OctetString else form(text)
    return x509.OtherName(HOLDER, value.dump())


@cache
def person(
    cpf: str = CPF, *, under: str = "Raiz de Teste", begins: int = -30, ends: int = 335, bits: int = 2048,
    signs: bool = True, form: type[Any] = core.OctetString,
) -> x509.Certificate:  # fmt: skip
    """A person's certificate.

    Args:
        cpf: '' for none.
        under: the root.
        begins, ends: days from today.
        bits: of the RSA key.
        signs: whether the key usage has non-repudiation.
        form: how the otherName is written.
    """
    extensions: list[tuple[Any, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (_usage(digital_signature=True, content_commitment=signs, key_encipherment=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
    ]
    if cpf:
        extensions.append((x509.SubjectAlternativeName([holder_name(cpf, form)]), False))
    return _issue(
        _name(f"{NAME}:{cpf}" if cpf else NAME), rsa_key("person", bits), _name(f"AC {under}"), ec_key(f"AC {under}"),
        extensions, now() + timedelta(days=begins), now() + timedelta(days=ends),
    )  # fmt: skip


@cache
def pfx(
    certificate: x509.Certificate | None = None, *, bits: int = 2048, legacy: bool = False, chain: bool = True,
    under: str = "Raiz de Teste", password: str = PASSWORD, with_key: bool = True,
) -> bytes:  # fmt: skip
    """A container with a person's key, certificate and (with `chain`) the intermediate's."""
    encryption: Any = BestAvailableEncryption(password.encode())
    if legacy:
        encryption = (
            PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000)
            .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(SHA1())  # noqa: S303  # as old containers have it
            .build(password.encode())
        )  # fmt: skip
    return serialize_key_and_certificates(
        b"teste", rsa_key("person", bits) if with_key else None, certificate or person(),
        [intermediate(under)] if chain else None, encryption,
    )  # fmt: skip


def roots(*, icp: bool = False) -> Roots:
    """The first root trusted: as any root, or as if it were ICP-Brasil's."""
    tsa = (root("Raiz do Tempo"),)
    return Roots(icp=(root(),), tsa=tsa) if icp else Roots(other=(root(),), tsa=tsa)


@cache
def timestamp_certificate() -> x509.Certificate:
    """That of the tests' timestamp authority."""
    extensions: list[tuple[Any, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
    ]
    return _issue(
        _name("Tempo de Teste"), rsa_key("time"), _name("Raiz do Tempo"), ec_key("Raiz do Tempo"), extensions,
        now() - timedelta(days=30), now() + timedelta(days=335),
    )  # fmt: skip


def timestamper(at: datetime | None = None) -> DummyTimeStamper:
    """A timestamp authority without a network."""
    store = SimpleCertificateStore()
    store.register(asn1.Certificate.load(root("Raiz do Tempo").public_bytes(Encoding.DER)))
    key = rsa_key("time").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return DummyTimeStamper(
        asn1.Certificate.load(timestamp_certificate().public_bytes(Encoding.DER)), keys.PrivateKeyInfo.load(key),
        certs_to_embed=store, fixed_dt=at,
    )  # fmt: skip


def pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as a PEM file."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
