"""What can be refused when a document is signed. Each message is for the person who signs, in their language.

No error holds a password, a key or a name; those raised while a PFX is opened have no cause and no context either.
"""


class PadesError(Exception):
    """The base of every refusal; its text says what is wrong and what to do."""


class PfxError(PadesError):
    """The file with the certificate cannot be used."""


class NotAPfx(PfxError):
    """The file is no PKCS #12 container."""


class WrongPassword(PfxError):
    """The password does not open the container."""


class NoKey(PfxError):
    """The container holds no private key, or a certificate that is not the key's."""


class CertificateRefused(PadesError):
    """The certificate opened, but may not sign this document."""


class Expired(CertificateRefused):
    """Its validity has ended."""


class NotYetValid(CertificateRefused):
    """Its validity has not begun."""


class NoCpf(CertificateRefused):
    """It names no CPF as ICP-Brasil writes it: it is a company's, a server's, or no Brazilian person's."""


class OtherPerson(CertificateRefused):
    """Its CPF is not the author's."""


class Untrusted(CertificateRefused):
    """Its chain does not end in a configured root."""


class MayNotSign(CertificateRefused):
    """Its key usage is not for signing."""


class WeakKey(CertificateRefused):
    """Its key is too small, or of a kind that is not accepted."""


class DocumentRefused(PadesError):
    """What was to be signed is no PDF, or has a signature already."""


class TimestampFailed(PadesError):
    """The timestamp authority did not answer with a timestamp."""


class OutputRefused(PadesError):
    """The finished signature did not pass our own verification, so it was thrown away."""
