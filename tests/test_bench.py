"""`make bench` runs, says what it measured, and each side of a pair did the work it is compared for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.measure import Result, in_turn, percentile, ratio, slow_tail
from tests.bench.scale import SCALES

BASE = Path(__file__).resolve().parents[1]
TINY = SCALES["tiny"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What a run on a handful of rows wrote into bench.json, and onto the terminal."""
    directory = tmp_path_factory.mktemp("bench")
    # Nothing of this test run's own database and settings.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATABASE_", "NEONPRO_", "DJANGO_", "COVERAGE_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench"],
        cwd=directory,
        env=environment | {"SCALE": "tiny", "PYTHONPATH": str(BASE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert json.loads((directory / "bench.json").read_text(encoding="utf-8")) == report
    return report, done.stderr


@pytest.fixture(scope="module")
def results(run: tuple[dict[str, Any], str]) -> dict[str, dict[str, Any]]:
    """The measurements by their key."""
    report, _terminal = run
    return {result["key"]: result for result in report["results"]}


PAGES = ("dashboard", "dashboard_manager", "patients", "patient", "appointments", "appointment", "new_appointment",
         "audit_log")  # fmt: skip
KEYS = {
    *(f"list_query.{what}.{place}" for what in ("first_page", "page_50", "count") for place in ("large", "middle")),
    "context",
    *(f"search.{what}{tail}" for what in ("rare", "two", "common", "beginning") for tail in ("", ".tail")),
    "vault.page",
    "vault.bulk",
    "vault.bulk.ratio",
    *(f"page.{page}.{place}" for page in PAGES for place in ("large", "middle")),
    # The large clinic has too many professionals for one day's page.
    "page.agenda_day.middle",
    *(f"list_page.{what}.{other}" for what in ("patients", "appointments") for other in ("stock", "unfold")),
    *(f"save.{what}" for what in ("change_appointment", "add_appointment", "change_patient", "add_patient")),
    "bulk.appointments",
    "bulk.patients",
    "import.seconds",
    "import.memory",
    "erasure",
    "erasure.rows",
}


def test_every_measurement_is_in_the_report_and_was_taken(results: dict[str, dict[str, Any]]) -> None:
    assert set(results) == KEYS
    assert {key: result["reason"] for key, result in results.items() if result["verdict"] == "not measured"} == {}


def test_the_goals_are_those_of_the_issue(results: dict[str, dict[str, Any]]) -> None:
    goals = {"list_query": 1.3, "save": 1.3, "bulk": 2.0, "page": 100, "context": None}
    for key, result in results.items():
        kind = key.split(".")[0]
        if kind in goals:
            assert result["goal"] == goals[kind], key
    assert results["list_page.patients.stock"]["goal"] == 1.2
    for key, result in results.items():
        if key.startswith("search."):
            assert result["goal"] == (100 if key.endswith(".tail") else 20), key
    assert results["erasure"]["goal"] == 1000
    assert (results["vault.page"]["goal"], results["vault.bulk"]["goal"]) == (10, 0.5)
    assert (results["import.seconds"]["goal"], results["import.memory"]["goal"]) == (120, 500)


def test_a_line_of_the_table_names_value_goal_and_verdict(run: tuple[dict[str, Any], str]) -> None:
    report, terminal = run
    assert report["scale"] == "tiny"
    table = terminal[terminal.index("\nmeasurement ") :].splitlines()
    for result in report["results"]:
        (line,) = [line for line in table if line.startswith(result["title"] + "  ")]
        assert result["verdict"] in line
        if result["goal"] is not None:
            assert f"≤ {result['goal']:g}" in line


def test_both_sides_of_a_list_query_answer_with_as_many_rows(results: dict[str, dict[str, Any]]) -> None:
    for place in ("large", "middle"):
        for what, rows in (("first_page", 50), ("page_50", 50), ("count", 1)):
            work = results[f"list_query.{what}.{place}"]["work"]
            assert set(work.values()) == {rows}
            assert len(work) == 3


def test_only_the_side_with_the_audit_trigger_is_in_the_log(results: dict[str, dict[str, Any]]) -> None:
    for key, result in results.items():
        if key.startswith(("save.", "bulk.")):
            done, logged = result["work"]["transactions"], result["work"]["audit_rows"]
            assert done["audit trigger"] == done["no audit trigger"] > 0
            each = TINY.bulk_rows if key.startswith("bulk.") else 1
            assert logged == {"audit trigger": done["audit trigger"] * each, "no audit trigger": 0}, key


def test_the_lists_that_are_compared_show_the_same_rows(results: dict[str, dict[str, Any]]) -> None:
    for what in ("patients", "appointments"):
        work = results[f"list_page.{what}.stock"]["work"]
        assert work["same_rows"]
        assert set(work["rows"].values()) == {50}


def test_both_pages_showed_the_patients_and_one_is_in_the_log(results: dict[str, dict[str, Any]]) -> None:
    work = results["vault.page"]["work"]
    assert set(work["rows"].values()) == {50}
    assert work["audit_rows"]["plain columns"] == 0
    # Two rounds, and as many to warm up at least.
    assert work["audit_rows"]["encrypted"] >= 4
    assert results["vault.bulk"]["work"]["patients"] >= 4 * TINY.bulk_rows


def test_the_import_imported(results: dict[str, dict[str, Any]]) -> None:
    work = results["import.seconds"]["work"]
    assert work["appointments_added"] == work["rows"] == TINY.imported_rows
    assert results["import.memory"]["value"] > 20


def test_a_search_found_somebody(results: dict[str, dict[str, Any]]) -> None:
    for what in ("rare", "two", "common", "beginning"):
        assert results[f"search.{what}"]["work"]["found"] > 0


# Arithmetic, without a run


def test_the_sides_are_taken_in_turn_and_none_is_always_first() -> None:
    taken: list[str] = []

    def side(name: str) -> float:
        taken.append(name)
        return float(len(taken))

    times = in_turn({"a": lambda: side("a"), "b": lambda: side("b")}, rounds=4, seconds=0)
    # Three rounds of warming up are not among the times.
    assert "".join(taken) == "ababab" + "abbaabba"
    assert times == {"a": [7.0, 10.0, 11.0, 14.0], "b": [8.0, 9.0, 12.0, 13.0]}


def test_a_ratio_is_that_of_the_medians_and_its_spread_that_of_the_rounds() -> None:
    result = ratio("key", "title", {"a": [2.0, 4.0, 60.0], "b": [1.0, 2.0, 3.0]}, "a", "b", limit=2.0)
    assert result.value == 2.0
    assert result.spread == (2.0, 20.0)
    assert result.verdict == "met"
    assert ratio("key", "title", {"a": [3.0], "b": [1.0]}, "a", "b", limit=2.0).verdict == "not met"


def test_the_tail_is_the_95th_percentile_in_milliseconds() -> None:
    assert percentile(list(range(1, 101)), 95) == 95
    assert percentile([5.0], 95) == 5.0
    result = slow_tail("key", "title", [n / 1000 for n in range(1, 101)], limit=94)
    assert result.value == 95.0
    assert result.verdict == "not met"


def test_what_could_not_be_measured_is_neither_met_nor_not() -> None:
    assert Result(key="key", title="title", limit=1, reason="absent").verdict == "not measured"
    assert Result(key="key", title="title", value=1).verdict == ""


def test_the_full_scale_is_the_one_the_issue_names() -> None:
    full = SCALES["full"]
    assert (full.clinics, full.patients, full.bulk_rows, full.imported_rows) == (200, 1_000_000, 10_000, 88_540)
    assert sum(map(full.patients_of, range(full.clinics))) == full.patients
    assert full.patients_of(0) == 100_000
    assert full.rounds >= 15
