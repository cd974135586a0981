"""Erasing a patient's data: proposed by one, approved by another, carried out once, certified (LGPD arts. 16, 18).

What is erased and what the law keeps is `compliance.plans`. Everything happens in one transaction: keys are destroyed,
rows and their versions deleted, contact closed, and then the whole database is searched for what must be gone; anything
found undoes all of it. The ledger outside the database is written before and after.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics.models import Clinic, Membership
from clinics.roles import Role
from compliance import certificates, consents, ledger
from compliance.models import Channel, DataRequest, Erasure, ErasureKind, LegalHold, RequestStatus
from compliance.plans import (
    GOES,
    SHELL,
    ErasurePlan,
    Outcome,
    PlanLine,
    StillKept,
    as_disposed,
    as_whole,
    plan_erasure,
)
from compliance.reseal import CannotReseal, reseal
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.vault.fields import EncryptedField, Withheld, encrypted_fields
from neonpro.vault.models import VaultModel
from neonpro.vault.retention import patient_models
from patients.models import Patient

__all__ = ["ErasureError", "approve_erasure", "execute_erasure", "plan_erasure", "propose_erasure", "replay_erasure"]

TELLING = 6
"""Letters that a text needs before its being found elsewhere says anything."""

CARE = ("PROCEDURE", "DRUG_RISK")
"""Families of consents that are part of the record of what was done; the others end with an erasure."""

REFUSALS = {
    "legal_holds_keep": lambda: _("A legal hold keeps the data of this patient: nothing was erased."),
    "erasures_once": lambda: _("This erasure was carried out already."),
    "erasures_approved": lambda: _("Nobody else has approved this erasure yet."),
    "erasures_of_an_act": lambda: _("No act of the committee eliminates this record, or its time is not over."),
    "erasures_two_people": lambda: _("Another data protection officer of the clinic must approve this erasure."),
}


class ErasureError(Exception):
    """Nothing was erased. The message is for a person and holds no personal data."""


class ResidueError(ErasureError):
    """What must be gone stands elsewhere: `places` says in which table and column, and in how many rows."""

    def __init__(self, places: dict[str, int]) -> None:
        self.places = places
        super().__init__(
            _(
                "Nothing was erased: what must be gone still stands in %(places)s. Clear it there, or, if it is"
                " somebody else's, note it as a coincidence, and try again."
            )
            % {"places": ", ".join(f"{place} ({hits})" for place, hits in places.items())}
        )


def is_held(patient_id: UUID) -> bool:
    """Whether a legal hold stops every deletion of this patient's data."""
    today = timezone.localdate()
    return any(
        hold.until is None or hold.until >= today
        for hold in LegalHold.objects.filter(patient_id=patient_id, lifted_at__isnull=True)
    )


def propose_erasure(request: DataRequest, plan: ErasurePlan, *, acting_user: Any) -> Erasure:
    """Put a plan before another person.

    Raises:
        ErasureError: the identity of who asks was not checked, or a legal hold stops it.
    """
    if not request.identity_check:
        raise ErasureError(_("First check the identity of who asks, and note how."))
    if request.patient_id != plan.patient_id:
        raise ErasureError(_("The plan is of another patient."))
    if is_held(plan.patient_id):
        raise ErasureError(REFUSALS["legal_holds_keep"]())
    erasure = Erasure.objects.create(
        request=request, patient_id=plan.patient_id, plan=plan.told(), plan_digest=plan.digest, proposed_by=acting_user
    )
    request.status = RequestStatus.IN_PROGRESS
    request.save(update_fields=["status"])
    return erasure


def only_dpo() -> bool:
    """Whether the clinic has one encarregado alone, who then confirms by signing in again."""
    return Membership.objects.filter(role=Role.DPO, is_active=True).count() == 1


def approve_erasure(erasure: Erasure, *, acting_user: Any, password: str | None = None) -> None:
    """Approve somebody else's proposal; one's own only as the only DPO, with the password again.

    Raises:
        ErasureError: it is one's own and there is another DPO, the password is wrong, or the data changed since.
    """
    own = erasure.proposed_by_id == acting_user.pk
    if own and not only_dpo():
        raise ErasureError(REFUSALS["erasures_two_people"]())
    if own and not (password and acting_user.check_password(password)):
        raise ErasureError(_("As the only data protection officer, confirm with your password."))
    _still(erasure)
    erasure.approved_by, erasure.approved_at, erasure.alone = acting_user, timezone.now(), own
    erasure.save(update_fields=["approved_by", "approved_at", "alone"])


