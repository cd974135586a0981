"""What row security and the signed context cost a query, and how long searching takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet

from clinics.roles import Role
from neonpro.db import context
from patients.models import Patient
from patients.search import find
from tests.bench.load import COMMON_NAME, RARE_NAME, Team
from tests.bench.measure import Result, in_turn, not_measured, ratio, slow_tail, stopwatch, typical
from tests.bench.scale import Scale

GOAL = 1.3
PAGE = 50
SEARCH_GOAL_MS, SEARCH_TAIL_MS = 20, 100


def list_queries(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """The queries of a list page, with row security and without it."""
    for place, team in teams.items():
        newest = Patient.objects.order_by("-created_at", "id")
        last_page = min(50, team.patients // PAGE)
        for key, title, shape in (
            ("first_page", "first page", _page_of(1)),
            ("page_50", f"page {last_page}", _page_of(last_page)),
            ("count", "count", _count),
        ):
            yield _compare(
                scale, team, f"list_query.{key}.{place}", f"list query, {title}, {place} clinic", newest, shape
            )


Shape = Callable[["QuerySet[Patient]"], tuple[str, tuple[Any, ...]]]


def _page_of(number: int) -> Shape:
    return lambda patients: patients[(number - 1) * PAGE : number * PAGE].query.sql_with_params()


def _count(patients: "QuerySet[Patient]") -> tuple[str, tuple[Any, ...]]:
    sql, params = patients.order_by().query.sql_with_params()
    return f"SELECT count(*) FROM ({sql}) AS patients", params


def _compare(scale: Scale, team: Team, key: str, title: str, patients: "QuerySet[Patient]", shape: Shape) -> Result:
    rows: dict[str, list[tuple[Any, ...]]] = {}

    def take(side: str, alias: str, query: "QuerySet[Patient]") -> Callable[[], float]:
        sql, params = shape(query)

        def run() -> None:
            # The driver's time is in it on every side; making objects of the rows is not.
            with connections[alias].cursor() as cursor:
                cursor.execute(sql, params)
                rows[side] = cursor.fetchall()

        return lambda: stopwatch(run)

    filtered = patients.filter(clinic_id=team.clinic)
    with context.enter(team.users[Role.RECEPTION], team.clinic), transaction.atomic("unbound"):
        times = in_turn(
            {
                "row security": take("row security", "default", patients),
                "WHERE, no row security": take("WHERE, no row security", "unbound", filtered),
                "row security and WHERE": take("row security and WHERE", "default", filtered),
            },
            rounds=scale.rounds,
            seconds=scale.seconds,
        )
    if not rows["row security"] or len({repr(found) for found in rows.values()}) != 1:
        raise RuntimeError(f"{key}: the sides did not answer with the same rows.")
    result = ratio(
        key,
        title,
        times,
        "row security",
        "WHERE, no row security",
        limit=GOAL,
        work={side: len(found) for side, found in rows.items()},
    )
    both = ratio("", "", times, "row security and WHERE", "WHERE, no row security")
    result.sides.update(both.sides)
    return result


def entering(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """An empty context against a plain transaction with one statement."""
    team = teams["large"]
    roles: dict[str, str] = {}

    def enter() -> None:
        with context.enter(team.users[Role.RECEPTION], team.clinic) as opened:
            roles["context"] = opened.role

    def plain() -> None:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")

    times = in_turn(
        {"context": lambda: stopwatch(enter), "plain transaction": lambda: stopwatch(plain)},
        rounds=scale.rounds,
        seconds=scale.seconds,
    )
    yield ratio("context", "an empty context", times, "context", "plain transaction", work=dict(roles))


def searching(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """Finding patients in the large clinic."""
    team = teams["large"]
    with _inside(team):
        for key, title, term in (
            ("rare", "a rare word", RARE_NAME),
            ("two", "two words", f"{COMMON_NAME} Silva"),
            ("common", "the commonest name", COMMON_NAME),
            ("beginning", "three letters", COMMON_NAME[:3]),
        ):
            found: list[int] = []
            times = in_turn(
                {key: lambda term=term, found=found: stopwatch(lambda: found.append(len(find(term))))},  # type: ignore[misc]
                rounds=scale.rounds,
                seconds=scale.seconds,
            )
            if found[-1] == 0:
                yield not_measured(f"search.{key}", f"search: {title}", "nobody was found")
                continue
            work = {"found": found[-1], "of": team.patients}
            yield typical(f"search.{key}", f"search: {title}", times[key], limit=SEARCH_GOAL_MS, work=work)
            yield slow_tail(f"search.{key}.tail", f"search: {title}, tail", times[key], limit=SEARCH_TAIL_MS, work=work)


@contextmanager
def _inside(team: Team) -> Iterator[None]:
    with context.enter(team.users[Role.RECEPTION], team.clinic):
        yield
