"""The demonstration's signatures: a report and a prescription, with the made-up certificate of one professional."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

from clinics.models import Professional, User
from neonpro import pades
from neonpro.db import context
from neonpro.pades import demonstration
from patients import prescribing, records, signing
from patients.models import CareTeam, RecordSignature, RecordTemplate

TEXT = (
    "Paciente em acompanhamento estético desde janeiro, com boa resposta ao protocolo de hidratação. Sem"
    " intercorrências até a presente data. Reavaliação em 60 dias."
)

SUNCARE: dict[str, Any] = {
    "medicine": "Dexpantenol", "concentration": "50 mg/g", "form": "creme", "quantity": "1", "unit": "bisnaga",
    "posology": "Aplicar na área tratada 2 vezes ao dia, por 7 dias", "days": 7,
}  # fmt: skip


def sign_records(place: UUID, directory: Path) -> None:
    """Let the professional of the demonstration's certificate write and sign a report and a prescription, once,
    where it was made.

    Args:
        place: the clinic, whose job context is open.
        directory: where `neonpro.pades.demonstration.make` wrote.
    """
    container = directory / demonstration.PERSON
    author = Professional.objects.filter(
        full_name__iexact=demonstration.NAME, membership__role="professional", membership__is_active=True
    ).first()
    if author is None or author.membership is None or not container.exists() or not pades.configured_roots():
        return
    if not author.cpf:
        author.cpf = demonstration.CPF
        author.save()
    with context.enter(context.SignIn(), None):
        user = User.objects.get(pk=author.membership.user_id)
    with context.enter(user, place):
        if RecordSignature.objects.filter(signer=author).exists():
            return
        stay = CareTeam.objects.filter(professional=author, until=None).order_by("since", "pk").first()
        template = RecordTemplate.objects.filter(document_kind="report").order_by("name").first()
        if stay is None or template is None:
            return
        draft = records.new_draft(patient=stay.patient_id, kind="", template=template)
        texts = {section["code"]: TEXT for section in draft.sections}
        draft = records.save_draft(draft.pk, revision=draft.revision, texts=texts)
        final = records.finalise(draft.pk, revision=draft.revision)
        identity = pades.open_pfx(container.read_bytes(), demonstration.PASSWORD)
        signing.sign_record(final.pk, identity=identity)
        _prescribe(stay.patient_id, identity)


def _prescribe(patient: UUID, identity: pades.Identity) -> None:
    """A common prescription, signed electronically; where something it needs is missing, its draft says what."""
    today = timezone.localdate()
    draft = prescribing.begin(patient=patient, guidance="Usar protetor solar todos os dias.")
    prescribing.put_item(draft, today=today, **SUNCARE)
    if not prescribing.plan(draft, today=today).reasons:
        prescribing.issue(draft.pk, today=today, electronic=frozenset({"COMMON"}), identity=identity)
