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
from typing import Any

from bench import agents, decisions, delivery, histories, ingest, live, pages, start_up
from bench.rows import Row
from tests.support.site import Site

RESULTS = Path(__file__).parent / "results" / "latest.json"
BENCHES: dict[str, Callable[[Site], list[Row]]] = {
    "1": delivery.measure,
    "2": live.between_browsers,
    "6": live.sockets,
    "9": live.scripts,
    "3": ingest.measure,
    "5": histories.measure,
    "10": start_up.measure,
    "agents": agents.measure,
    "7": decisions.measure,  # last: it leaves messages that no courier can carry
}
WITHOUT_SITE: dict[str, Callable[[], list[Row]]] = {"4": pages.measure}
AT_ONCE = ("1", "10", "7")
"""What is measured when no row is named. The set-up of the others takes minutes."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument(
        "rows",
        nargs="*",
        choices=[*BENCHES, *WITHOUT_SITE, []],
        help=f"rows of the budget; {', '.join(AT_ONCE)} when none is named",
    )
    names = parser.parse_args().rows or list(AT_ONCE)
    rows: list[Row] = []
    for name in [name for name in names if name in WITHOUT_SITE]:
        rows += _timed(name, WITHOUT_SITE[name])
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
    """Beside the last figures of the rows that were not measured now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    numbers = {row.number for row in rows}
    others = [row for row in _kept() if row["number"] not in numbers]
    new = [{"measured_at": now, "python": platform.python_version(), **row.as_json()} for row in rows]
    every = sorted([*others, *new], key=lambda row: (not row["number"].isdigit(), row["number"].zfill(3)))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": every}, indent=2) + "\n")


def _kept() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(RESULTS.read_text())["rows"]
    return rows


if __name__ == "__main__":
    sys.exit(main())
