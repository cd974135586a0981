"""What was measured, for people and for programs."""

from collections.abc import Sequence

from tests.bench.measure import Result


def table(results: Sequence[Result]) -> str:
    """A table, one line a measurement; below it why lines are missing and how to read it."""
    head = ("measurement", "value", "goal", "verdict", "spread", "n", "medians (ms)")
    rows = [head, *(_row(result) for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    # The last column is as long as it is.
    lines = ["  ".join([*map(str.ljust, row[:-1], widths), row[-1]]).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([*lines, "", "spread: 10th to 90th percentile of the ratio of each round, or of the time."])


def _row(result: Result) -> tuple[str, ...]:
    if result.value is None:
        return (result.title, "-", _goal(result), result.verdict, "-", "-", result.reason)
    medians = "  ".join(f"{name} {side['median_ms']:.2f}".lstrip() for name, side in result.sides.items())
    digits = 2 if result.unit == "times" else 1
    spread = f"{result.spread[0]:.{digits}f}–{result.spread[1]:.{digits}f}" if result.spread else "-"
    value = f"{result.value:.{digits}f} {'×' if result.unit == 'times' else result.unit}"
    return (result.title, value, _goal(result), result.verdict, spread, str(result.rounds), medians)


def _goal(result: Result) -> str:
    return f"≤ {result.limit:g}" if result.limit is not None else ""
