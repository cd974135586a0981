"""Erasures as tests need them: proposed by one DPO, approved by another, carried out."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone

from clinics.roles import Role
from compliance.erasure import approve_erasure, execute_erasure, plan_erasure, propose_erasure
from compliance.models import DataRequest, Erasure, ErasureKind, IdentityCheck, RequestChannel, RequestType
from neonpro.db import context
from neonpro.db.bound import execute
from tests.factories import World, join, make_user


def second_dpo(world: World) -> Any:
    """Another encarregado of the clinic; made once."""
    key = "second dpo"
    if key not in world.users:
        world.users[key] = make_user(f"second.dpo@{world.canary.lower()}.example")
        join(world.users[key], world.clinic.pk, Role.DPO)
    return world.users[key]


def asked(world: World, patient: UUID) -> DataRequest:
    """A request for erasure whose identity was checked; inside the DPO's context."""
    return DataRequest.objects.create(
        patient_id=patient, kind=RequestType.ERASURE, channel=RequestChannel.IN_PERSON,
        identity_check=IdentityCheck.DOCUMENT, identity_checked_at=timezone.now(),
    )  # fmt: skip


def approved(world: World, patient: UUID) -> Erasure:
    """An erasure that the DPO proposed and another approved."""
    other = second_dpo(world)
    with world.enter(Role.DPO):
        request = asked(world, patient)
        erasure = propose_erasure(request, plan_erasure(patient), acting_user=world.user(Role.DPO))
    with context.enter(other, world.clinic.pk):
        approve_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=other)
    return erasure


def erased(world: World, patient: UUID) -> Erasure:
    """All of it."""
    erasure = approved(world, patient)
    with world.enter(Role.DPO):
        return execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))


def destroy_keys(patient: UUID, categories: Iterable[str]) -> int:
    """Only the keys, of these categories, as an erasure by rule may; the open context is a job's."""
    erasure = Erasure.objects.create(kind=ErasureKind.RETENTION, patient_id=patient, plan={}, plan_digest="0" * 64)
    execute("SELECT neonpro.begin_erasure(%s::uuid)", [erasure.pk])
    ((number,),) = execute("SELECT neonpro.destroy_keys(%s::uuid, %s::text[])", [patient, list(categories)])
    execute("SELECT neonpro.end_erasure('{}'::jsonb)", [])
    return int(number)
