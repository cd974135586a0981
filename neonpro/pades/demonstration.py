"""A root and a person's certificate for the demonstration: nobody else trusts them, and no ICP-Brasil stands behind."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from neonpro.pades.certificates import HOLDER

ROOT: Final = "root.pem"
PERSON: Final = "certificado.pfx"
PASSWORD: Final = "demonstracao-neonpro"  # noqa: S105  public on purpose
CPF: Final = "39053344705"
NAME: Final = "MARINA VALADARES"


def make(directory: Path) -> None:
    """Write the root and the person's container into a directory, once.

    Raises:
        OSError: the directory cannot be written.
    """
    if (directory / PERSON).exists():
        return
    directory.mkdir(mode=0o700, exist_ok=True)
    root_key, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    issuer = _name("Raiz de demonstração do NeonPro, sem valor")
    root = _certificate(issuer, root_key, issuer, root_key, ca=True)
    person = _certificate(_name(f"{NAME}:{CPF}"), key, issuer, root_key, ca=False)
    container = serialize_key_and_certificates(
        NAME.encode(), key, person, None, BestAvailableEncryption(PASSWORD.encode())
    )
    _write(directory / ROOT, root.public_bytes(Encoding.PEM))
    # Last: where it is, all is there.
    _write(directory / PERSON, container)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name, key: rsa.RSAPrivateKey, issuer: x509.Name, issuer_key: rsa.RSAPrivateKey, *, ca: bool
) -> x509.Certificate:
    begins = datetime.now(tz=UTC) - timedelta(days=1)
    usage = x509.KeyUsage(
        digital_signature=not ca, content_commitment=not ca, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )  # fmt: skip
    if not ca:
        # Birth, CPF, NIS, RG and its issuer, as an OCTET STRING (DOC-ICP-04).
        text = f"15031985{CPF}{'0' * 26}".encode()
        value = x509.OtherName(HOLDER, bytes([0x04, len(text)]) + text)
        builder = builder.add_extension(x509.SubjectAlternativeName([value]), critical=False)
    return builder.sign(issuer_key, SHA256())


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
