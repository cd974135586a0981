"""Every row of the limits of law: which document, how many items, how long; at, below and above, and on its days."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonpro.rules import NotInForce, rule
from patients.prescription_rules import (
    CRM,
    CRO,
    NOTIFICATIONS,
    Blocked,
    Document,
    Kind,
    Line,
    Purpose,
    Writer,
    adendo_possible,
    check,
    copies,
    kind_of,
    sncr_type,
    split,
    validity,
)

TODAY = date(2026, 11, 25)
DAY = timedelta(days=1)

SIBUTRAMINE = {"code": "sibutramine", "mg_per_day": Decimal(15)}
CODEINE = {"code": "codeine", "adendo": True, "adendo_by": "dose", "mg_per_unit": Decimal(30)}
CONTINUOUS = {"continuous": True, "per_30_days": "30 comprimidos"}

ROWS = [
    # list, what else, document, items, days, ampoules, validity, paper copies
    ("A1", {}, Kind.NRA, 1, 30, 5, 30, 1),
    ("A2", {}, Kind.NRA, 1, 30, 5, 30, 1),
    ("A3", {}, Kind.NRA, 1, 30, 5, 30, 1),
    ("B1", {}, Kind.NRB, 1, 60, 5, 30, 1),
    ("B2", {}, Kind.NRB2, 1, 30, None, 30, 1),
    ("B2", SIBUTRAMINE, Kind.NRB2, 1, 60, None, 30, 1),
    ("C2", {}, Kind.NRR, 1, 30, 5, 30, 1),
    ("C2", {"topical": True}, Kind.RCE, 3, 60, 5, 30, 2),
    ("C1", {}, Kind.RCE, 3, 60, 5, 30, 2),
    ("C1", {"group": "anticonvulsant"}, Kind.RCE, 3, 180, 5, 30, 2),
    ("C1", {"group": "antiparkinson"}, Kind.RCE, 3, 180, 5, 30, 2),
    ("C5", {}, Kind.RCE, 3, 60, 5, 30, 2),
    ("A2", CODEINE, Kind.RCE, 3, 30, 5, 30, 2),
    ("B1", {"adendo": True, "adendo_by": "person"}, Kind.RCE, 3, 30, 5, 30, 2),
    ("ATM", {}, Kind.RET_ANTIMICROBIAL, None, None, None, 10, 2),
    ("ATM", CONTINUOUS, Kind.RET_ANTIMICROBIAL, None, 90, None, 10, 2),
    ("GLP1", {}, Kind.RET_GLP1, None, None, None, 90, 2),
    ("D1", {}, Kind.COMMON, None, None, None, 30, 1),
    ("", {}, Kind.COMMON, None, None, None, 30, 1),
]  # fmt: skip
"""The table of the law, written out once more: a mistake in the rules' file would not be found by reading that file."""

IDS = [f"{row[0] or 'none'} {row[2]} {index}" for index, row in enumerate(ROWS)]


def line(list_: str = "", **more: object) -> Line:
    """A medicine of a list with nothing against it."""
    return Line(**{"key": 1, "name": "Remédio", "list": list_, "days": 10, **more})  # type: ignore[arg-type]


def doctor(**more: object) -> Writer:
    """A doctor against whom there is nothing."""
    return Writer(**{"council": CRM, "cpf": "52998224725", "cid": "F41.1", "terms_given": True, **more})  # type: ignore[arg-type]


def problems(medicine: Line, writer: Writer | None = None, *, on: date = TODAY, times: int = 1) -> list[str]:
    """What the law has against a document with this medicine so many times."""
    document = Document(kind_of(medicine, on=on), [replace(medicine, key=number) for number in range(times)])
    return [str(problem) for problem in check(document, writer or doctor(), on=on)]


