"""``make bench``: each row's figure against a floor measured in the same run, and against its budget.

Prints a table and writes ``bench/results/latest.json``. At most 5 minutes; needs a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import decisions, delivery, histories, ingest, pages, start_up
from bench.rows import Row
from tests.support.site import Site

RESULTS = Path(__file__).parent / "results" / "latest.json"
BENCHES: dict[str, Callable[[Site], list[Row]]] = {
    "1": delivery.measure,
    "3": ingest.measure,
    "5": histories.measure,
    "10": start_up.measure,
    "7": decisions.measure,  # last: it leaves messages that no courier can carry
}


ON_REQUEST: dict[str, Callable[[], list[Row]]] = {"4": pages.measure}
"""Rows that are measured only when they are named, and without a site: their set-up takes minutes."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument(
        "rows",
        nargs="*",
        choices=[*BENCHES, *ON_REQUEST, []],
        help="rows of the budget; all but 4 when none is named",
    )
    names = parser.parse_args().rows or list(BENCHES)
    rows: list[Row] = []
    for name in [name for name in names if name in ON_REQUEST]:
        rows += _timed(name, ON_REQUEST[name])
    if on_site := [name for name in names if name in BENCHES]:
        rows += _on_site(on_site)
    _show(rows)
    _keep(rows)
    return 0


def _on_site(names: list[str]) -> list[Row]:
    site = Site()
    try:
        site.start()
        return [row for name in names for row in _timed(name, partial(BENCHES[name], site))]
    finally:
        site.close()


def _timed(name: str, bench: Callable[[], list[Row]]) -> list[Row]:
    began = time.monotonic()
    print(f"bench: row {name} …", flush=True)
    rows = bench()
    print(f"bench: row {name} took {time.monotonic() - began:.0f} s", flush=True)
    return rows


def _show(rows: list[Row]) -> None:
    print(f"\n{'row':<4}{'what':<44}{'floor':>12}{'figure':>12}{'ratio':>8}  budget")
    for row in rows:
        floor = f"{row.floor:.2f} {row.unit}" if row.floor is not None else "–"
        ratio = f"{row.figure / row.floor:.2f}" if row.floor else "–"
        print(
            f"{row.number:<4}{row.what:<44}{floor:>12}{f'{row.figure:.2f} {row.unit}':>12}{ratio:>8}  {row.verdict}"
        )


def _keep(rows: list[Row]) -> None:
    kept = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "rows": [row.as_json() for row in rows],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
