"""Which rule held on a day, and what the files may not say (neonpro/rules/loader.py)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neonpro.rules import Book, BookInvalid, NotInForce, UncertainRule, UnknownRule, load, loader
from neonpro.rules.checks import check_rules

DAY = timedelta(days=1)
NEW_YEAR = date(2026, 1, 1)


def entry(code: str = "test.term", **keys: Any) -> str:
    """A `[[rule]]` in TOML; a key given as None is left out, others are TOML as they are."""
    given = {
        "value": "{ days = 15 }",
        "legal_ref": '{ norm = "Lei 1", article = "art. 2" }',
        "valid_from": "2026-01-01",
    }
    lines = [f'code = "{code}"', *(f"{key} = {value}" for key, value in (given | keys).items() if value is not None)]
    return "\n".join(["[[rule]]", *lines, ""])


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes files of rules, by subject, and gives their directory."""

    def write(**files: str) -> Path:
        for subject, text in files.items():
            (tmp_path / f"{subject}.toml").write_text(text, "utf-8")
        return tmp_path

    return write


def the_problem(directory: Path) -> tuple[str, str]:
    """The id and text of the one thing that is wrong."""
    with pytest.raises(BookInvalid) as caught:
        load(directory)
    (problem,) = caught.value.problems
    assert str(problem) in str(caught.value)
    return problem.id, str(problem)


def two_periods(write: Any) -> Book:
    return load(
        write(
            test=entry(value="{ days = 10 }", valid_to="2026-06-30")
            + entry(value="{ days = 20 }", valid_from="2026-07-01", valid_to="2026-12-31")
            + entry(value="{ days = 30 }", valid_from="2027-02-01", after_gap="true")
        )
    )


@pytest.mark.parametrize(
    ("on", "days"),
    [
        (date(2026, 1, 1), 10),
        (date(2026, 6, 30), 10),
        (date(2026, 7, 1), 20),
        (date(2026, 12, 31), 20),
        (date(2027, 2, 1), 30),
        (date(2999, 1, 1), 30),
    ],
)
def test_the_rule_of_a_day(write: Any, on: date, days: int) -> None:
    book = two_periods(write)
    found = book.rule("test.term", on=on)
    assert found.period.number == days
    assert found.held_on(on)
    assert book.rules("test", on=on) == (found,)


@pytest.mark.parametrize("on", [date(2025, 12, 31), date(2027, 1, 1), date(2027, 1, 31)])
def test_a_day_on_which_none_held(write: Any, on: date) -> None:
    book = two_periods(write)
    with pytest.raises(NotInForce, match=rf"test\.term held on {on}"):
        book.rule("test.term", on=on)
    assert book.rules("test", on=on) == ()


def test_before_what_the_source_attests_nothing_is_claimed(write: Any) -> None:
    book = load(write(test="attested_from = 2026-01-01\n" + entry() + entry("test.new", valid_from="2026-01-02")))
    assert book.rule("test.term", on=NEW_YEAR).began_earlier
    assert not book.rule("test.new", on=NEW_YEAR + DAY).began_earlier
    with pytest.raises(NotInForce, match="attested from 2026-01-01"):
        book.rule("test.term", on=NEW_YEAR - DAY)
    with pytest.raises(NotInForce, match="No rule"):
        book.rule("test.new", on=NEW_YEAR)


def test_an_unknown_code_or_subject(write: Any) -> None:
    book = load(write(test=entry()))
    with pytest.raises(UnknownRule, match=r"test\.tern"):
        book.rule("test.tern", on=NEW_YEAR)
    with pytest.raises(UnknownRule, match="tests"):
        book.rules("tests", on=NEW_YEAR)


def test_a_moment_is_no_day(write: Any) -> None:
    book = load(write(test=entry()))
    for on in (datetime(2026, 1, 1, tzinfo=UTC), None):
        with pytest.raises(TypeError, match="time zone"):
            book.rule("test.term", on=on)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="time zone"):
            book.rules("test", on=on)  # type: ignore[arg-type]