@pytest.mark.parametrize(("list_", "more", "kind", "items", "days", "ampoules", "valid", "paper"), ROWS, ids=IDS)
def test_every_row_of_the_law(
    list_: str, more: dict[str, object], kind: Kind, items: int | None, days: int | None, ampoules: int | None,
    valid: int, paper: int,
) -> None:  # fmt: skip
    medicine = line(list_, **more)
    assert kind_of(medicine, on=TODAY) is kind
    assert validity(kind, TODAY)[0] == TODAY + timedelta(days=valid)
    assert copies(kind, on=TODAY) == paper

    # Items.
    if items is None:
        assert problems(medicine, times=40) == []
    else:
        assert problems(medicine, times=items) == []
        assert any("itens" in text or "items" in text for text in problems(medicine, times=items + 1))
    # Days of treatment.
    if days is None:
        assert problems(replace(medicine, days=None)) == problems(replace(medicine, days=3650)) == []
    else:
        for allowed in (1, days - 1, days):
            assert problems(replace(medicine, days=allowed)) == [], allowed
        for too_long in (days + 1, 10 * days):
            (found,) = problems(replace(medicine, days=too_long))
            assert str(days) in found
            assert str(too_long) in found
        (found,) = problems(replace(medicine, days=None))
        assert str(days) in found
    # Ampoules.
    many = replace(medicine, ampoules=True, quantity=Decimal(500))
    if ampoules is None:
        assert problems(many) == []
    else:
        assert problems(replace(many, quantity=Decimal(ampoules - 1))) == []
        assert problems(replace(many, quantity=Decimal(ampoules))) == []
        assert len(problems(replace(many, quantity=Decimal(ampoules + 1)))) == 1
        # Of tablets there is no such limit.
        assert problems(replace(many, ampoules=False)) == []


@pytest.mark.parametrize("kind", Kind)
def test_every_document_has_a_term_of_validity_and_a_name_in_sncr(kind: Kind) -> None:
    assert validity(kind, TODAY)[1]
    assert sncr_type(kind) in {"", *rule("prescriptions.types", on=TODAY).choices}
    assert (sncr_type(kind) == "") is (kind is Kind.COMMON)


def test_a_term_of_our_own_is_not_called_law() -> None:
    assert "Lei 5.991" in validity(Kind.COMMON, TODAY)[1]
    assert validity(Kind.COMMON, TODAY)[1] != "Lei 5.991, art. 35"
    assert validity(Kind.RET_GLP1, TODAY)[1] == "RDC 973/2025"
    adendo = line("B1", adendo=True, adendo_by="person", days=31)
    assert problems(adendo)[0].count("Portaria 344/1998") == 1
    assert "Portaria 344/1998)" in problems(adendo)[0]
    assert "(Portaria" not in problems(adendo)[0]


# --- Proscribed and unsupported --------------------------------------------------------------------------------------


@pytest.mark.parametrize("list_", ["E", "F", "C3", "C4", "X9"])
def test_what_goes_on_no_document(list_: str) -> None:
    with pytest.raises(Blocked):
        kind_of(line(list_), on=TODAY)
    # Neither topical nor by an adendo.
    with pytest.raises(Blocked):
        kind_of(line(list_, topical=True, adendo=True, adendo_by="person"), on=TODAY)
    documents, blocked = split([line(list_), line("")], on=TODAY)
    assert [document.kind for document in documents] == [Kind.COMMON]
    assert len(blocked) == 1


def test_a_glp1_agonist_is_one_whatever_its_entry_says() -> None:
    for code in ("semaglutide", "liraglutide", "dulaglutide", "tirzepatide", "lixisenatide"):
        assert kind_of(line("", code=code), on=TODAY) is Kind.RET_GLP1


# --- Adendos ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["codeine", "tramadol"])
@pytest.mark.parametrize(
    ("mg", "kind"),
    [("50", Kind.RCE), ("99.9", Kind.RCE), ("100", Kind.RCE), ("100.1", Kind.NRA), ("200", Kind.NRA), (None, Kind.NRA)],
)
def test_an_adendo_goes_up_to_its_dose(code: str, mg: str | None, kind: Kind) -> None:
    medicine = line("A2", code=code, adendo=True, adendo_by="dose", mg_per_unit=Decimal(mg) if mg else None)
    assert kind_of(medicine, on=TODAY) is kind
    # Whoever claims it where it does not hold is told.
    assert (problems(medicine) == []) is (kind is Kind.RCE)


