"""What a patient's page says of consents."""

from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from compliance import consent_page, consent_pdf, consents, holder_section
from patients.page import Page, Reader, Section, register, register_page


def _consents(reader: Reader) -> dict[str, Any]:
    """What was asked and how the patient stands to it now, in words."""
    return {
        "consents": [
            {
                "purpose": capfirst(consent_pdf.label(one)),
                "state": capfirst(consent_pdf.state_words(one)),
                "kind": consent_page.KINDS.get(one.state, "default"),
                "since": one.since,
            }
            for one in consents.standings(reader.patient.pk)
            if one.state
        ],
        "all_url": consent_page.address(reader.patient.pk),
    }


def add() -> None:
    """Put the section on the page, and beside it the page of the consents with their steps."""
    register_page(
        Page(
            key="consents",
            title=gettext_lazy("Consents"),
            icon="handshake",
            permission="compliance.view_consent",
            answer=consent_page.answer,
        )
    )
    register_page(
        Page(
            key="my_data",
            title=gettext_lazy("Access to “My data”"),
            icon="badge",
            permission="compliance.add_holdercode",
            answer=holder_section.answer,
        )
    )
    register(
        Section(
            key="consents",
            title=gettext_lazy("Consents"),
            order=60,
            fill=_consents,
            template="admin/patients/patient/page/consents.html",
            permission="compliance.view_consent",
        )
    )
