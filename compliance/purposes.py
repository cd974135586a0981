"""What a patient is asked for: the one table of purposes, each with its family, its ground in law and its words.

One consent a purpose (LGPD art. 8 § 4), and six families that never share a document: a consent under the LGPD, the
consent to a procedure (TCLE), the telemedicine term, the use of images, the notice of AI, the term of a drug's risks.
Care itself is not among the purposes: it rests on LGPD art. 11 II "f" and "a", and asking for a consent would promise a
right to withdraw that nobody could honour.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Family(TextChoices):
    """Which kind of document it is (`lgpd.consent.families`)."""

    LGPD = "LGPD", _("consent under the LGPD")
    PROCEDURE = "PROCEDURE", _("informed consent to a procedure (TCLE)")
    TELEMEDICINE = "TELEMEDICINE", _("telemedicine term")
    IMAGE_USE = "IMAGE_USE", _("use of images")
    AI = "AI", _("notice of artificial intelligence")
    DRUG_RISK = "DRUG_RISK", _("term of a drug's risks")


class Purpose(TextChoices):
    """What for."""

    MARKETING = "marketing", pgettext_lazy("consent", "news and offers of the clinic")
    IMAGE_RECORD = "image_record", pgettext_lazy("consent", "photographs for the record only")
    IMAGE_PUBLICATION = "image_publication", pgettext_lazy("consent", "publication of photographs")
    TELEMEDICINE = "telemedicine", pgettext_lazy("consent", "care at a distance (telemedicine)")
    TELEMEDICINE_SHARING = "telemedicine_sharing", pgettext_lazy("consent", "sharing images and data of telemedicine")
    TELEMEDICINE_RECORDING = "telemedicine_recording", pgettext_lazy("consent", "recording of telemedicine")
    AI = "ai", pgettext_lazy("consent", "support of care by artificial intelligence")
    PROCEDURE = "procedure", pgettext_lazy("consent", "procedure")
    DRUG_RISK = "drug_risk", pgettext_lazy("consent", "drug with known risks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is always so of a purpose.

    Attributes:
        family: which document it belongs to.
        basis: its legal basis, as `lgpd.legal_bases` and `lgpd.sensitive_legal_bases` spell it.
        category: which data it is about.
        by_service: each service has a consent of its own.
        stops: what a withdrawal ends at once, in words.
    """

    family: Family
    basis: str
    category: str
    by_service: bool = False
    stops: Any

    @property
    def highlighted(self) -> bool:
        """Whether the clause stands out from the rest (LGPD art. 11 I)."""
        return self.basis == "11.I"


TERMS: Final[dict[str, Terms]] = {
    Purpose.MARKETING: Terms(
        family=Family.LGPD, basis="7.I", category="CONTACT",
        stops=_("No message of news or offers goes out any more."),
    ),
    Purpose.IMAGE_RECORD: Terms(
        family=Family.IMAGE_USE, basis="11.II.f", category="HEALTH",
        stops=_("No new photograph is taken; those in the record stay there by law."),
    ),
    Purpose.IMAGE_PUBLICATION: Terms(
        family=Family.IMAGE_USE, basis="11.I", category="HEALTH",
        stops=_("No photograph may be published any more, and what the clinic has published must come down."),
    ),
    Purpose.TELEMEDICINE: Terms(
        family=Family.TELEMEDICINE, basis="11.II.f", category="HEALTH",
        stops=_("No session at a distance can start; the patient is cared for in person."),
    ),
    Purpose.TELEMEDICINE_SHARING: Terms(
        family=Family.TELEMEDICINE, basis="11.II.f", category="HEALTH",
        stops=_("Images and data of telemedicine are shared with nobody else any more."),
    ),
    Purpose.TELEMEDICINE_RECORDING: Terms(
        family=Family.TELEMEDICINE, basis="11.I", category="HEALTH",
        stops=_("No session is recorded any more, one that is running included."),
    ),
    Purpose.AI: Terms(
        family=Family.AI, basis="11.II.f", category="HEALTH",
        stops=_("Artificial intelligence no longer takes part in the care."),
    ),
    Purpose.PROCEDURE: Terms(
        family=Family.PROCEDURE, basis="11.II.f", category="HEALTH", by_service=True,
        stops=_("The procedure is not done."),
    ),
    Purpose.DRUG_RISK: Terms(
        family=Family.DRUG_RISK, basis="11.II.f", category="HEALTH",
        stops=_("The drug is not prescribed."),
    ),
}  # fmt: skip
"""Every purpose there is."""

PUBLIC_FAMILIES: Final = (Family.LGPD, Family.IMAGE_USE, Family.TELEMEDICINE)
"""What the front desk also records; the others are part of care."""
