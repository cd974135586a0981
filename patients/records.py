"""Writing in the medical record: draft, finalise, addendum, discard. PostgreSQL refuses whatever goes past this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from psycopg.types.json import Jsonb

from neonpro.db.bound import execute
from neonpro.rules import rule
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Erased, Refused
from neonpro.vault.models import VaultModel
from patients.cid import Diagnosis
from patients.models import (
    AlertKind,
    DocumentKind,
    MedicalRecord,
    Patient,
    PatientAlert,
    RecordKind,
    RecordStatus,
    RecordTemplate,
    Severity,
)

R = TypeVar("R", bound=VaultModel)

TEXT_LENGTH = 20_000
"""Characters of one section: nobody types more, and a page must stay a page."""

HEADINGS: dict[str, Any] = {
    "anamnesis": gettext_lazy("Anamnesis"),
    "examination": gettext_lazy("Physical examination"),
    "tests": gettext_lazy("Tests"),
    "hypotheses": gettext_lazy("Diagnostic hypotheses"),
    "diagnosis": gettext_lazy("Definitive diagnosis"),
    "treatment": gettext_lazy("Treatment"),
    "evolution": gettext_lazy("Evolution"),
    "procedure": gettext_lazy("Procedure"),
    "findings": gettext_lazy("Findings"),
    "text": gettext_lazy("Text"),
    "addendum": gettext_lazy("Addendum"),
}
"""The sections that the rules know by code; a template may give them other headings, and add sections of its own."""

IDENTIFICATION: dict[str, tuple[tuple[str, ...], Any]] = {
    "full_name": (("name",), gettext_lazy("full name")),
    "birth_date": (("birth_date",), gettext_lazy("date of birth")),
    "sex": (("sex",), gettext_lazy("sex")),
    "mother_name": (("mother_name",), gettext_lazy("mother's name")),
    "birthplace_city": (("birthplace_city",), gettext_lazy("birthplace: city")),
    "birthplace_uf": (("birthplace_uf",), gettext_lazy("birthplace: state")),
    "address": (("street", "city", "uf"), gettext_lazy("address")),
}
"""The fields of a patient behind each code of `records.identification_fields`, and what people call them."""


class RecordError(Exception):
    """Something cannot be done with an entry; the message is for the person who tried."""


class StaleDraft(RecordError):
    """The draft was saved elsewhere meanwhile; `current` is its revision now."""

    def __init__(self, current: int) -> None:
        super().__init__(
            _(
                "This draft was saved in another window meanwhile. Nothing of that was overwritten, and what you typed"
                " here is still on this page: copy it, then reload."
            )
        )
        self.current = current


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What is missing in a draft."""

    required: tuple[str, ...] = ()
    """Headings of sections that must be filled: nothing is finalised without them."""
    other: tuple[str, ...] = ()
    """Further reasons, in words, why it cannot be finalised."""
    identification: tuple[str, ...] = ()
    """What CFM 1.638/2002 wants to know of the patient and the clinic does not; it is said, and stops nobody."""
    suggested: tuple[str, ...] = field(default=())
    """Content of art. 5 that this anamnesis leaves out; it may have its reasons."""

    @property
    def blocking(self) -> bool:
        """Whether it cannot be finalised as it is."""
        return bool(self.required or self.other)


def current_professional() -> UUID | None:
    """The professional who acts, by the account's place in the clinic; None for everybody else."""
    ((found,),) = execute("SELECT neonpro.current_professional()", [])
    return found  # type: ignore[no-any-return]


def is_open(patient: UUID, *, to_write: bool = False) -> bool:
    """Whether a patient's clinical data are open to whoever acts, now (`neonpro.open_patients`)."""
    return bool(execute("SELECT neonpro.open_patients(ARRAY[%s]::uuid[], %s)", [patient, to_write]))


def alerts(patient: UUID) -> list[PatientAlert]:
    """What holds of a patient now, the gravest first; nothing for those to whom the patient is not open."""
    found = list(PatientAlert.objects.filter(patient=patient, ended_at__isnull=True).order_by("created_at"))
    order = {value: place for place, value in enumerate(Severity.values)}
    return sorted(found, key=lambda alert: order.get(alert.severity, len(order)))