def test_an_uncertain_rule_wants_to_be_asked_for(write: Any) -> None:
    book = load(write(test=entry(certain="false", valid_to="2026-06-30") + entry(valid_from="2026-07-01")))
    with pytest.raises(UncertainRule, match=r"test\.term"):
        book.rule("test.term", on=date(2026, 6, 30))
    assert book.rules("test", on=date(2026, 6, 30)) == ()
    unsure = book.rule("test.term", on=date(2026, 6, 30), including_uncertain=True)
    assert not unsure.certain
    assert book.rules("test", on=date(2026, 6, 30), including_uncertain=True) == (unsure,)
    assert book.rule("test.term", on=date(2026, 7, 1)).certain


def test_a_rule_that_is_the_same_as_another_follows_it(write: Any) -> None:
    book = load(
        write(
            test=entry(value="{ days = 10 }", valid_to="2026-06-30")
            + entry(value="{ days = 20 }", valid_from="2026-07-01"),
            other=entry("other.term", value='{ same_as = "test.term" }', legal_ref='{ norm = "Lei 3" }'),
        )
    )
    assert book.rule("other.term", on=date(2026, 6, 30)).period.number == 10
    (found,) = book.rules("other", on=date(2026, 7, 1))
    assert (found.code, found.period.number, found.citation) == ("other.term", 20, "Lei 3")


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (entry("other.term", value='{ same_as = "test.tern" }'), "test.tern, which is no rule"),
        (entry("other.term", value='{ same_as = "test.unsure" }'), "certain and test.unsure is not"),
        (entry("other.term", value='{ same_as = "test.late" }'), "test.late does not hold on every day"),
        (entry("other.term", value='{ same_as = "test.ended" }'), "test.ended does not hold on every day"),
        (entry("other.term", value='{ same_as = "test.gap" }'), "test.gap does not hold on every day"),
        (entry("other.term", value='{ same_as = "test.same" }'), "itself the same as another"),
        (entry("other.term", value='{ same_as = "test.unsure" }', certain="false"), None),
        (entry("other.term", value='{ same_as = "test.ended" }', valid_to="2026-06-30"), None),
        (entry("other.term", value='{ same_as = "test.gap" }', valid_from="2026-03-01"), None),
    ],
)
def test_a_rule_can_only_follow_one_that_holds(write: Any, other: str, text: str | None) -> None:
    directory = write(
        test=entry()
        + entry("test.unsure", certain="false")
        + entry("test.late", valid_from="2026-01-02")
        + entry("test.ended", valid_to="2026-06-30")
        + entry("test.gap", valid_to="2026-01-31")
        + entry("test.gap", valid_from="2026-03-01", after_gap="true")
        + entry("test.same", value='{ same_as = "test.term" }'),
        other=other,
    )
    if text is None:
        load(directory)
    else:
        id, message = the_problem(directory)
        assert id == "rules.E005"
        assert message.startswith("other.toml: other.term: ")
        assert text in message


