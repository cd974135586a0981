"""Taking times in turn, and saying what they amount to."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Take = Callable[[], float]
"""Does the work once and answers with the seconds that count (preparing and tidying up do not)."""

WARM_UP = 3
MOST_ROUNDS = 400


def stopwatch(work: Callable[[], object]) -> float:
    """The seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(sides: Mapping[str, Take], *, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Take each side in turn, at least `rounds` times and for about `seconds`, after warming up.

    Whatever else the machine does meanwhile, it does to every side. The order turns with each round, so that no side
    always comes after the same other one.
    """
    names = list(sides)
    for _ in range(min(WARM_UP, rounds)):
        for name in names:
            sides[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    # A collection of garbage would fall on whichever side happens to run.
    gc.collect()
    gc.disable()
    try:
        deadline = time.monotonic() + seconds
        taken = 0
        while taken < rounds or (time.monotonic() < deadline and taken < MOST_ROUNDS):
            for name in names[taken % len(names) :] + names[: taken % len(names)]:
                times[name].append(sides[name]())
            taken += 1
            if taken % 20 == 0:
                gc.collect()
    finally:
        gc.enable()
    return times


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (the nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


@dataclass(frozen=True)
class Result:
    """One line of the report.

    `value` is what the goal speaks of; `work` is proof that each side did what it was timed for.
    """

    key: str
    title: str
    unit: str = ""
    value: float | None = None
    limit: float | None = None
    sides: dict[str, dict[str, float]] = field(default_factory=dict)
    spread: tuple[float, float] | None = None
    """The 10th and 90th percentile of the ratio of each round, or of the time of each take."""
    rounds: int = 0
    work: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    """Why it was not measured."""

    @property
    def verdict(self) -> str:
        """Whether the goal was met: "met", "not met", "not measured"; "" where there is no goal."""
        if self.value is None:
            return "not measured"
        if self.limit is None:
            return ""
        return "met" if self.value <= self.limit else "not met"

    def as_json(self) -> dict[str, Any]:
        """What bench.json says of it."""
        return {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "value": _rounded(self.value),
            "goal": self.limit,
            "verdict": self.verdict,
            "sides": {name: {key: _rounded(value) for key, value in side.items()} for name, side in self.sides.items()},
            "spread_p10_p90": [_rounded(value) for value in self.spread] if self.spread else None,
            "rounds": self.rounds,
            "work": self.work,
            "reason": self.reason,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _describe(times: Sequence[float]) -> dict[str, float]:
    return {"median_ms": statistics.median(times) * 1000, "p95_ms": percentile(times, 95) * 1000}


def ratio(
    key: str,
    title: str,
    times: Mapping[str, list[float]],
    of: str,
    to: str,
    *,
    limit: float | None = None,
    work: dict[str, Any] | None = None,
) -> Result:
    """How many times longer `of` takes than `to`: the ratio of their medians."""
    each_round = [a / b for a, b in zip(times[of], times[to], strict=True)]
    return Result(
        key=key,
        title=title,
        unit="times",
        value=statistics.median(times[of]) / statistics.median(times[to]),
        limit=limit,
        sides={of: _describe(times[of]), to: _describe(times[to])},
        spread=(percentile(each_round, 10), percentile(each_round, 90)),
        rounds=len(each_round),
        work=work or {},
    )


def more(
    key: str, title: str, times: Mapping[str, list[float]], of: str, than: str, *, limit: float | None = None,
    work: dict[str, Any] | None = None,
) -> Result:  # fmt: skip
    """How many milliseconds longer `of` takes than `than`: the difference of their medians."""
    each_round = [(a - b) * 1000 for a, b in zip(times[of], times[than], strict=True)]
    return Result(
        key=key,
        title=title,
        unit="ms more",
        value=(statistics.median(times[of]) - statistics.median(times[than])) * 1000,
        limit=limit,
        sides={of: _describe(times[of]), than: _describe(times[than])},
        spread=(percentile(each_round, 10), percentile(each_round, 90)),
        rounds=len(each_round),
        work=work or {},
    )


def typical(
    key: str, title: str, times: list[float], *, limit: float | None = None, work: dict[str, Any] | None = None
) -> Result:
    """The time that half of the takes stay below, in milliseconds."""
    return Result(
        key=key,
        title=title,
        unit="ms p50",
        value=statistics.median(times) * 1000,
        limit=limit,
        sides={"": _describe(times)},
        spread=(percentile(times, 10) * 1000, percentile(times, 90) * 1000),
        rounds=len(times),
        work=work or {},
    )


def slow_tail(
    key: str, title: str, times: list[float], *, limit: float | None = None, work: dict[str, Any] | None = None
) -> Result:
    """The time that 95 of 100 takes stay below, in milliseconds."""
    return Result(
        key=key,
        title=title,
        unit="ms p95",
        value=percentile(times, 95) * 1000,
        limit=limit,
        sides={"": _describe(times)},
        spread=(percentile(times, 10) * 1000, percentile(times, 90) * 1000),
        rounds=len(times),
        work=work or {},
    )


def not_measured(key: str, title: str, reason: str, *, limit: float | None = None, unit: str = "") -> Result:
    """A line for what could not be measured, and why."""
    return Result(key=key, title=title, reason=reason, limit=limit, unit=unit)
