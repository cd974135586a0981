"""`python -m tests.bench`: fill, measure, report. SCALE is small (the default) or full."""

import contextlib
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import house as bench_house
from tests.bench.report import table
from tests.bench.scale import SCALES, Scale

if TYPE_CHECKING:
    from tests.bench.measure import Result

REPORT = Path("bench.json")


def main() -> int:
    """Measure everything; the exit status says whether it could be measured, not whether the goals were met."""
    name = os.environ.get("SCALE") or "small"
    if name not in SCALES:
        print(f"SCALE={name}: choose one of {', '.join(SCALES)}.", file=sys.stderr)
        return 2
    scale = SCALES[name]
    began = time.monotonic()
    load_before = os.getloadavg()
    with bench_house.open_house() as house:
        bench_house.configure(house.server)
        import django

        django.setup()
        # Pages that answer 403 or 404 say so in their own line.
        logging.getLogger("django.request").setLevel(logging.CRITICAL)
        prepare(house, scale)
        results = []
        for result in measurements(house, scale):
            results.append(result)
            shown = f"{result.value:.3g} {result.unit}" if result.value is not None else result.reason
            print(f"{time.monotonic() - began:6.0f} s  {result.title}: {shown} {result.verdict}", file=sys.stderr)
        report = {
            "scale": scale.name,
            "clinics": scale.clinics,
            "patients": scale.patients,
            "appointments": scale.appointments,
            "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - began),
            "machine": {
                "cores": os.cpu_count(),
                "load_before": load_before,
                "load_after": os.getloadavg(),
                "python": platform.python_version(),
                "django": django.get_version(),
                "postgresql": _server_version(house),
            },
            "results": [result.as_json() for result in results],
        }
        _let_go()
    text = json.dumps(report, indent=2, ensure_ascii=False)
    REPORT.write_text(text + "\n", encoding="utf-8")
    print(text)
    sys.stdout.flush()
    print(f"\n{table(results)}\n\nScale {scale.name}, {report['seconds']} s; also in {REPORT}.", file=sys.stderr)
    return 0


def prepare(house: bench_house.House, scale: Scale) -> None:
    """Have a filled database, made now or kept from an earlier run, and a fresh copy of it to measure on."""
    from django.core.management import call_command
    from django.db import connections

    from tests.bench.load import fingerprint_of, load

    wanted = fingerprint_of(scale)
    default, owner = (connections[alias].settings_dict for alias in ("default", "owner"))
    default["NAME"] = bench_house.LOADED
    if bench_house.fingerprint(house) != wanted:
        bench_house.make_empty(house)
        call_command("migrate", verbosity=0)
        load(house, scale)
        bench_house.set_fingerprint(house, wanted)
    _let_go()
    bench_house.make_copy(house)
    # The copy has the keys of the run that filled it.
    default["NAME"] = owner["NAME"] = bench_house.MEASURED
    call_command("migrate", verbosity=0)
    connections["owner"].close()
    bench_house.make_plain(house)


def measurements(house: bench_house.House, scale: Scale) -> Iterator["Result"]:
    """Every measurement, one after the other."""
    from tests.bench.erasing import erasing
    from tests.bench.imports import importing
    from tests.bench.load import teams
    from tests.bench.pages import against_stock, pages
    from tests.bench.queries import entering, list_queries, searching
    from tests.bench.vault import many_patients, page_of_patients
    from tests.bench.writes import bulk_inserts, saves

    measured = teams(scale)
    yield from list_queries(scale, measured)
    yield from entering(scale, measured)
    yield from searching(scale, measured)
    yield from page_of_patients(scale, measured, house)
    yield from pages(scale, measured)
    yield from against_stock(scale, measured)
    yield from saves(scale, measured, house)
    yield from bulk_inserts(scale, measured, house)
    yield from many_patients(scale, measured)
    yield from importing(scale, measured)
    yield from erasing(scale, measured, house)


def _let_go() -> None:
    """End every connection, so that a database can be copied or the server stopped."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        with contextlib.suppress(AttributeError):
            connection.close_pool()  # type: ignore[attr-defined]


def _server_version(house: bench_house.House) -> str:
    with house.superuser() as connection:
        return connection.info.parameter_status("server_version") or ""


if __name__ == "__main__":
    sys.exit(main())
