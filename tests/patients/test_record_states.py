"""Any sequence of drafting, editing, finalising, correcting, discarding: what is final stays byte by byte as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from pytest_django import DjangoDbBlocker

from clinics.models import User
from clinics.roles import Role
from neonpro.db import context
from patients import care, records
from patients.models import MedicalRecord
from patients.records import RecordError, StaleDraft
from tests.conftest import clone_template
from tests.factories import World, make_colleague, make_world

WORDS = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and "\x00" not in text and "\r" not in text)


class Records(RuleBasedStateMachine):
    """One patient, an author and a colleague of the team."""

    world: World
    colleague: User
    drafts = Bundle("drafts")
    finals = Bundle("finals")

    def __init__(self) -> None:
        super().__init__()
        self.revisions: dict[Any, int] = {}
        self.texts: dict[Any, str] = {}
        self.frozen: dict[Any, str] = {}

    @initialize()
    def begin(self) -> None:
        self.patient = self.world.patients[0].pk

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self.world.enter(Role.PROFESSIONAL):
            yield

    @rule(target=drafts, kind=st.sampled_from(["evolution", "procedure", "exam"]))
    def draft(self, kind: str) -> Any:
        with self.writing():
            made = records.new_draft(patient=self.patient, kind=kind)
        self.revisions[made.pk], self.texts[made.pk] = 0, ""
        return made.pk

    @rule(record=drafts, text=WORDS, behind=st.integers(0, 1))
    def edit(self, record: Any, text: str, behind: int) -> None:
        revision = self.revisions[record] - behind
        with self.writing():
            code = MedicalRecord.objects.get(pk=record).sections[0]["code"]
            if behind:
                with pytest.raises(StaleDraft):
                    records.save_draft(record, revision=revision, texts={code: text})
                return
            saved = records.save_draft(record, revision=revision, texts={code: text})
        self.revisions[record], self.texts[record] = saved.revision, text

    @rule(target=finals, record=consumes(drafts), text=WORDS)
    def finalise(self, record: Any, text: str) -> Any:
        with self.writing():
            if not self.texts[record].strip():
                with pytest.raises(RecordError):
                    records.finalise(record, revision=self.revisions[record])
                code = MedicalRecord.objects.get(pk=record).sections[0]["code"]
                saved = records.save_draft(record, revision=self.revisions[record], texts={code: text})
                self.revisions[record], self.texts[record] = saved.revision, text
            records.finalise(record, revision=self.revisions[record])
        self.frozen[record] = self.row(record)
        return record

    @rule(target=drafts, record=finals, reason=WORDS)
    def addendum(self, record: Any, reason: str) -> Any:
        with self.writing():
            made = records.new_addendum(record, reason=reason)
            assert made.amends_id is not None
            original = MedicalRecord.objects.get(pk=made.amends_id)
            assert original.amends_id is None
            assert original.status == "finalised"
        self.revisions[made.pk], self.texts[made.pk] = 0, ""
        return made.pk

    @rule(record=consumes(drafts))
    def discard(self, record: Any) -> None:
        with self.writing():
            records.discard(record)
            assert not MedicalRecord.objects.filter(pk=record).exists()
        del self.texts[record]

    @rule(record=finals, text=WORDS)
    def rewrite(self, record: Any, text: str) -> None:
        with self.writing():
            entry = MedicalRecord.objects.get(pk=record)
            code = entry.sections[0]["code"]
            for attempt in (
                lambda: records.save_draft(record, revision=entry.revision, texts={code: text}),
                lambda: records.finalise(record, revision=entry.revision),
                lambda: records.discard(record),
            ):
                with pytest.raises(RecordError):
                    attempt()
            entry.content = {"sections": [{"code": code, "heading": "x", "text": text}]}
            with pytest.raises(DatabaseError), transaction.atomic():
                entry.save()

    @rule(record=drafts)
    def colleague_looks(self, record: Any) -> None:
        with context.enter(self.colleague, self.world.clinic.pk):
            assert not MedicalRecord.objects.filter(pk=record).exists()
            with pytest.raises(RecordError):
                records.finalise(record, revision=self.revisions[record])

    def row(self, record: Any) -> str:
        with self.writing(), connection.cursor() as cursor:
            cursor.execute("SELECT r::text FROM medical_records AS r WHERE id = %s", [record])
            (text,) = cursor.fetchone()
            return str(text)

    @invariant()
    def final_is_final(self) -> None:
        for record, before in self.frozen.items():
            assert self.row(record) == before

    @invariant()
    def everything_is_there(self) -> None:
        if not self.texts:
            return
        with self.writing():
            found = {entry.pk: entry for entry in records.entries(self.patient)}
            for record, text in self.texts.items():
                assert found[record].sections[0]["text"] == text
                assert found[record].is_draft == (record not in self.frozen)


def test_any_sequence(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        world = make_world("ESTRAGAO")
        user, professional = make_colleague(world)
        with world.enter(Role.PROFESSIONAL):
            care.add(patient=world.patients[0].pk, professional=professional.pk, reason="junto")
        machine: Any = type("Sequence", (Records,), {"world": world, "colleague": user})
        try:
            machine.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
            machine.TestCase().runTest()
        finally:
            clone_template()
