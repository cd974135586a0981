"""What the shipped files say (neonpro/rules/*.toml), against the numbers of the acts."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings

from neonpro.rules import Source, UncertainRule, Unit, book, rule, rules
from neonpro.rules.values import SameAs

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)

SUBJECTS = {
    "ai", "anvisa", "identity", "incidents", "lgpd", "licences", "prescriptions", "records", "retention",
    "telemedicine",
}  # fmt: skip

EVERY = [found for periods in book().periods.values() for found in periods]

UNCERTAIN = {
    "anvisa.number.has_check_digit",
    "licences.number",
    "licences.scope.invasive_aesthetics_reserved_to_doctors",
    "prescriptions.rce.max_treatment_adendo_by_norm",
    "records.signature.entry_exempt",
}


def test_the_subjects() -> None:
    assert book().subjects == SUBJECTS
    assert {found.subject for found in EVERY} == SUBJECTS


def test_every_rule_has_a_source_and_nothing_is_left_of_its_making() -> None:
    for found in EVERY:
        assert found.legal_refs, found.code
        assert all(ref.norm for ref in found.legal_refs), found.code
        assert "?" not in found.citation + found.note, found.code


def test_uncertain_rules_are_given_to_nobody_who_does_not_ask() -> None:
    assert {found.code for found in EVERY if not found.certain} == UNCERTAIN
    for subject in SUBJECTS:
        given = {found.code for found in rules(subject, on=TODAY)}
        assert not given & UNCERTAIN
        asked = {found.code for found in rules(subject, on=TODAY, including_uncertain=True)}
        assert asked - given == {code for code in UNCERTAIN if code.startswith(f"{subject}.")}
    for code in UNCERTAIN:
        with pytest.raises(UncertainRule):
            rule(code, on=TODAY)


def test_every_rule_is_handed_out_with_a_value_of_its_own() -> None:
    for found in EVERY:
        on = max(found.valid_from, min(TODAY, found.valid_to or TODAY))
        given = rule(found.code, on=on, including_uncertain=True)
        assert not isinstance(given.value, SameAs)
        assert given.held_on(on)


def test_what_a_period_of_ours_is_called() -> None:
    """A page must not call our own choice law: those without a norm's number say so."""
    for code in ("retention.lead.period", "lgpd.requests.others", "prescriptions.common.validity"):
        assert rule(code, on=TODAY).source is Source.POLICY
    for code in ("retention.medical_record.period", "lgpd.requests.access_complete", "incidents.notify_authority"):
        assert rule(code, on=TODAY).source is Source.READ


@pytest.mark.parametrize(
    ("code", "number", "unit", "norm"),
    [
        ("retention.medical_record.period", 20, Unit.YEARS, "Lei 13.787/2018, art. 6"),
        ("retention.patient_identification.period", 20, Unit.YEARS, "CFM 1.638/2002, art. 5"),
        ("retention.prescription.period", 20, Unit.YEARS, "Lei 13.787/2018"),
        ("retention.audit_log.period", 20, Unit.YEARS, "art. 46"),
        ("retention.lead.period", 2, Unit.YEARS, "art. 7 I, IX"),
        ("retention.administrative_ai.period", 12, Unit.MONTHS, "art. 20"),
        ("retention.access_log.period", 6, Unit.MONTHS, "Marco Civil"),
        ("retention.controlled_stock_book.period", 2, Unit.YEARS, "Portaria 344/1998, art. 64"),
        ("retention.incident.period", 5, Unit.YEARS, "15/2024"),
        ("retention.tax.period", 5, Unit.YEARS, "arts. 173, 174, 195"),
        ("lgpd.requests.access_complete", 15, Unit.DAYS, "Lei 13.709/2018, art. 19"),
        ("lgpd.requests.access_simplified", 0, Unit.DAYS, "Lei 13.709/2018, art. 19"),
        ("incidents.notify_authority", 3, Unit.BUSINESS_DAYS, "15/2024"),
        ("incidents.notify_subjects", 3, Unit.BUSINESS_DAYS, "15/2024"),
        ("incidents.notify_by_small_agent", 6, Unit.BUSINESS_DAYS, "15/2024"),
        ("incidents.supplement", 20, Unit.BUSINESS_DAYS, "15/2024"),
        ("incidents.public_notice", 90, Unit.DAYS, "15/2024"),
        ("incidents.register", 5, Unit.YEARS, "15/2024"),
        ("telemedicine.in_person_within", 180, Unit.DAYS, "CFM 2.314/2022"),
        ("anvisa.adverse_event.death", 72, Unit.HOURS, "RDC 36/2013"),
        ("anvisa.adverse_event.other", 15, Unit.BUSINESS_DAYS, "RDC 36/2013"),
        ("anvisa.registration_validity", 10, Unit.YEARS, "RDC 751/2022"),
    ],
)
def test_the_periods(code: str, number: int, unit: Unit, norm: str) -> None:
    found = rule(code, on=TODAY)
    assert (found.period.number, found.period.unit) == (number, unit)
    assert norm in found.citation


