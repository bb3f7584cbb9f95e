"""Row 7: the action ``decide`` alone by 8 writers, against bare four-insert transactions on the same database."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from bench.rows import Row
from tests.support.site import Site

WRITERS = 8
SECONDS = 2
SHARE = 0.25


def measure(site: Site) -> list[Row]:
    """Alternates floor and figure twice, each in a process of its own that speaks to the site's database.

    The bridge is frozen meanwhile: the action alone is measured, and not the courier that it wakes.
    """
    floors, figures = [], []
    site.kill("bridge", signal.SIGSTOP)
    try:
        for _ in range(2):
            floors.append(_run(site, "floor"))
            figures.append(_run(site, "decide"))
    finally:
        site.kill("bridge", signal.SIGCONT)
    floor, figure = max(floors), max(figures)
    what = f"decisions a second, {WRITERS} writers"
    return [Row("7", what, "/s", figure, SHARE * floor, f"{SHARE} × floor", floor, at_most=False)]


def _run(site: Site, what: str) -> float:
    command = [sys.executable, "-m", "bench.writers", what, str(WRITERS), str(SECONDS)]
    environment = site.env | {"DATABASE_URL": site.database}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["per_second"])