def add_alert(*, patient: UUID, kind: str, severity: str, text: str) -> PatientAlert:
    """Note an allergy or another alert.

    Raises:
        RecordError: the patient is not in the care of whoever acts, or nothing was said.
    """
    if not text.strip() or kind not in AlertKind.values or severity not in Severity.values:
        raise RecordError(_("Say what the alert is about, what kind it is and how severe."))
    _author(patient)
    alert = PatientAlert(patient_id=patient, kind=kind, severity=severity, text=text.strip())
    _insert(alert)
    return alert


def end_alert(alert: UUID) -> None:
    """Note that an alert does not hold any more. It stays in the record.

    Raises:
        RecordError: it is not there for whoever acts, or was ended before.
    """
    found: PatientAlert | None = PatientAlert.objects.select_for_update().filter(pk=alert).first()
    if found is None:
        raise RecordError(closed_message())
    if found.ended_at is not None:
        raise RecordError(_("This alert was ended before."))
    found.ended_at = timezone.now()
    _save(found, ["ended_at"])


def entries(patient: UUID) -> QuerySet[MedicalRecord, MedicalRecord]:
    """A patient's entries that the reader may see, the newest first; addenda among them."""
    return MedicalRecord.objects.filter(patient=patient).order_by("-occurred_at", "id")


def listed(code: str) -> tuple[str, ...]:
    """The list that a rule of law holds today."""
    value = rule(code, on=timezone.localdate()).value
    assert isinstance(value, tuple)
    return tuple(map(str, value))


def default_sections(kind: str) -> list[dict[str, Any]]:
    """The sections of an entry for which no template was chosen: what the rules ask of its kind."""
    required = listed(f"records.required.{kind}")
    codes = list(required)
    if kind == RecordKind.ANAMNESIS:
        codes = [*dict.fromkeys([*listed("records.content_fields"), *required])]
    return [{"code": code, "heading": str(HEADINGS[code]), "hint": "", "required": code in required} for code in codes]


def new_draft(
    *,
    patient: UUID,
    kind: str,
    document_kind: str = "",
    template: RecordTemplate | None = None,
    appointment: UUID | None = None,
) -> MedicalRecord:
    """Begin an entry: a draft that only its author sees.

    Args:
        patient: of whom.
        kind: see `RecordKind`; a template's own kind wins.
        document_kind: see `DocumentKind`; of a document only.
        template: whose sections it gets; without one those that the rules ask for.
        appointment: the visit it belongs to, of this patient.

    Raises:
        RecordError: whoever acts is no professional, or the patient is not in their care.
    """
    if template is not None:
        kind, document_kind = template.kind, template.document_kind
    if kind not in RecordKind.values or (kind == RecordKind.DOCUMENT) != (document_kind in DocumentKind.values):
        raise RecordError(_("Choose what kind of entry this is."))
    sections = [dict(one) for one in template.sections] if template is not None else default_sections(kind)
    return _insert(
        MedicalRecord(
            patient_id=patient,
            kind=kind,
            document_kind=document_kind,
            template=template,
            appointment_id=appointment,
            author_id=_author(patient),
            content={"sections": [one | {"text": ""} for one in sections]},
        )
    )


def new_addendum(original: UUID, *, reason: str) -> MedicalRecord:
    """Begin the correction of a finalised entry, which stays as it is: a draft that amends it.

    Args:
        original: the entry, or an addendum of it.
        reason: why.

    Raises:
        RecordError: there is no such entry, it is a draft, or no reason was given.
    """
    found = _get(original)
    if found.is_draft:
        raise RecordError(_("A draft is simply changed: an addendum is for what was finalised."))
    if not reason.strip():
        raise RecordError(_("Say why the entry needs an addendum."))
    root = _get(found.amends_id) if found.amends_id is not None else found
    section = {"code": "addendum", "heading": str(HEADINGS["addendum"]), "hint": "", "required": True, "text": ""}
    return _insert(
        MedicalRecord(
            patient_id=root.patient_id,
            kind=root.kind,
            document_kind=root.document_kind,
            appointment_id=root.appointment_id,
            amends_id=root.pk,
            amend_reason=reason.strip(),
            author_id=_author(root.patient_id),
            content={"sections": [section]},
        )
    )


