"""Certificates of people: opening a PFX in memory, the CPF that ICP-Brasil writes into them, and whether one may sign.

ICP-Brasil's DOC-ICP-04 puts the holder's data into an otherName of the subject's alternative names,
2.16.76.1.3.1: birth (8 digits), CPF (11), NIS (11), RG (15) and who issued it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from asn1crypto import core, keys, pkcs12
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.x509.oid import NameOID
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from validate_docbr import CPF

from neonpro.pades.errors import (
    Expired,
    MayNotSign,
    NoCpf,
    NoKey,
    NotAPfx,
    NotYetValid,
    OtherPerson,
    WeakKey,
    WrongPassword,
)

HOLDER: Final = x509.ObjectIdentifier("2.16.76.1.3.1")
"""ICP-Brasil's otherName with the data of the person who holds the certificate."""

MAX_PFX: Final = 256 * 1024
"""Bytes of the largest container that is looked at; an A1 with its whole chain has about ten thousand."""

_MAX_ROUNDS: Final = 5_000_000
"""Rounds of the key derivation that a container may ask for: more would only keep the server busy."""

_RSA_BITS: Final = 2048
_EC_BITS: Final = 256


@dataclass(frozen=True, slots=True)
class Holder:
    """What a certificate says. `cpf` is '' where it names none."""

    name: str
    cpf: str
    serial: str
    issuer: str
    not_before: datetime
    not_after: datetime
    policies: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<certificate {self.serial}>"


class Identity:
    """A key and its certificates, opened for one act. It prints nothing, and cannot be stored."""

    __slots__ = ("certificate", "holder", "key", "others")

    def __init__(self, key: Any, certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> None:
        self.key = key
        self.certificate = certificate
        self.others = tuple(others)
        self.holder = holder_of(certificate)

    def __repr__(self) -> str:
        return "<identity>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("An identity is never stored.")

    def signing_key(self) -> keys.PrivateKeyInfo:
        """The key as pyHanko takes it."""
        raw = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return keys.PrivateKeyInfo.load(raw)


@sensitive_variables()
def open_pfx(data: bytes, password: str) -> Identity:
    """The key and certificates in a PFX (PKCS #12), modern or legacy; nothing touches the disk.

    Args:
        data: the file's bytes.
        password: the container's; it is used here and kept nowhere.

    Raises:
        NotAPfx, WrongPassword, NoKey: each with a message for the person; none has a cause.
    """
    _look_at(data)
    try:
        key, certificate, others = load_key_and_certificates(data, password.encode())
    except Exception:
        opened = None
    else:
        opened = key, certificate, others
    if opened is None:
        # Outside the handler: the library's own error stays out of this one's context.
        raise WrongPassword(_("The certificate's password is wrong. Type it again; nothing was signed."))
    key, certificate, others = opened
    if key is None or certificate is None or not _belong_together(key, certificate):
        raise NoKey(
            _("This file holds no private key, so it cannot sign. Export the certificate again together with its key.")
        )
    return Identity(key, certificate, others)


def _look_at(data: bytes) -> None:
    """Whether this is a PFX at all: a wrong password and a wrong file get different answers."""
    fits = False
    if len(data) <= MAX_PFX:
        try:
            container = pkcs12.Pfx.load(data)
            rounds = container["mac_data"]["iterations"].native if container["mac_data"] else 1
            fits = container["version"].native == "v3" and rounds <= _MAX_ROUNDS and bool(container["auth_safe"])
        except (ValueError, TypeError, KeyError):
            fits = False
    if not fits:
        raise NotAPfx(
            _("This file is not an A1 certificate: choose the .pfx or .p12 file that the certification authority gave.")
        )


def _belong_together(key: Any, certificate: x509.Certificate) -> bool:
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        return bool(key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form))
    except (AttributeError, ValueError):
        return False


# --- what a certificate says -----------------------------------------------------------------------------------------


def holder_of(certificate: x509.Certificate) -> Holder:
    """What a certificate says of its holder."""
    return Holder(
        name=_common_name(certificate.subject).partition(":")[0],
        cpf=cpf_of(certificate),
        serial=format(certificate.serial_number, "x"),
        issuer=_common_name(certificate.issuer) or certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        policies=tuple(_policies(certificate)),
    )


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _policies(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [policy.policy_identifier.dotted_string for policy in found]


def cpf_of(certificate: x509.Certificate) -> str:
    """The CPF of a certificate's holder, '' where there is none or its check digits are wrong.

    Certificates in use have the value as OCTET STRING, others as UTF8String or PrintableString.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    for name in names.get_values_for_type(x509.OtherName):
        if name.type_id != HOLDER:
            continue
        try:
            value = core.load(name.value).native
        except ValueError:
            continue
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
        cpf = text[8:19]
        if re.fullmatch(r"[0-9]{11}", cpf) and CPF().validate(cpf):
            return cpf
    return ""


def as_asn1(certificate: x509.Certificate) -> asn1.Certificate:
    """The certificate as pyHanko takes it."""
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER))


def from_asn1(certificate: asn1.Certificate) -> x509.Certificate:
    """The certificate as `cryptography` has it."""
    return x509.load_der_x509_certificate(certificate.dump())


# --- whether it may sign ---------------------------------------------------------------------------------------------


def examine(identity: Identity, *, cpf: str, at: datetime) -> None:
    """Whether a certificate may sign as this person at this moment; its chain is another question.

    Args:
        identity: the opened certificate.
        cpf: the author's, eleven digits.
        at: when.

    Raises:
        MayNotSign, WeakKey, NotYetValid, Expired, NoCpf, OtherPerson.
    """
    holder = identity.holder
    if not may_sign(identity.certificate):
        raise MayNotSign(
            _("This certificate is not for signing documents (its key usage says so). Use the e-CPF, type A1.")
        )
    if not is_strong(identity.certificate):
        raise WeakKey(_("This certificate's key is too weak to be accepted. Ask for a new certificate."))
    if at < holder.not_before:
        raise NotYetValid(_("This certificate is only valid from %(day)s on.") % {"day": _day(holder.not_before)})
    if at > holder.not_after:
        raise Expired(
            _("This certificate expired on %(day)s. Sign with a valid one; nothing was signed.")
            % {"day": _day(holder.not_after)}
        )
    if not holder.cpf:
        raise NoCpf(
            _("This certificate names no CPF: it is not a person's e-CPF. A company's certificate cannot sign.")
        )
    if holder.cpf != cpf:
        raise OtherPerson(
            _("This certificate belongs to another person: its CPF is not the author's. Only the author signs.")
        )


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether the key usage has non-repudiation, which every signature certificate of ICP-Brasil has."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.content_commitment


def is_strong(certificate: x509.Certificate) -> bool:
    """Whether the key is RSA or elliptic of an accepted size."""
    try:
        key = certificate.public_key()
    except (ValueError, TypeError):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= _EC_BITS


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "d/m/Y")