@pytest.mark.parametrize(
    ("keys", "id", "text"),
    [
        ({"value": None}, "rules.E002", "value missing"),
        ({"valid_from": None}, "rules.E002", "valid_from missing"),
        ({"legal_ref": None}, "rules.E002", "legal_ref missing"),
        ({"valid_form": "2026-01-01"}, "rules.E002", "unknown keys valid_form"),
        ({"valid_from": '"2026-01-01"'}, "rules.E002", "valid_from must be a day"),
        ({"valid_from": "2026-01-01T00:00:00"}, "rules.E002", "valid_from must be a day"),
        ({"valid_to": "true"}, "rules.E002", "valid_to must be a day"),
        ({"certain": "0"}, "rules.E002", "certain must be a bool"),
        ({"after_gap": '"yes"'}, "rules.E002", "after_gap must be a bool"),
        ({"note": "5"}, "rules.E002", "note must be a str"),
        ({"source": '"hearsay"'}, "rules.E002", "source is one of known, policy, read"),
        ({"legal_ref": '""'}, "rules.E002", "legal_ref is {"),
        ({"legal_ref": '"Lei 1"'}, "rules.E002", "legal_ref is {"),
        ({"legal_ref": "[]"}, "rules.E002", "legal_ref is empty"),
        ({"legal_ref": "{}"}, "rules.E002", "legal_ref is {"),
        ({"legal_ref": '{ norm = "" }'}, "rules.E002", "empty part"),
        ({"legal_ref": '{ norm = "Lei 1", article = " " }'}, "rules.E002", "empty part"),
        ({"legal_ref": '[{ norm = "Lei 1" }, { article = "art. 1" }]'}, "rules.E002", "legal_ref is {"),
        ({"legal_ref": '{ norm = "Lei 1", page = "3" }'}, "rules.E002", "legal_ref is {"),
        ({"value": "1.5"}, "rules.E003", "its value is wrong"),
        ({"value": "{ weeks = 2 }"}, "rules.E003", "its value is wrong"),
        ({"valid_to": "2025-12-31"}, "rules.E004", "valid_to 2025-12-31 is before valid_from 2026-01-01"),
        ({"after_gap": "true"}, "rules.E004", "no period comes before"),
    ],
    ids=str,
)
def test_a_rule_that_is_wrong_is_named(write: Any, keys: dict[str, Any], id: str, text: str) -> None:
    found, message = the_problem(write(test=entry(**keys)))
    assert found == id
    assert message.startswith("test.toml: test.term: ")
    assert text in message


@pytest.mark.parametrize("code", ["term", "other.term", "test.Term", "test.", "test..term", "test.a-b", ""])
def test_a_code_begins_with_its_subject(write: Any, code: str) -> None:
    id, message = the_problem(write(test=entry(code)))
    assert id == "rules.E002"
    assert message.startswith("test.toml: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[rule]", "not valid TOML"),
        ("", "needs at least one"),
        ("rule = []", "needs at least one"),
        ("rule = [5]", "needs at least one"),
        ("rule = 5", "needs at least one"),
        ("subject = 5\n" + entry(), "unknown keys subject"),
        ("attested_from = 5\n" + entry(), "attested_from must be a day"),
    ],
)
def test_a_file_that_is_wrong_is_named(write: Any, text: str, problem: str) -> None:
    id, message = the_problem(write(test=text))
    assert id == "rules.E001"
    assert message.startswith("test.toml: ")
    assert problem in message


def test_other_things_that_can_be_wrong_with_a_file(write: Any, tmp_path: Path) -> None:
    assert "no file of rules" in the_problem(tmp_path)[1]
    write(test=entry()).joinpath("other.toml").write_bytes(b"# \xff")
    assert "UTF-8" in the_problem(tmp_path)[1]
    (tmp_path / "other.toml").unlink()
    (tmp_path / "other.toml").mkdir()
    assert the_problem(tmp_path)[1].startswith("other.toml: it cannot be read")
    (tmp_path / "other.toml").rmdir()
    (tmp_path / "Big.toml").write_text(entry("Big.term"), "utf-8")
    with pytest.raises(BookInvalid, match=r"Big\.toml: a file is named for its subject"):
        load(tmp_path)


def test_a_code_is_in_one_file_only(write: Any) -> None:
    with pytest.raises(BookInvalid, match=r"other\.toml: test\.term: a code in this file starts with “other\.”"):
        load(write(test=entry(), other=entry("test.term", valid_from="2027-01-01")))