@pytest.mark.parametrize(
    ("kind", "lists", "items", "days", "ampoules", "validity"),
    [
        ("nra", {"A1", "A2", "A3"}, 1, 30, 5, 30),
        ("nrb", {"B1"}, 1, 60, 5, 30),
        ("nrb2", {"B2"}, 1, 30, None, 30),
        ("nrr", {"C2"}, 1, 30, 5, 30),
        ("nrt", {"C3"}, 1, 30, None, 20),
        ("rce", {"C1", "C5"}, 3, 60, 5, 30),
        ("ret_antimicrobial", None, None, None, None, 10),
        ("ret_glp1", None, None, None, None, 90),
        ("common", {"D1"}, None, None, None, 30),
    ],
)
def test_the_limits_of_a_prescription(
    kind: str, lists: set[str] | None, items: int | None, days: int | None, ampoules: int | None, validity: int
) -> None:
    held = {found.code.removeprefix(f"prescriptions.{kind}."): found for found in rules("prescriptions", on=TODAY)}
    assert set(held["lists"].choices) == lists if lists else "lists" not in held
    if items is None:
        assert "max_items" not in held or held["max_items"].unlimited
    else:
        assert held["max_items"].count == items
    assert held["max_treatment"].period.number == days if days else "max_treatment" not in held
    assert held["max_ampoules"].quantity.number == ampoules if ampoules else "max_ampoules" not in held
    assert held["validity"].period.number == validity


def test_the_doses_of_anorexigens() -> None:
    doses = {row["substance"]: row["mg"] for row in rule("prescriptions.nrb2.max_daily_doses", on=TODAY).table}
    assert doses == {"sibutramine": 15, "anfepramone": 120, "femproporex": 50, "mazindol": 3, "fentermine": 60}


@pytest.mark.parametrize(
    ("code", "first_day"),
    [
        ("prescriptions.sncr.electronic_needs_number", date(2026, 10, 30)),
        ("prescriptions.sncr.patient_id", date(2026, 2, 13)),
        ("ai.patient_may_refuse", date(2026, 8, 26)),
        ("lgpd.requests.patient_statute_types", date(2026, 4, 30)),
    ],
)
def test_what_began_in_2026_did_not_hold_the_day_before(code: str, first_day: date) -> None:
    assert code in {found.code for found in rules(code.partition(".")[0], on=first_day)}
    assert code not in {found.code for found in rules(code.partition(".")[0], on=first_day - DAY)}


@pytest.mark.parametrize(
    ("code", "day", "before", "after"),
    [
        ("identity.cnpj", date(2026, 7, 1), r"^\d{14}$", r"^[0-9A-Z]{12}\d{2}$"),
        ("identity.cid_versions", date(2027, 1, 1), ("CID-10",), ("CID-10", "CID-11")),
        ("records.signature.controlled_prescription", date(2026, 2, 13), ("QUALIFIED",), ("QUALIFIED",)),
    ],
)
def test_a_rule_changes_on_its_day(code: str, day: date, before: Any, after: Any) -> None:
    def value(on: date) -> Any:
        found = rule(code, on=on).value
        return found.pattern if isinstance(found, re.Pattern) else found

    assert value(day - DAY) == before
    assert value(day) == after
    assert rule(code, on=day - DAY) != rule(code, on=day)


@pytest.mark.parametrize(
    ("code", "good", "bad"),
    [
        ("anvisa.number.medicine", ["123456789", "1234567890123"], ["223456789", "12345678901"]),
        ("anvisa.number.cosmetic", ["223456789"], ["123456789"]),
        ("anvisa.number.device", ["12345678901", "82345678901"], ["22345678901", "123456789"]),
        ("anvisa.number.exempt_cosmetic_process", ["25351.123456/2024-10", "25351123456/2024"], ["25351.123456"]),
        ("prescriptions.sncr.number", ["1234.5-67.1234567"], ["12345671234567"]),
        ("anvisa.cnes", ["1234567"], ["123456"]),
    ],
)
def test_the_patterns(code: str, good: list[str], bad: list[str]) -> None:
    pattern = rule(code, on=TODAY).pattern
    assert all(pattern.fullmatch(number) for number in good)
    assert not any(pattern.fullmatch(number) for number in bad)


def test_every_outcome_is_one_that_an_erasure_knows() -> None:
    known = set(rule("lgpd.erasure.outcomes", on=TODAY).choices)
    outcomes = [found for found in rules("retention", on=TODAY) if found.code.endswith(".outcomes")]
    assert len(outcomes) > 10
    for found in outcomes:
        assert set(found.choices) <= known, found.code


def test_what_is_kept_says_for_how_long() -> None:
    codes = {found.code for found in rules("retention", on=TODAY)}
    for found in rules("retention", on=TODAY):
        if found.code.endswith(".outcomes") and found.code != "retention.marketing_profile.outcomes":
            assert found.code.replace(".outcomes", ".period") in codes


def test_code_of_ours_names_only_rules_that_exist() -> None:
    named = set()
    for package in ("neonpro", "clinics", "patients", "compliance", "ai"):
        for file in (settings.BASE_DIR / package).rglob("*.py"):
            named |= set(re.findall(r"\brule\(\s*\"([a-z0-9_.]+)\"", file.read_text("utf-8")))
    assert named
    assert named <= set(book().periods)