def note_coincidences(erasure: Erasure, places: Mapping[str, int]) -> None:
    """Note that the same words are somebody else's there (a colleague of the same name). The approval begins anew.

    Args:
        erasure: not carried out yet.
        places: «table.column», and in how many rows, as `ResidueError` had them.

    Raises:
        ErasureError: nothing was noted, or it was carried out.
    """
    if erasure.executed_at or not places:
        raise ErasureError(_("Choose what is somebody else's."))
    erasure.coincidences = {**erasure.coincidences, **places}
    erasure.save(update_fields=["coincidences"])
    erasure.refresh_from_db()


def _still(erasure: Erasure) -> ErasurePlan:
    """The plan made anew, if it is still the one that was shown."""
    plan = _plan_anew(erasure)
    if plan.digest != erasure.plan_digest:
        raise ErasureError(
            _("The data changed after this plan was shown. Then: %(then)s. Now: %(now)s. Propose it anew.")
            % {"then": _in_short(erasure.plan["lines"]), "now": _in_short(plan.told()["lines"])}
        )
    return plan


def _plan_anew(erasure: Erasure) -> ErasurePlan:
    plan = plan_erasure(erasure.patient_id, on=_planned_on(erasure))
    if erasure.kind != ErasureKind.DISPOSAL:
        return plan
    try:
        return as_disposed(plan)
    except StillKept as error:
        raise ErasureError(str(error)) from error


def _planned_on(erasure: Erasure) -> date:
    return date.fromisoformat(erasure.plan["on"])


