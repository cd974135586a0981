"""Certificates: canonical JSON, signed with Ed25519, that anybody can check without a database and without Django."""

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class CertificateInvalid(Exception):
    """The file is no certificate, was altered, or was signed by another key."""


class NoCertificateKey(Exception):
    """NEONPRO_CERTIFICATE_KEY is missing or is no key."""


def private_key(text: str) -> Ed25519PrivateKey:
    """The key of the setting: 32 bytes, base64url.

    Raises:
        NoCertificateKey: it is missing, cut or too short.
    """
    try:
        secret = base64.urlsafe_b64decode(text)
    except ValueError as error:
        raise NoCertificateKey("NEONPRO_CERTIFICATE_KEY") from error
    if len(secret) < 32:
        raise NoCertificateKey("NEONPRO_CERTIFICATE_KEY")
    return Ed25519PrivateKey.from_private_bytes(secret[:32])


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, as the command prints it and `--public-key` takes it."""
    return base64.urlsafe_b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def canonical(document: dict[str, Any]) -> bytes:
    """The one way in which a document is written: what is signed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sign(document: dict[str, Any], key: Ed25519PrivateKey) -> str:
    """The document with its signature, canonical too."""
    signature = base64.urlsafe_b64encode(key.sign(canonical(document))).decode()
    return canonical(
        {**document, "signature": {"algorithm": "Ed25519", "public_key": public_text(key), "value": signature}}
    ).decode()


def verify(text: str | bytes, public_key: str) -> dict[str, Any]:
    """What a signed document says.

    Args:
        text: the file's content.
        public_key: of whom it must be signed by; the one in the file proves nothing.

    Raises:
        CertificateInvalid: see the class.
    """
    try:
        document = json.loads(text)
        signature = document.pop("signature")
        trusted = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public_key))
        trusted.verify(base64.urlsafe_b64decode(signature["value"]), canonical(document))
    except InvalidSignature as error:
        raise CertificateInvalid("signature") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CertificateInvalid("format") from error
    found: dict[str, Any] = document
    return found


def main(arguments: list[str]) -> int:
    """Check a file with a public key and nothing else: no settings, no database. In Portuguese, for want of Django."""
    parser = argparse.ArgumentParser(prog="manage.py verify_certificate")
    parser.add_argument("file", type=Path)
    parser.add_argument("--public-key", required=True)
    given = parser.parse_args(arguments)
    try:
        said = verify(given.file.read_bytes(), given.public_key)
    except OSError as error:
        print(f"{given.file}: {error.strerror}", file=sys.stderr)
        return 2
    except CertificateInvalid as error:
        altered = "o arquivo foi alterado ou não foi assinado com esta chave"
        print(f"Inválido: {altered if str(error) == 'signature' else 'isto não é um certificado'}.", file=sys.stderr)
        return 1
    print(f"Válido: eliminação {said.get('id')}, executada em {said.get('executed_at')}.")
    return 0
