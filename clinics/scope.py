"""Who may perform what: the clinic's matrix of procedure classes and councils, and the director's sign-offs.

The matrix is the clinic's own decision. Councils and courts disagree about much of it, so nothing here is called law; a
new matrix starts from safe values of ours (rule licences.scope.defaults) that the clinic reviews. Booking warns; care
that begins is refused by PostgreSQL (`patients/sql/guard_scope.sql`), which asks the same function as this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.models import (
    SIGN_OFF_RULES,
    Clinic,
    Council,
    ProcedureClass,
    Professional,
    ScopeLevel,
    ScopeRule,
    ScopeSignOff,
    Service,
)
from neonpro.rules import rule

WITHOUT_COUNCIL = ""
"""The matrix's row for occupations without a council, such as the esteticista's (Lei 13.643/2018)."""

ROWS: tuple[str, ...] = (*Council.values, WITHOUT_COUNCIL)
"""The rows of a matrix."""

REFUSALS: dict[str, Any] = {
    "licence": gettext_lazy(
        "The council's status of this professional's licence does not allow it. Ask a manager to look at the licence."
    ),
    "undecided": gettext_lazy(
        "The clinic has not decided whether members of this council perform this. A manager decides it, under Scope of"
        " practice."
    ),
    "forbidden": gettext_lazy(
        "By the clinic's matrix, members of this council do not perform this. Choose another professional or service."
    ),
    "title": gettext_lazy(
        "By the clinic's matrix, only whoever has a specialty registered with the council performs this, and no number"
        " (RQE) is registered for this professional."
    ),
    "disputed": gettext_lazy(
        "This is disputed between councils, and the clinic's technical director has not signed it off for this"
        " professional on this day. Ask the technical director."
    ),
}
"""Why `neonpro.scope_refusal` refuses, in words."""

RULES = {f"appointments_scope_{why}": text for why, text in REFUSALS.items()}
"""The same by the names that the trigger gives (`patients/sql/guard_scope.sql`), for forms."""


class ScopeError(Exception):
    """A change of the matrix or a sign-off was refused; the message is for the person who tried."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a professional may perform a service, and why, in words for a person."""

    allowed: bool
    level: str
    """The matrix's `ScopeLevel`; '' where it says nothing or is not asked."""
    reasons: tuple[str, ...] = ()
    """Why not, or within which limits."""

    @property
    def text(self) -> str:
        """The reasons in one."""
        return " ".join(self.reasons)


def may_perform(professional: Professional, service: Service, *, on: date) -> Verdict:
    """Whether a professional may perform a service on a day, as PostgreSQL will judge it.

    Args:
        professional: who, of the current clinic.
        service: what.
        on: the day of the appointment, in the clinic's time zone.
    """
    if not service.procedure_class:
        return Verdict(True, "")
    cell = ScopeRule.objects.filter(procedure_class=service.procedure_class, council=professional.council).first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.scope_refusal(%s, %s, %s)", [professional.pk, service.pk, on])
        row = cursor.fetchone()
    refusal = row[0] if row else "undecided"
    level = cell.level if cell else ""
    limits = (_("Limits: %(limits)s.") % {"limits": cell.limits},) if cell and cell.limits else ()
    if refusal is None:
        return Verdict(True, level, limits)
    return Verdict(False, level, (str(REFUSALS[refusal]), *limits))


# --- The matrix -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """What a matrix says of one class and council."""

    procedure_class: str
    council: str
    level: str = ""
    limits: str = ""


_WITHIN = {"none": "", "face": gettext_lazy("only on the face"), "own field": gettext_lazy("only in their own field")}


def suggestion(*, on: date) -> dict[tuple[str, str], Cell]:
    """The values that we suggest a clinic starts from, by class and council: our own choice, not the law's words."""
    classes = {item.name: item.value for item in ProcedureClass}
    councils = {item.name: item.value for item in Council}
    cells: dict[tuple[str, str], Cell] = {}
    others: list[Cell] = []
    for row in rule("licences.scope.defaults", on=on).table:
        who, kind = str(row["who"]), classes[str(row["procedure"])]
        cell = Cell(
            kind,
            WITHOUT_COUNCIL if who == "ESTETICISTA" else councils.get(who, "") if who != "OTHER" else "OTHER",
            ScopeLevel(str(row["level"]).lower()).value,
            str(_WITHIN[str(row["within"])]),
        )
        if who == "OTHER":
            others.append(cell)
        else:
            cells[kind, cell.council] = cell
    for other in others:
        for council in ROWS:
            cells.setdefault(
                (other.procedure_class, council), Cell(other.procedure_class, council, other.level, other.limits)
            )
    return cells