def save_draft(
    record: UUID,
    *,
    revision: int,
    texts: Mapping[str, str],
    occurred_at: datetime | None = None,
    emergency: bool = False,
    diagnoses: Sequence[Diagnosis] = (),
    cid_consent: bool = False,
    appointment: UUID | None = None,
) -> MedicalRecord:
    """Keep what was typed into a draft.

    Args:
        record: the draft.
        revision: the one that was being edited: what somebody saved since is not overwritten.
        texts: by the code of the section; a section that is not named keeps its text.
        occurred_at: when the care was given; None leaves it.
        emergency: the anamnesis may be left out.
        diagnoses: checked already (`patients.cid`).
        cid_consent: the patient agreed that the CID stands on the certificate.
        appointment: the visit it belongs to.

    Raises:
        StaleDraft: it was saved elsewhere meanwhile.
        RecordError: it is no draft of this author any more, or the patient's record was closed to them.
    """
    found = _own_draft(record)
    if found.revision != revision:
        raise StaleDraft(found.revision)
    sections = found.sections
    for section in sections:
        text = texts.get(section["code"], section.get("text", ""))
        if len(text) > TEXT_LENGTH:
            raise RecordError(
                _("“%(heading)s” is too long: write at most %(count)s characters, and the rest into another entry.")
                % {"heading": section["heading"], "count": TEXT_LENGTH}
            )
        section["text"] = text.replace("\x00", "").replace("\r\n", "\n")
    found.content = {"sections": sections}
    found.diagnoses = [one.as_dict() for one in diagnoses] or None
    found.emergency = emergency
    found.cid_consent = cid_consent
    found.appointment_id = appointment
    if occurred_at is not None:
        found.occurred_at = occurred_at
    _save(
        found,
        ["content", "diagnoses", "emergency", "cid_consent", "appointment", "occurred_at"],
    )
    found.revision = revision + 1
    return found


def obstacles(record: MedicalRecord, patient: Patient) -> Obstacles:
    """What is missing before a draft can be finalised, and what should not be (CFM 1.638/2002 art. 5)."""
    sections = {one["code"]: one for one in record.sections}
    filled = {code for code, one in sections.items() if one.get("text", "").strip()}
    needed = [code for code, one in sections.items() if one.get("required")]
    suggested: list[str] = []
    if not record.amends_id:
        needed += [code for code in listed(f"records.required.{record.kind}") if code not in needed]
        if record.kind == RecordKind.ANAMNESIS:
            suggested = [code for code in listed("records.content_fields") if code not in needed]
    if record.emergency:
        skipped = set(listed("records.emergency_may_skip"))
        needed = [code for code in needed if code not in skipped]
    other = []
    if not filled:
        other.append(_("Nothing has been written yet."))
    if record.occurred_at > timezone.now() + timedelta(seconds=1):
        other.append(_("The time of the care is in the future."))
    if (
        record.document_kind == DocumentKind.CERTIFICATE
        and record.diagnoses
        and not record.cid_consent
        and rule("records.certificate_cid_needs_consent", on=timezone.localdate()).value
    ):
        other.append(_("A medical certificate shows the CID only if the patient agrees: note it, or take the CID out."))

    def headings(codes: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            str(sections[code]["heading"] if code in sections else HEADINGS.get(code, code))
            for code in codes
            if code not in filled
        )

    return Obstacles(
        required=headings(needed),
        other=tuple(other),
        identification=missing_identification(patient),
        suggested=headings(suggested),
    )


def missing_identification(patient: Patient) -> tuple[str, ...]:
    """What the record must say of a patient and does not, in words."""
    names = []
    for code in listed("records.identification_fields"):
        fields, label = IDENTIFICATION[code]
        values = [getattr(patient, name) for name in fields]
        if not all(value or isinstance(value, Withheld) for value in values):
            names.append(str(label))
    return tuple(names)


