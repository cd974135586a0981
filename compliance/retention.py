"""What is due by the rules of retention: contacts are erased by themselves, records only proposed to the committee."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from compliance.erasure import is_held
from compliance.models import DisposalChoice, DisposalItem
from compliance.plans import ErasurePlan, period_of, plan_erasure
from neonpro.rules import rule
from patients.models import Appointment, Patient


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody whose time is over."""

    patient_id: UUID
    pseudonym: str
    since: date
    whole: bool
    """A contact, which is erased by itself; otherwise a record, of which a committee decides."""
    held: bool
    ground: str


def due(*, on: date) -> Iterator[Due]:
    """Whose data of the current clinic are due on a day. The context is a job's or the DPO's."""
    # Nobody whose last sign of life is younger can be due: the short period first, without a plan for everyone.
    yield from _due("lead", on, Patient.objects.all())


def due_records(*, on: date, patients: Iterable[UUID] | None = None) -> Iterator[Due]:
    """Of which records of the current clinic, or of these patients alone, a committee may decide on a day.

    The context is the DPO's. Not those that a legal hold keeps, nor those that an act eliminates already.
    """
    decided = DisposalItem.objects.filter(act__choice=DisposalChoice.ELIMINATE).values("patient_id")
    rows = Patient.objects.exclude(pk__in=decided)
    if patients is not None:
        rows = rows.filter(pk__in=list(patients))
    yield from (one for one in _due("medical_record", on, rows) if not one.whole and not one.held)


def _due(shortest: str, on: date, patients: "QuerySet[Patient]") -> Iterator[Due]:
    first = period_of(shortest, on)
    lead = period_of("lead", on)
    record = period_of("medical_record", on)
    assert first is not None
    assert lead is not None
    assert record is not None
    for patient in patients.order_by("created_at", "pk").iterator():
        if first.period.after(patient.created_at.date()) >= on:
            continue
        plan = plan_erasure(patient.pk, on=on)
        since = _since(plan, patient)
        ruled = lead if plan.whole else record
        over = ruled.period.after(since)
        if over < on:
            yield Due(patient.pk, str(patient), over, plan.whole, is_held(patient.pk), _ground(plan, on))


def _since(plan: ErasurePlan, patient: Patient) -> date:
    """The last contact with somebody, or the last entry of a record."""
    days = [patient.created_at.date()]
    if plan.whole:
        last = Appointment.objects.filter(patient=patient).order_by("-day").values_list("day", flat=True).first()
        days += [last] if last else []
    else:
        kept = [line.kept_until for line in plan.lines if line.category == "patient_identification"]
        if kept and kept[0]:
            ruled = period_of("medical_record", plan.on)
            assert ruled is not None
            days.append(kept[0].replace(year=kept[0].year - ruled.period.number))
    return max(days)


def _ground(plan: ErasurePlan, on: date) -> str:
    code = "retention.lead.outcomes" if plan.whole else "retention.disposal.automatic"
    return rule(code, on=on).citation