def _in_short(lines: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{line['table']} {line['outcome']} {line['rows']}+{line['versions']}" for line in lines)


def execute_erasure(erasure: Erasure, *, acting_user: Any) -> Erasure:
    """Carry out an approved erasure, once; all of it or nothing.

    Args:
        erasure: approved; the open context is of a DPO, or of a job for what the rules let a job erase.
        acting_user: who carries it out, as the certificate counts people; None for a job.

    Raises:
        ErasureError: it is not approved, was done already, is held, its plan went stale, something of what must be gone
            was found elsewhere, or the ledger cannot be written.
    """
    try:
        with transaction.atomic():
            _begin(erasure)
            # Under the lock that begin took.
            erasure.refresh_from_db()
            plan = _still(erasure)
            return _carry_out(erasure, plan)
    except ledger.LedgerError as error:
        raise ErasureError(str(error)) from error
    except DatabaseError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        if name in REFUSALS:
            raise ErasureError(REFUSALS[name]()) from error
        if isinstance(error, IntegrityError):
            table = getattr(getattr(error.__cause__, "diag", None), "table_name", "")
            raise ErasureError(
                _("Nothing was erased: what the law keeps in %(table)s refers to what was to go.") % {"table": table}
            ) from error
        raise


def _begin(erasure: Erasure) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.begin_erasure(%s)", [erasure.pk])


def _carry_out(erasure: Erasure, plan: ErasurePlan) -> Erasure:
    needles = _plaintexts(plan)
    # Forced to the disk before the first row goes: a restore after this moment is noticed.
    ledger.append("PREPARE", erasure.pk, _for_ledger(erasure, plan))
    _withdraw_consents(plan)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        if plan.destroyed:
            execute("SELECT neonpro.destroy_keys(%s::uuid, %s::text[])", [plan.patient_id, list(plan.destroyed)])
        for line in plan.lines:
            if _deletes(line, plan):
                execute("SELECT gone, versions FROM neonpro.erase_rows(%s, %s::uuid[])", [line.table, _deleted(line)])
        resealed = _reseal(plan)
        if plan.restricted:
            execute(
                "SELECT neonpro.restrict_keys(%s::uuid, %s::text[], true)", [plan.patient_id, list(plan.restricted)]
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _forget_what_was_opened()
    if not plan.whole:
        _index_anew(plan)
    scanned = _scan(needles, erasure)
    erasure.executed_at = timezone.now()
    erasure.certificate = certificates.sign(
        _certificate(erasure, plan, scanned, resealed), certificates.private_key(settings.NEONPRO_CERTIFICATE_KEY)
    )
    erasure.save(update_fields=["executed_at", "certificate"])
    if erasure.request_id:
        DataRequest.objects.filter(pk=erasure.request_id).update(
            status=RequestStatus.ANSWERED, answered_at=erasure.executed_at
        )
    execute(
        "SELECT neonpro.end_erasure(jsonb_build_object('plan', %s::text, 'whole', %s::boolean))",
        [erasure.plan_digest, plan.whole],
    )
    transaction.on_commit(lambda: _done(erasure.pk))
    return erasure


def _reseal(plan: ErasurePlan) -> int:
    """Write what is kept of the categories of which a part went anew, under fresh keys."""
    if plan.renewed and not _is_dpo():
        # An earlier erasure may have closed them to all but the DPO; what was closed is closed again after this.
        execute("SELECT neonpro.restrict_keys(%s::uuid, %s::text[], false)", [plan.patient_id, list(plan.renewed)])
        _forget_what_was_opened()
    try:
        return reseal(plan.patient_id, plan.renewed, but={record for line in plan.lines for record in line.shells})
    except CannotReseal as error:
        raise ErasureError(
            _("Nothing was erased: a part of %(categories)s is kept, and whoever erases may not open that part.")
            % {"categories": error}
        ) from error


def _deletes(line: PlanLine, plan: ErasurePlan) -> bool:
    """Whether rows go, and not only what they say."""
    return line.outcome in GOES and bool(line.records) and line.part != SHELL and not (line.part and not plan.whole)


def _deleted(line: PlanLine) -> list[UUID]:
    """Which rows of a line go: all but those that something kept refers to."""
    return [record for record in line.records if record not in line.shells]


def _done(erasure: UUID) -> None:
    try:
        ledger.append("DONE", erasure, {})
    except ledger.LedgerError:
        # It is done all the same, and whoever looks next (`ledger.settle`) finds that the database says so.
        return


def _for_ledger(erasure: Erasure, plan: ErasurePlan) -> dict[str, Any]:
    return {
        "clinic": str(erasure.clinic_id), "patient": str(plan.patient_id), "whole": plan.whole,
        "on": plan.on.isoformat(), "destroyed": list(plan.destroyed), "renewed": list(plan.renewed),
        "restricted": list(plan.restricted),
        "rows": {
            line.table: [str(record) for record in _deleted(line)] for line in plan.lines if _deletes(line, plan)
        },
        "shells": {line.table: [str(record) for record in line.shells] for line in plan.lines if line.shells},
    }  # fmt: skip


# --- what must be gone ------------------------------------------------------------------------------------------------


def _plaintexts(plan: ErasurePlan) -> list[str]:
    """What the doomed rows say, opened while their keys still live; only what tells one person from another."""
    words: set[str] = set()
    going: dict[str, set[UUID]] = {}
    for line in plan.lines:
        if line.outcome in GOES:
            going.setdefault(line.table, set()).update(line.records)
    for model in patient_models():
        records = going.get(model._meta.db_table)
        if not records or not issubclass(model, VaultModel):
            continue
        common: frozenset[str] = getattr(model, "common", frozenset())
        for instance in model.objects.filter(pk__in=records):
            for found in encrypted_fields(model):
                if found.choices or found.name in common:
                    continue
                words.update(_spellings(found, getattr(instance, found.attname)))
    return sorted(words)


def _spellings(found: EncryptedField, value: Any) -> Iterable[str]:
    if value is None or isinstance(value, Withheld | dict | list | bytes) or value == "":
        return
    text = str(value)
    if len(text) >= TELLING:
        yield text
        digits = "".join(letter for letter in text if letter.isdigit())
        if len(digits) >= 10 and text.startswith("+55"):
            yield digits.removeprefix("55")


def _scan(needles: list[str], erasure: Erasure) -> dict[str, int]:
    """Look for them everywhere.

    Raises:
        ErasureError: one stands somewhere; it names where, never what.
    """
    if not needles:
        return {"values": 0, "columns": 0}
    rows = execute("SELECT place, spot, hits, looked_at FROM neonpro.residual_scan(%s::text[])", [needles])
    allowed: dict[str, int] = erasure.coincidences
    found = {
        f"{table}.{column}": int(hits) for table, column, hits, _at in rows
        if table and hits > allowed.get(f"{table}.{column}", 0)
    }  # fmt: skip
    if found:
        raise ResidueError(found)
    return {"values": len(needles), "columns": max(row[3] for row in rows)}


def _forget_what_was_opened() -> None:
    """The keys that this process opened a moment ago."""
    opened = context.require()
    opened.held.clear()


def _index_anew(plan: ErasurePlan) -> None:
    """Destroying keys makes the search forget the patient: what is kept and open is found again, closed contact not."""
    if not plan.destroyed and not plan.restricted:
        return
    patient = Patient.objects.opening("identification", "contact").filter(pk=plan.patient_id).first()
    if patient is None or isinstance(patient.name, Withheld):
        return
    for found in encrypted_fields(Patient):
        if found.category in (*plan.restricted, *plan.destroyed):
            patient.__dict__[found.attname] = ""
    if not Patient.objects.filter(pk=plan.patient_id, restricted_at__isnull=False).exists() or _is_dpo():
        Patient.search.write([patient])


def _is_dpo() -> bool:
    return context.require().role == Role.DPO


def _withdraw_consents(plan: ErasurePlan) -> None:
    """End every consent under the LGPD that is in force: what depends on it stops in this transaction."""
    patient = Patient.objects.filter(pk=plan.patient_id).first()
    for standing in consents.standings(plan.patient_id):
        if patient is None or not standing.allows or standing.terms.family in CARE:
            continue
        service = getattr(standing.service, "pk", standing.service)
        try:
            with transaction.atomic():
                consents.withdraw(patient, standing.purpose, channel=Channel.IN_PERSON, service=service)
        except consents.ConsentError:
            # A minor's guardian is not here to say so; the clinic ends it by itself.
            consents.expire(patient, standing.purpose, service=service)


# --- the certificate --------------------------------------------------------------------------------------------------


def _certificate(erasure: Erasure, plan: ErasurePlan, scanned: dict[str, int], resealed: int) -> dict[str, Any]:
    """What is certified: no name, no number of a person, no id of a patient."""
    clinic = Clinic.objects.get(pk=cast("UUID", erasure.clinic_id))
    assert erasure.executed_at is not None
    day = timezone.localdate(erasure.executed_at)
    return {
        "type": "neonpro.erasure", "version": 1, "id": str(erasure.pk), "kind": erasure.kind,
        "clinic": {"id": str(clinic.pk), "name": clinic.trade_name, "cnpj": clinic.cnpj},
        "request": str(erasure.request_id) if erasure.request_id else None,
        "received_on": timezone.localdate(erasure.request.received_at).isoformat() if erasure.request else None,
        "executed_at": erasure.executed_at.isoformat(), "rules_of": plan.on.isoformat(),
        "plan": erasure.plan_digest, "whole": plan.whole,
        "lines": [{k: v for k, v in line.told().items() if k != "seal"} for line in plan.lines],
        "audit_rows": plan.audit_rows,
        "keys_destroyed": list(plan.destroyed), "restricted": list(plan.restricted),
        "keys_replaced": list(plan.renewed), "values_under_replaced_keys": resealed,
        # Copies of keys in backups end when the master key over them does (README «Rotation»).
        "older_key_copies_end_by": (day + timedelta(days=settings.NEONPRO_KEY_ROTATION_DAYS)).isoformat(),
        "approved_by_another_person": bool(erasure.approved_by_id) and not erasure.alone,
        "confirmed_alone_after_signing_in_again": erasure.alone,
        "searched": scanned, "coincidences": erasure.coincidences,
    }  # fmt: skip


# --- what the rules let a job do --------------------------------------------------------------------------------------


def erase_by_rule(patient_id: UUID, *, kind: ErasureKind = ErasureKind.RETENTION) -> Erasure:
    """Erase somebody without a record whose time is over. The context is a job's.

    Raises:
        ErasureError: they have a record (a committee decides), or see `execute_erasure`.
    """
    plan = plan_erasure(patient_id)
    if not plan.whole:
        raise ErasureError(_("Of a patient with a record nothing is erased by itself: the committee decides."))
    erasure = Erasure.objects.create(kind=kind, patient_id=patient_id, plan=plan.told(), plan_digest=plan.digest)
    return execute_erasure(erasure, acting_user=None)


def replay_erasure(entry: "ledger.Entry") -> None:
    """Do again what the ledger says was done, in a database restored from before it. The context is a job's.

    Raises:
        ErasureError: see `execute_erasure`; a hold that the older database still has is the operator's to lift.
    """
    facts = entry.facts
    plan = plan_erasure(UUID(facts["patient"]), on=None)
    # Whatever the older database thinks of them.
    plan = as_whole(plan) if facts["whole"] else _as_recorded(plan, facts)
    existing = Erasure.objects.filter(pk=entry.erasure).first()
    erasure = existing or Erasure.objects.create(
        pk=entry.erasure, kind=ErasureKind.REPLAY, patient_id=plan.patient_id, plan=plan.told(),
        plan_digest=plan.digest,
    )  # fmt: skip
    try:
        with transaction.atomic():
            _begin(erasure)
            _carry_out(erasure, plan)
    except ledger.LedgerError as error:
        raise ErasureError(str(error)) from error


def _as_recorded(plan: ErasurePlan, facts: dict[str, Any]) -> ErasurePlan:
    lines = []
    for line in plan.lines:
        shells = {UUID(record) for record in facts["shells"].get(line.table, ())}
        gone = {UUID(record) for record in facts["rows"].get(line.table, ())} | shells
        if gone and not line.part:
            records = tuple(record for record in line.records if record in gone)
            if records:
                lines.append(
                    replace(
                        line, outcome=Outcome.ERASE, records=records, rows=len(records),
                        shells=tuple(record for record in records if record in shells),
                    )
                )  # fmt: skip
            continue
        lines.append(replace(line, records=(), shells=()))
    return replace(
        plan, lines=tuple(lines), destroyed=tuple(facts["destroyed"]), renewed=tuple(facts["renewed"]),
        restricted=tuple(facts["restricted"]),
    )  # fmt: skip
