"""Random lives of two connections: after every step PostgreSQL shows what a small model in Python says, and no more."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import DjangoDbBlocker

from clinics.models import Service
from neonpro.db import context
from neonpro.db.context import NotAMember, SignIn
from patients.models import Patient
from tests.conftest import clone_template
from tests.factories import JOB, World, make_world

ALIASES = ("default", "second")
WRITERS = {"manager", "job"}
READERS = {"manager", "reception", "professional", "dpo", "job"}


class Failure(Exception):
    """A request that goes wrong."""


@dataclass
class Block:
    """A block that is open on a connection: what is seen in it, and what there was before."""

    manager: AbstractContextManager[Any]
    clinic: UUID | None
    role: str | None
    rows_before: dict[UUID, int]
    doomed: bool = False


@dataclass
class Line:
    """One connection, as the model has it: the open blocks, and how many services of each clinic it would see."""

    alias: str
    blocks: list[Block] = field(default_factory=list)
    rows: dict[UUID, int] = field(default_factory=dict)

    @property
    def clinic(self) -> UUID | None:
        return self.blocks[-1].clinic if self.blocks else None

    @property
    def role(self) -> str | None:
        return self.blocks[-1].role if self.blocks else None

    @property
    def doomed(self) -> bool:
        return bool(self.blocks) and self.blocks[-1].doomed


class ContextLife(RuleBasedStateMachine):
    """Enter, leave, fail, roll back, read and write, in any order, on two connections."""

    worlds: tuple[World, World]

    def __init__(self) -> None:
        super().__init__()
        self.committed: dict[UUID, int] = {}
        self.lines = {alias: Line(alias) for alias in ALIASES}
        self.number = 0

    @initialize()
    def count_what_is_there(self) -> None:
        for world in self.worlds:
            with context.enter(JOB, world.clinic.pk):
                self.committed[world.clinic.pk] = Service.objects.count()
        for line in self.lines.values():
            line.rows = dict(self.committed)

    def teardown(self) -> None:
        for line in self.lines.values():
            while line.blocks:
                self.leave(line.alias, fail=True)

    # --- Blocks -------------------------------------------------------------------------------------------------

    def _begin(self, line: Line, manager: AbstractContextManager[Any], clinic: UUID | None, role: str | None) -> None:
        if not line.blocks:
            # A new transaction sees what others have committed meanwhile; so does each statement, see `seen`.
            line.rows = dict(self.committed)
        manager.__enter__()
        line.blocks.append(Block(manager, clinic, role, dict(line.rows)))

    @rule(
        alias=st.sampled_from(ALIASES),
        actor=st.sampled_from(["manager", "reception", "auditor", "job", "signin"]),
        of=st.sampled_from([0, 1]),
        clinic=st.sampled_from([0, 0, 1, 1, None]),
    )
    def enter(self, alias: str, actor: str, of: int, clinic: int | None) -> None:
        line = self.lines[alias]
        if line.doomed or len(line.blocks) > 4:
            return
        place = None if clinic is None else self.worlds[clinic].clinic.pk
        if actor == "signin":
            self._begin(line, context.enter(SignIn(), None, using=alias), None, "signin")
        elif actor == "job":
            self._begin(line, context.enter(JOB, place, using=alias), place, "job")
        elif of == clinic:
            self._begin(line, context.enter(self.worlds[of].user(actor), place, using=alias), place, actor)
        else:
            with pytest.raises(NotAMember), context.enter(self.worlds[of].user(actor), place, using=alias):
                raise AssertionError("entered another clinic")

    @rule(alias=st.sampled_from(ALIASES), savepoint=st.booleans())
    def begin_a_plain_block(self, alias: str, savepoint: bool) -> None:
        line = self.lines[alias]
        if line.doomed or len(line.blocks) > 4:
            return
        # Without a savepoint of its own a failed block would doom the one around it, as Django says.
        if not line.blocks or savepoint:
            self._begin(line, transaction.atomic(using=alias), line.clinic, line.role)

    @precondition(lambda self: any(line.blocks for line in self.lines.values()))
    @rule(alias=st.sampled_from(ALIASES), fail=st.booleans())
    def leave(self, alias: str, fail: bool) -> None:
        line = self.lines[alias]
        if not line.blocks:
            return
        block = line.blocks.pop()
        if fail:
            error = Failure()
            # A context manager made by a generator raises it again; one that is an object answers False.
            with suppress(Failure):
                assert not block.manager.__exit__(Failure, error, None)
        else:
            block.manager.__exit__(None, None, None)
        if fail or block.doomed:
            line.rows = block.rows_before
        elif not line.blocks:
            for clinic, count in line.rows.items():
                self.committed[clinic] += count - block.rows_before[clinic]

    @rule(alias=st.sampled_from(ALIASES))
    def doom(self, alias: str) -> None:
        line = self.lines[alias]
        if line.blocks:
            transaction.set_rollback(True, using=alias)
            line.blocks[-1].doomed = True

    # --- Work ---------------------------------------------------------------------------------------------------

    @rule(alias=st.sampled_from(ALIASES), into=st.sampled_from([0, 1]))
    def write(self, alias: str, into: int) -> None:
        line = self.lines[alias]
        if line.doomed:
            return
        self.number += 1
        clinic = self.worlds[into].clinic.pk
        service = Service(
            clinic_id=clinic, name=f"{alias} {id(self)} {self.number}", category="exam", duration_minutes=20
        )
        if line.clinic == clinic and line.role in WRITERS:
            service.save(using=alias, force_insert=True)
            line.rows[clinic] += 1
        else:
            with pytest.raises(Exception, match="row-level security"), transaction.atomic(using=alias):
                service.save(using=alias, force_insert=True)

    @rule(alias=st.sampled_from(ALIASES))
    def fail_in_sql(self, alias: str) -> None:
        line = self.lines[alias]
        if not line.doomed and line.blocks:
            with pytest.raises(Exception, match="division by zero"), transaction.atomic(using=alias):
                with connections[alias].cursor() as cursor:
                    cursor.execute("SELECT 1 / 0")

    # --- What must hold -----------------------------------------------------------------------------------------

    @invariant()
    def each_connection_sees_what_the_model_says(self) -> None:
        for line in self.lines.values():
            if line.doomed or not self.committed:
                continue
            seen = dict(_counts(Service, line.alias))
            own = self._seen_by(line)
            expected = {line.clinic: own} if line.clinic and line.role != "signin" and own else {}
            assert seen == expected, (line.alias, line.clinic, line.role)
            names = [patient.name for patient in Patient.objects.using(line.alias)]
            if line.clinic and line.role in READERS:
                world = next(world for world in self.worlds if world.clinic.pk == line.clinic)
                assert len(names) == 3
                assert all(world.canary in name for name in names)
            else:
                assert names == []
            opened = context.current(line.alias)
            assert (opened.clinic if opened else None) == line.clinic
            assert (opened.role if opened else None) == line.role

    def _seen_by(self, line: Line) -> int:
        if line.clinic is None:
            return 0
        # Its own uncommitted rows, and what has been committed up to this statement.
        began = line.blocks[0].rows_before[line.clinic]
        return self.committed[line.clinic] + line.rows[line.clinic] - began


def _counts(model: Any, alias: str) -> Iterator[tuple[UUID, int]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT clinic_id, count(*) FROM {model._meta.db_table} GROUP BY 1")
        yield from cursor.fetchall()


def test_any_life_of_two_connections_sees_only_what_its_context_opens(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        connections.settings["second"] = dict(connections["default"].settings_dict)
        try:
            ContextLife.worlds = (make_world("ALFAZEMA"), make_world("BERGAMOTA"))
            run_state_machine_as_test(
                ContextLife,
                settings=settings(
                    max_examples=150,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
                ),
            )
        finally:
            connections["second"].close()
            del connections["second"]
            del connections.settings["second"]
            clone_template()
