"""The demonstration's signature: a report that one of its professionals signed with a made-up certificate."""

from pathlib import Path
from uuid import UUID

from clinics.models import Professional, User
from neonpro import pades
from neonpro.db import context
from neonpro.pades import demonstration
from patients import records, signing
from patients.models import CareTeam, RecordSignature, RecordTemplate

TEXT = (
    "Paciente em acompanhamento estético desde janeiro, com boa resposta ao protocolo de hidratação. Sem"
    " intercorrências até a presente data. Reavaliação em 60 dias."
)


def sign_records(place: UUID, directory: Path) -> None:
    """Let the professional of the demonstration's certificate write and sign a report, once, where it was made.

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