@transaction.atomic
def start_matrix(*, on: date) -> int:
    """Fill the empty cells of the clinic's matrix with the suggested values; how many there were.

    What the clinic has decided stays as it is.
    """
    decided = set(ScopeRule.objects.values_list("procedure_class", "council"))
    new = [
        ScopeRule(procedure_class=cell.procedure_class, council=cell.council, level=cell.level, limits=cell.limits)
        for key, cell in suggestion(on=on).items()
        if key not in decided
    ]
    ScopeRule.objects.bulk_create(new)
    return len(new)


def matrix() -> dict[tuple[str, str], Cell]:
    """The clinic's matrix: the cells that say something, by class and council."""
    return {
        (row.procedure_class, row.council): Cell(row.procedure_class, row.council, row.level, row.limits)
        for row in ScopeRule.objects.all()
    }


@transaction.atomic
def decide(changes: Mapping[tuple[str, str], tuple[str, str]]) -> int:
    """Write cells of the matrix, by class and council: level and limits; an empty level takes the decision back.

    Answers with how many cells changed.

    Raises:
        ScopeError: a class, council or level that there is not.
    """
    rows = {(row.procedure_class, row.council): row for row in ScopeRule.objects.select_for_update()}
    changed = 0
    for (kind, council), (level, limits) in changes.items():
        if kind not in ProcedureClass.values or council not in ROWS or level not in ("", *ScopeLevel.values):
            raise ScopeError(_("The matrix has no such cell. Reload the page."))
        row = rows.get((kind, council))
        if row is None and level:
            ScopeRule.objects.create(procedure_class=kind, council=council, level=level, limits=limits.strip())
        elif row is not None and not level:
            row.delete()
        elif row is not None and (row.level, row.limits) != (level, limits.strip()):
            row.level, row.limits = level, limits.strip()
            row.save()
        else:
            continue
        changed += 1
    return changed


# --- The technical director's sign-offs -------------------------------------------------------------------------------


def is_director(user: UUID | None) -> bool:
    """Whether a user is the current clinic's technical director."""
    return user is not None and Clinic.objects.filter(technical_director__membership__user=user).exists()


def latest_end(*, on: date) -> date:
    """The last day until which a sign-off given on a day may hold."""
    return rule("licences.scope.sign_off", on=on).period.after(on)


def sign_off(*, professional: Professional, procedure_class: str, reason: str, until: date, on: date) -> ScopeSignOff:
    """Take responsibility, as the technical director, for a professional who performs a disputed class, for a time.

    Args:
        professional: who performs it.
        procedure_class: the `ProcedureClass`; the matrix must call it disputed for their council.
        reason: why, in the director's words. Nothing of a patient belongs here.
        until: the last day.
        on: today, in the clinic's time zone.

    Raises:
        ScopeError: somebody else than the director asks, the days or the reason are wrong, or nothing is disputed.
    """
    if not reason.strip():
        raise ScopeError(_("A sign-off needs its reason."))
    if not on <= until <= latest_end(on=on):
        raise ScopeError(
            _("A sign-off ends between today and %(day)s.")
            % {"day": date_format(latest_end(on=on), "SHORT_DATE_FORMAT")}
        )
    if not ScopeRule.objects.filter(
        procedure_class=procedure_class, council=professional.council, level=ScopeLevel.DISPUTED
    ).exists():
        raise ScopeError(_("The clinic's matrix does not call this disputed for this council: nothing to sign off."))
    try:
        with transaction.atomic():
            return ScopeSignOff.objects.create(
                professional=professional, procedure_class=procedure_class, reason=reason.strip(), until=until
            )
    except IntegrityError as error:
        raise ScopeError(_refusal(error)) from error


def end_sign_off(sign_off_id: UUID) -> ScopeSignOff:
    """End a sign-off from now on, as the technical director or a manager.

    Raises:
        ScopeError: it has ended already, or somebody else asks.
    """
    found: ScopeSignOff = ScopeSignOff.objects.select_for_update().get(pk=sign_off_id)
    if found.ended_at is not None:
        raise ScopeError(_("This sign-off has ended already."))
    found.ended_at = timezone.now()
    try:
        with transaction.atomic():
            found.save(update_fields=["ended_at"])
    except IntegrityError as error:
        raise ScopeError(_refusal(error)) from error
    return found


def _refusal(error: IntegrityError) -> str:
    cause = error.__cause__
    name = (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
    return str(SIGN_OFF_RULES.get(name) or _("Somebody else changed something at the same moment. Reload the page."))
