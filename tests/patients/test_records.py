"""Entries of the medical record: drafted, finalised, corrected by addenda, and never rewritten."""

from clinics.roles import Role
from patients import records
from tests.factories import World, opened, write_entry


def test_an_entry_is_drafted_and_finalised_with_its_author(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(clinic_a.patients[1], "sem queixas", final=False)
        assert draft.is_draft
        final = opened(records.finalise(draft.pk, revision=draft.revision))
    assert final.status == "finalised"
    assert final.author_name == clinic_a.professional.full_name
    assert final.licence == "CRM-SP 123456"
    assert final.time_zone == "America/Sao_Paulo"
    assert final.sections[0]["text"] == "sem queixas"