def finalise(record: UUID, *, revision: int) -> MedicalRecord:
    """Finalise a draft as it was saved: from here on nothing of it changes.

    Args:
        record: the draft.
        revision: the one that was shown and confirmed.

    Raises:
        StaleDraft: it was changed after it was shown.
        RecordError: something is missing, it is final already, or it is not the author's to finalise any more.
    """
    found = _own_draft(record)
    if found.revision != revision:
        raise StaleDraft(found.revision)
    patient = Patient.objects.opening("identification").get(pk=found.patient_id)
    missing = obstacles(found, patient)
    if missing.blocking:
        raise RecordError(
            " ".join([
                *([_("Still to be filled in: %(sections)s.") % {"sections": ", ".join(missing.required)}]
                  if missing.required else []),
                *missing.other,
            ])
        )  # fmt: skip
    found.status = RecordStatus.FINALISED
    _save(found, ["status"])
    # Who wrote it and when are the database's to say.
    found.refresh_from_db()
    return found


def discard(record: UUID, *, revision: int | None = None) -> None:
    """Throw a draft away. The audit log keeps that there was one.

    Raises:
        RecordError: it is no draft of this author.
    """
    found = _own_draft(record)
    if revision is not None and found.revision != revision:
        raise StaleDraft(found.revision)
    found.delete()


# --- what stands between ------------------------------------------------------------------------------------------


def closed_message() -> str:
    """What to say to somebody who does not, or no longer, care for the patient."""
    return _(
        "This record is not open to you, or no longer: you are not in the patient's care team. Nothing was saved."
        " Copy what you typed, and ask a colleague in the team or management to add you."
    )


def _author(patient: UUID) -> UUID:
    own = current_professional()
    if own is None:
        raise RecordError(
            _("Only professionals write in the record: management links your access with your entry as a professional.")
        )
    if not is_open(patient, to_write=True):
        raise RecordError(closed_message())
    return own


def _get(record: UUID) -> MedicalRecord:
    found: MedicalRecord | None = MedicalRecord.objects.filter(pk=record).first()
    if found is None:
        raise RecordError(closed_message())
    return found


def _own_draft(record: UUID) -> MedicalRecord:
    """A draft of the acting professional, locked until the transaction ends."""
    found: MedicalRecord | None = MedicalRecord.objects.select_for_update().filter(pk=record).first()
    if found is None:
        # Finalised by somebody else's hand it cannot be; then it is discarded, or closed.
        raise RecordError(closed_message())
    if not found.is_draft:
        raise RecordError(_("This entry is final and cannot be changed any more: write an addendum."))
    return found


def _insert(record: R) -> R:
    try:
        with transaction.atomic():
            record.save(force_insert=True)
    except (Refused, Erased) as error:
        raise RecordError(closed_message()) from error
    except DatabaseError as error:
        raise RecordError(_words(error)) from error
    return record


def _save(record: VaultModel, fields: list[str]) -> None:
    try:
        with transaction.atomic():
            record.save(update_fields=fields)
    except (Refused, Erased) as error:
        raise RecordError(closed_message()) from error
    except DatabaseError as error:
        raise RecordError(_words(error)) from error


def _words(error: DatabaseError) -> str:
    """What PostgreSQL refused, for the person who tried."""
    state = getattr(error.__cause__, "sqlstate", None)
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    if name == "medical_records_appointment_same_clinic":
        return _("The appointment chosen no longer exists. Reload the page.")
    if state == "42501" or state is None:
        # The row policies, or a row that was no longer there to be changed.
        return closed_message()
    return _("The database refused the entry. Nothing was saved; what you typed is still on this page.")


def record_print(record: MedicalRecord) -> None:
    """Leave the trace of a printed entry (`records.logged_events`); the patient sees it among the accesses."""
    execute(
        "SELECT neonpro.record_reading('PRINT', %s::uuid[], %s::jsonb)",
        [[record.patient_id], Jsonb({"purpose": "admin:patients_medicalrecord_print", "categories": ["clinical"]})],
    )
