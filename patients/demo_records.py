"""The demonstration's medical records: what its professionals have written of patients whom they saw."""

import tomllib
from datetime import datetime, time
from functools import cache
from typing import Any
from uuid import UUID

from django.utils import timezone

from clinics.models import Professional, User
from neonpro.db import context
from patients import cid, people, records
from patients.models import Appointment, AppointmentStatus, MedicalRecord, RecordTemplate
from patients.templates import install_starters


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((people.DATA / "demo_records.toml").read_text(encoding="utf-8"))


def write_records(place: UUID) -> None:
    """Let each professional with an access write, once, of patients who came; each acts in their own name.

    Args:
        place: the clinic, whose job context is open.
    """
    if not RecordTemplate.objects.exists():
        install_starters()
    accounts = Professional.objects.filter(is_active=True, membership__is_active=True, membership__role="professional")
    for professional, account in list(accounts.values_list("pk", "membership__user")):
        visits = list(
            Appointment.objects.filter(
                professional=professional, status=AppointmentStatus.COMPLETED, patient__restricted_at=None
            )
            .order_by("day", "starts_at", "pk")
            .values_list("pk", "patient", "day", "starts_at")
        )
        with context.enter(context.SignIn(), None):
            user = User.objects.get(pk=account)
        with context.enter(user, place):
            if visits and not MedicalRecord.objects.filter(author=professional).exists():
                _write(visits)


def _write(visits: list[tuple[Any, ...]]) -> None:
    templates = {one.starter: one for one in RecordTemplate.objects.exclude(starter="")}
    # One visit of each patient, the latest first.
    seen: dict[UUID, tuple[Any, ...]] = {}
    for visit in reversed(visits):
        seen.setdefault(visit[1], visit)
    chosen = list(seen.values())
    for number, entry in enumerate(_document()["entry"]):
        if entry["template"] not in templates:
            continue
        # The second entry continues the first one's story.
        visit, patient, day, starts_at = chosen[max(number - 1, 0) % len(chosen)]
        texts = dict(entry["texts"])
        diagnoses = cid.parse(texts.pop("diagnoses", ""))
        draft = records.new_draft(patient=patient, kind="", template=templates[entry["template"]], appointment=visit)
        moment = starts_at or timezone.make_aware(datetime.combine(day, time(9)))
        draft = records.save_draft(
            draft.pk, revision=0, texts=texts, occurred_at=min(moment, timezone.now()), diagnoses=diagnoses,
            cid_consent=entry.get("cid_consent", False), appointment=visit,
        )  # fmt: skip
        if entry.get("draft"):
            continue
        final = records.finalise(draft.pk, revision=draft.revision)
        if "addendum" in entry:
            added = records.new_addendum(final.pk, reason=entry["addendum"]["reason"])
            added = records.save_draft(added.pk, revision=0, texts={"addendum": entry["addendum"]["text"]})
            records.finalise(added.pk, revision=added.revision)
    for number, alert in enumerate(_document()["alert"]):
        # The first patient has two.
        patient = chosen[max(number - 1, 0) % len(chosen)][1]
        records.add_alert(patient=patient, **alert)
