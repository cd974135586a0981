"""The committee's act that disposes of records whose time is over, and how it is carried out.

Nothing is eliminated by itself: a committee decides (Lei 13.787/2018 art. 3), and may also hand a record to its patient
or go on keeping it (art. 6 §§ 1-3). What it decided is noted once; each record that it eliminates then takes the same
way as every erasure (`compliance.erasure`): a plan, another person's approval, the certificate.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.erasure import REFUSALS, ErasureError, is_held
from compliance.models import DisposalAct, DisposalChoice, DisposalItem, Erasure, ErasureKind
from compliance.plans import ErasurePlan, StillKept, as_disposed, plan_erasure
from compliance.retention import Due, due_records


class DisposalError(ErasureError):
    """Nothing was noted or proposed. The message is for a person and names nobody."""


def decidable(patients: Iterable[UUID], *, on: date) -> list[Due]:
    """What is due of these patients.

    Raises:
        DisposalError: none is given, or one of them is not due, is held, or an act eliminates it already.
    """
    wanted = set(patients)
    if not wanted:
        raise DisposalError(_("Choose the records that the committee decided about."))
    found = list(due_records(on=on, patients=wanted))
    if len(found) != len(wanted):
        raise DisposalError(
            _(
                "Nothing was noted: the time of a chosen record is not over, a legal hold keeps it, or an act"
                " eliminates it already. Look at the list again."
            )
        )
    return found


def record_act(
    *, number: str, decided_on: date, members: str, choice: str, reason: str, patients: Iterable[UUID],
    acting_user: Any,
) -> DisposalAct:  # fmt: skip
    """Note what the committee decided, with the records that it decided about.

    Args:
        members: names of staff.
        choice: a `DisposalChoice`.
        patients: of the current clinic; each is due today by the rules of retention.
        acting_user: the encarregado, whom the open context names.

    Raises:
        DisposalError: the day is still to come, or see `decidable` and `plan_disposal`.
    """
    today = timezone.localdate()
    if decided_on > today:
        raise DisposalError(_("The committee cannot have decided on a day that is still to come."))
    with transaction.atomic():
        due = decidable(patients, on=today)
        act = DisposalAct.objects.create(
            number=number, decided_on=decided_on, members=members, choice=choice, reason=reason,
            recorded_by=acting_user,
        )  # fmt: skip
        for one in due:
            plan = _disposed(one.patient_id, today)
            DisposalItem.objects.create(
                act=act, patient_id=one.patient_id, kept_until=one.since, plan_digest=plan.digest
            )
    return act


def plan_disposal(item: DisposalItem, *, on: date | None = None) -> ErasurePlan:
    """Say what eliminating a record would do. Reads only.

    Raises:
        DisposalError: the act does not eliminate it, or the law keeps something of it for longer.
    """
    if item.act.choice != DisposalChoice.ELIMINATE:
        raise DisposalError(_("The committee did not decide to eliminate this record."))
    return _disposed(item.patient_id, on or timezone.localdate())


def _disposed(patient_id: UUID, on: date) -> ErasurePlan:
    try:
        return as_disposed(plan_erasure(patient_id, on=on))
    except StillKept as error:
        raise DisposalError(str(error)) from error


def propose_disposal(item: DisposalItem, plan: ErasurePlan, *, acting_user: Any) -> Erasure:
    """Put the plan before another person.

    Raises:
        DisposalError: a legal hold stops it, the plan is of another patient, or see `plan_disposal`.
    """
    if is_held(item.patient_id):
        raise DisposalError(REFUSALS["legal_holds_keep"]())
    if item.patient_id != plan.patient_id or plan.digest != plan_disposal(item, on=plan.on).digest:
        raise DisposalError(_("The plan is of another patient, or the data changed since."))
    return Erasure.objects.create(
        kind=ErasureKind.DISPOSAL, disposal=item, patient_id=item.patient_id, plan=plan.told(),
        plan_digest=plan.digest, proposed_by=acting_user,
    )  # fmt: skip