def test_everything_wrong_is_said_at_once(write: Any) -> None:
    with pytest.raises(BookInvalid) as caught:
        load(write(test=entry(value="{}") + entry("test.b", certain="1"), other="x = 5"))
    assert {problem.id for problem in caught.value.problems} == {"rules.E001", "rules.E002", "rules.E003"}
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("first_to", "second_from", "gap", "text"),
    [
        (None, "2026-07-01", False, "overlaps"),
        ("2026-07-01", "2026-07-01", False, "overlaps"),
        ("2026-06-30", "2026-07-01", False, None),
        ("2026-06-30", "2026-07-01", True, "follows at once"),
        ("2026-06-29", "2026-07-01", False, "nothing holds between 2026-06-29 and 2026-07-01"),
        ("2026-06-29", "2026-07-01", True, None),
        ("2026-12-31", "2026-01-01", False, "overlaps"),
    ],
)
def test_periods_follow_each_other(
    write: Any, first_to: str | None, second_from: str, gap: bool, text: str | None
) -> None:
    directory = write(
        test=entry(valid_to=first_to) + entry(valid_from=second_from, after_gap="true" if gap else None),
    )
    if text is None:
        load(directory)
    else:
        id, message = the_problem(directory)
        assert id == "rules.E004"
        assert text in message


def test_a_value_keeps_its_type_from_period_to_period(write: Any) -> None:
    id, message = the_problem(write(test=entry(valid_to="2026-06-30") + entry(value="15", valid_from="2026-07-01")))
    assert id == "rules.E003"
    assert "Period, int" in message or "int, Period" in message


def test_a_limit_may_come_and_go(write: Any) -> None:
    book = load(
        write(
            test=entry(value="3", valid_to="2026-06-30") + entry(value="{ unlimited = true }", valid_from="2026-07-01")
        )
    )
    assert book.rule("test.term", on=date(2026, 6, 30)).count == 3
    assert book.rule("test.term", on=date(2026, 7, 1)).unlimited


spans = st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 20))), min_size=1, max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(spans=spans)
def test_a_book_is_accepted_just_when_no_two_periods_overlap(write: Any, spans: list[tuple[int, int | None]]) -> None:
    """And then each day has the one rule whose period it is in, by counting day by day."""
    held: list[set[int]] = [set() for _ in range(90)]
    ordered = sorted(enumerate(spans), key=lambda item: item[1][0])
    parts, end = [], None
    for position, (number, (start, length)) in enumerate(ordered):
        last = 89 if length is None else start + length
        for day in range(start, last + 1):
            held[day].add(number)
        keys: dict[str, Any] = {"valid_from": NEW_YEAR + start * DAY, "value": f"{{ days = {number} }}"}
        if length is not None:
            keys["valid_to"] = NEW_YEAR + last * DAY
        if position and end is not None and start > end + 1:
            keys["after_gap"] = "true"
        end = last
        parts.append(entry(**keys))
    directory = write(test="".join(parts))
    if any(len(numbers) > 1 for numbers in held):
        with pytest.raises(BookInvalid, match="overlaps"):
            load(directory)
        return
    book = load(directory)
    for day, numbers in enumerate(held):
        on = NEW_YEAR + day * DAY
        if numbers:
            assert {book.rule("test.term", on=on).period.number} == numbers
        else:
            with pytest.raises(NotInForce):
                book.rule("test.term", on=on)


# --- Once a process, and the system check -----------------------------------------------------------------------


def test_the_files_are_read_once_by_however_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, together = [], threading.Barrier(16)

    def counted() -> Book:
        reads.append(1)
        return load()

    def ask(_: int) -> Book:
        together.wait(30)
        return loader.book()

    monkeypatch.setattr(loader, "_book", None)
    monkeypatch.setattr(loader, "load", counted)
    with ThreadPoolExecutor(16) as pool:
        books = list(pool.map(ask, range(16)))
    assert len(reads) == 1
    assert len({id(book) for book in books}) == 1


def test_the_system_check_names_file_and_code(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_rules() == []
    monkeypatch.setattr("neonpro.rules.checks.DIRECTORY", write(test=entry(value="{}") + entry("test.b", certain="1")))
    found = check_rules()
    assert [message.id for message in found] == ["rules.E003", "rules.E002"]
    assert "test.toml: test.term: " in found[0].msg
    assert all(message.hint for message in found)


def test_the_system_check_is_registered() -> None:
    from django.core.checks.registry import registry

    assert check_rules in registry.get_checks()
