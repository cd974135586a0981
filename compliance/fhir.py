"""What is held about a patient as FHIR resources, validated before it leaves.

The library `fhir.resources` keeps of R4 its last revision, R4B (4.3): for the resources used here the two are alike.
What fits none of them is in the package's JSON.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from neonpro.vault.fields import Withheld

_VISITS = {
    "scheduled": "booked", "confirmed": "booked", "arrived": "arrived", "in_care": "checked-in",
    "completed": "fulfilled", "cancelled": "cancelled", "no_show": "noshow",
}  # fmt: skip
_CONSENTS = {"granted": "active", "asked": "proposed", "refused": "rejected"}
_SEX = {"female": "female", "male": "male", "intersex": "other"}
_SEVERITY = {"high": "high", "moderate": "low", "low": "low"}
_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def bundle(tables: Iterable[Any], paths: Mapping[tuple[UUID, str], str], clinic: Any) -> str:
    """A Bundle of type collection, as JSON.

    Args:
        tables: of `compliance.packages`.
        paths: where the files of a record lie in the package, by record and field.
        clinic: the custodian.

    Raises:
        pydantic.ValidationError: a resource is not valid; nothing is given then.
    """
    # Not at import: it takes half a second.
    from fhir.resources.R4B.bundle import Bundle

    rows = {table.name: table.rows for table in tables}
    resources = [one for one in _resources(rows, paths, clinic) if one]
    made = Bundle.model_validate(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": timezone.now().isoformat(),
            "entry": [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in resources],
        }
    )
    return str(made.model_dump_json(indent=1))


def _resources(
    rows: Mapping[str, list[Any]], paths: Mapping[tuple[UUID, str], str], clinic: Any
) -> Iterator[dict[str, Any]]:
    for patient in rows.get("patients", ()):
        yield _patient(patient, clinic)
    for visit in rows.get("appointments", ()):
        yield _appointment(visit)
    for consent in rows.get("lgpd_consents", ()):
        yield _consent(consent)
    for record in rows.get("medical_records", ()):
        yield _document(record, _text_of(record), record.occurred_at, str(record.get_kind_display()))
        yield from _conditions(record)
    for alert in rows.get("patient_alerts", ()):
        yield _alert(alert)
    for (record_id, _name), path in paths.items():
        yield _file(record_id, path, rows)


def _is(value: Any) -> bool:
    return value not in (None, "") and not isinstance(value, Withheld)


def _moment(value: Any) -> str:
    return str(timezone.localtime(value).isoformat())


def _subject(record: Any) -> dict[str, str]:
    return {"reference": f"urn:uuid:{record.patient_id}"}


def _patient(one: Any, clinic: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Patient",
        "id": str(one.pk),
        "identifier": [{"system": f"urn:uuid:{clinic.pk}", "value": one.record_number}],
        "managingOrganization": {"display": clinic.trade_name},
    }
    for system, value in (
        ("https://saude.gov.br/fhir/sid/cpf", one.cpf),
        ("https://saude.gov.br/fhir/sid/cns", one.cns),
    ):
        if _is(value):
            made["identifier"].append({"system": system, "value": value})
    names = [
        {"use": use, "text": text} for use, text in (("official", one.name), ("usual", one.preferred_name)) if _is(text)
    ]
    if names:
        made["name"] = names
    if _is(one.sex):
        made["gender"] = _SEX.get(one.sex, "unknown")
    if _is(one.birth_date):
        made["birthDate"] = one.birth_date.isoformat()
    telecom = [
        {"system": system, "value": value}
        for system, value in (("phone", one.phone), ("phone", one.other_phone), ("email", one.email))
        if _is(value)
    ]
    if telecom:
        made["telecom"] = telecom
    if _is(one.street) or _is(one.city):
        place = {"district": one.district, "city": one.city, "state": one.uf, "postalCode": one.cep}
        made["address"] = [
            {"country": "BR", **({"line": [one.street]} if _is(one.street) else {}),
             **{name: value for name, value in place.items() if _is(value)}}
        ]  # fmt: skip
    return made


def _appointment(one: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Appointment",
        "id": str(one.pk),
        "status": _VISITS[one.status],
        "participant": [{"actor": _subject(one), "status": "accepted"}],
    }
    if one.starts_at and one.ends_at:
        made |= {"start": _moment(one.starts_at), "end": _moment(one.ends_at)}
    else:
        made["comment"] = one.day.isoformat()
    return made


def _consent(one: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Consent",
        "id": str(one.pk),
        "status": _CONSENTS.get(one.state, "inactive"),
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
            ]
        },
        "category": [
            {
                "coding": [{"system": "http://loinc.org", "code": "59284-0"}],
                "text": str(one.get_purpose_display()),
            }
        ],
        "patient": _subject(one),
        "policyRule": {"text": "Lei 13.709/2018 (LGPD), arts. 7, 8 e 11"},
        "provision": {"type": "permit" if one.state == "granted" else "deny"},
    }  # fmt: skip
    if one.since:
        made["dateTime"] = _moment(one.since)
    return made


def _text_of(record: Any) -> str:
    content = record.content
    if not isinstance(content, dict):
        return ""
    parts = [f"{part.get('heading', '')}\n{part.get('text', '')}".strip() for part in content.get("sections", ())]
    return "\n\n".join(part for part in parts if part)


def _document(record: Any, text: str, when: Any, kind: str) -> dict[str, Any]:
    if not text:
        return {}
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": str(record.pk),
        "status": "current",
        "type": {"text": kind},
        "subject": _subject(record),
        "date": _moment(when or record.created_at),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "language": "pt-BR", "data": data}}],
    }


def _file(record_id: UUID, path: str, rows: Mapping[str, list[Any]]) -> dict[str, Any]:
    table = path.split("/")[1]
    record = next((one for one in rows.get(table, ()) if one.pk == record_id), None)
    if record is None:
        return {}
    name = path.rpartition("/")[2]
    kind = _TYPES.get(path.rpartition(".")[2], "application/octet-stream")
    return {
        "resourceType": "DocumentReference",
        "id": name.partition(".")[0].replace("_", "-")[:64],
        "status": "current",
        "type": {"text": str(record._meta.verbose_name)},
        "subject": _subject(record),
        "date": _moment(record.created_at),
        "content": [{"attachment": {"contentType": kind, "url": path}}],
    }


def _conditions(record: Any) -> Iterator[dict[str, Any]]:
    found = record.diagnoses
    if not isinstance(found, list):
        return
    for number, one in enumerate(found, 1):
        code = one.get("code", "") if isinstance(one, dict) else str(one)
        words = (
            (one.get("text") or one.get("title") or one.get("description") or code) if isinstance(one, dict) else code
        )
        yield {
            "resourceType": "Condition",
            "id": f"{record.pk}-cid-{number}",
            "code": {
                "coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}] if code else [],
                "text": words,
            },
            "subject": _subject(record),
            "recordedDate": _moment(record.occurred_at or record.created_at),
        }


def _alert(one: Any) -> dict[str, Any]:
    if not _is(one.text):
        return {}
    over = one.ended_at is not None
    if one.kind == "allergy":
        state = "inactive" if over else "active"
        made: dict[str, Any] = {
            "resourceType": "AllergyIntolerance",
            "id": str(one.pk),
            "clinicalStatus": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": state}
                ]
            },
            "code": {"text": one.text},
            "patient": _subject(one),
        }
        if _is(one.severity):
            made["criticality"] = _SEVERITY.get(one.severity, "unable-to-assess")
        return made
    return {
        "resourceType": "Flag",
        "id": str(one.pk),
        "status": "inactive" if over else "active",
        "code": {"text": one.text},
        "subject": _subject(one),
    }