def test_an_adendo_is_for_a_person_to_confirm() -> None:
    medicine = line("A2", code="tramadol", adendo_by="dose", mg_per_unit=Decimal(50))
    assert kind_of(medicine, on=TODAY) is Kind.NRA
    assert adendo_possible(medicine, on=TODAY)
    assert not adendo_possible(replace(medicine, mg_per_unit=Decimal(150)), on=TODAY)
    assert not adendo_possible(line("C1", adendo_by="person"), on=TODAY)


def test_an_adendo_holds_from_its_day_on() -> None:
    first = rule("prescriptions.adendo_doses", on=TODAY).valid_from
    medicine = line("A2", code="tramadol", adendo=True, adendo_by="dose", mg_per_unit=Decimal(50))
    assert kind_of(medicine, on=first) is Kind.RCE
    # Before it we know of none, and the list's own document is the stricter one.
    assert kind_of(medicine, on=first - DAY) is Kind.NRA


def test_only_the_reviewed_lists_have_adendos() -> None:
    for list_ in ("A3", "B2", "C1", "C2", "C5"):
        plain = kind_of(line(list_), on=TODAY)
        assert kind_of(line(list_, adendo=True, adendo_by="person"), on=TODAY) is plain


# --- Days on which the rules change ----------------------------------------------------------------------------------


def test_a_document_of_a_day_that_no_rule_is_attested_for_is_refused() -> None:
    first = rule("prescriptions.rce.validity", on=TODAY).valid_from
    assert validity(Kind.RCE, first)[0] == first + timedelta(days=30)
    with pytest.raises(NotInForce):
        validity(Kind.RCE, first - DAY)
    with pytest.raises(NotInForce):
        kind_of(line("C1"), on=first - DAY)


@pytest.mark.parametrize("code", ["electronic_needs_number", "electronic_notification_needs_number", "patient_id"])
def test_what_sncr_asks_holds_from_its_day_on(code: str) -> None:
    found = rule(f"prescriptions.sncr.{code}", on=TODAY)
    with pytest.raises(NotInForce):
        rule(f"prescriptions.sncr.{code}", on=found.valid_from - DAY)


# --- Doses, terms, who -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "most"),
    [("sibutramine", 15), ("anfepramone", 120), ("femproporex", 50), ("mazindol", 3), ("fentermine", 60)],
)
def test_anorexigens_have_a_daily_dose_that_no_justification_lifts(code: str, most: int) -> None:
    justified = doctor(justification="necessidade clínica")
    for mg in (Decimal(most) - Decimal("0.1"), Decimal(most)):
        assert problems(line("B2", code=code, mg_per_day=mg), justified) == []
    for wrong in (Decimal(most) + Decimal("0.1"), Decimal(10 * most), None):
        assert len(problems(line("B2", code=code, mg_per_day=wrong), justified)) == 1


@pytest.mark.parametrize("list_", ["B2", "C2"])
def test_a_term_must_have_been_signed(list_: str) -> None:
    assert problems(line(list_)) == []
    assert len(problems(line(list_), doctor(terms_given=False))) == 1
    # Topical retinoids ask for none.
    assert problems(line("C2", topical=True), doctor(terms_given=False)) == []


@pytest.mark.parametrize(
    ("list_", "lifted"),
    [("A1", True), ("A3", True), ("B1", True), ("C1", True), ("C2", True), ("B2", False)],
)
def test_a_justification_lifts_time_and_ampoules_where_it_may(list_: str, lifted: bool) -> None:
    long = line(list_, days=365)
    assert problems(long)
    assert (problems(long, doctor(justification="refratário")) == []) is lifted
    # It needs the diagnosis, too.
    assert problems(long, doctor(justification="refratário", cid=" "))


def test_a_justification_never_lifts_the_90_days_of_an_antimicrobial_nor_the_number_of_items() -> None:
    justified = doctor(justification="uso crônico")
    assert problems(line("ATM", days=91, **CONTINUOUS), justified)
    assert problems(line("C1"), justified, times=4)
    assert problems(line("ATM", days=30, continuous=True), justified) != []


def test_anabolics_ask_for_cpf_and_cid_and_are_not_for_looks() -> None:
    assert problems(line("C5")) == []
    assert len(problems(line("C5"), doctor(cpf=""))) == 1
    assert len(problems(line("C5"), doctor(cid=""))) == 1
    (found,) = problems(line("C5"), doctor(purpose=Purpose.AESTHETIC))
    assert "CFM 2.333/2023" in found
    # What is no anabolic may be for looks.
    assert problems(line("C2"), doctor(purpose=Purpose.AESTHETIC)) == []


@pytest.mark.parametrize("list_", ["A1", "A3", "B1", "B2", "C1", "C2", "C5"])
def test_controlled_medicines_are_for_doctors_and_for_dentists_at_teeth(list_: str) -> None:
    assert problems(line(list_)) == []
    assert problems(line(list_), doctor(council=CRO, purpose=Purpose.DENTAL)) == []
    assert problems(line(list_), doctor(council=CRO))
    for council in ("COREN", "CRF", "CRBM", "CREFITO", ""):
        everything = frozenset(Kind.values)
        assert problems(line(list_), doctor(council=council, other_councils=everything)), council


def test_other_councils_prescribe_what_the_clinic_opens_to_them() -> None:
    for list_, kind in (("", Kind.COMMON), ("ATM", Kind.RET_ANTIMICROBIAL)):
        assert problems(line(list_), doctor(council="COREN"))
        assert problems(line(list_), doctor(council="COREN", other_councils=frozenset({kind}))) == []
        assert problems(line(list_), doctor(council=CRO)) == []


# --- Mixes -----------------------------------------------------------------------------------------------------------


def test_a_mixed_prescription_splits_into_the_right_documents() -> None:
    mixed = [
        line("", key="dipirona"),
        line("C1", key="sertralina"),
        line("ATM", key="amoxicilina"),
        line("B1", key="clonazepam"),
        line("C1", key="pregabalina"),
        line("GLP1", key="semaglutida"),
        line("C2", key="isotretinoína"),
        line("C2", key="tretinoína creme", topical=True),
        line("B1", key="alprazolam"),
        line("C5", key="testosterona"),
        line("ATM", key="azitromicina"),
        line("F", key="cocaína"),
    ]
    documents, blocked = split(mixed, on=TODAY)
    assert [(document.kind, [held.key for held in document.lines]) for document in documents] == [
        (Kind.NRB, ["clonazepam"]),
        (Kind.NRB, ["alprazolam"]),
        (Kind.NRR, ["isotretinoína"]),
        (Kind.RCE, ["sertralina", "pregabalina", "tretinoína creme"]),
        (Kind.RCE, ["testosterona"]),
        (Kind.RET_ANTIMICROBIAL, ["amoxicilina", "azitromicina"]),
        (Kind.RET_GLP1, ["semaglutida"]),
        (Kind.COMMON, ["dipirona"]),
    ]
    assert [problem.key for problem in blocked] == ["cocaína"]


LINES = st.builds(
    Line,
    key=st.uuids(),
    name=st.just("Remédio"),
    code=st.sampled_from(["", "codeine", "tramadol", "sibutramine", "semaglutide"]),
    list=st.sampled_from(["", "A1", "A2", "A3", "B1", "B2", "C1", "C2", "C3", "C5", "D1", "E", "F", "ATM", "GLP1"]),
    topical=st.booleans(),
    adendo=st.booleans(),
    adendo_by=st.sampled_from(["", "dose", "person"]),
    mg_per_unit=st.none() | st.decimals(1, 500, places=1),
)


@given(st.lists(LINES, max_size=25))
def test_no_mix_makes_a_document_of_two_types(lines: list[Line]) -> None:
    documents, blocked = split(lines, on=TODAY)
    # Every line is on exactly one document, or blocked.
    placed = [held.key for document in documents for held in document.lines]
    assert sorted([*placed, *(problem.key for problem in blocked)]) == sorted(one.key for one in lines)
    for document in documents:
        assert document.lines
        assert {kind_of(held, on=TODAY) for held in document.lines} == {document.kind}
        assert not {held.list for held in document.lines} & {"E", "F", "C3"}
        if document.kind in NOTIFICATIONS:
            assert len(document.lines) == 1
        if document.kind is Kind.RCE:
            assert len(document.lines) <= 3
        if document.kind is Kind.COMMON:
            assert {held.list for held in document.lines} <= {"", "D1"}
        if document.kind is Kind.RET_ANTIMICROBIAL:
            assert {held.list for held in document.lines} == {"ATM"}
