"""Row 10: the second start of ``make up``, and what all its processes cost when nothing happens."""

from __future__ import annotations

import time

import psutil

from bench.rows import Row
from tests.support.site import Site

SETTLE = 10
"""Seconds after the start in which things may still warm up."""
WATCH = 30


def measure(site: Site) -> list[Row]:
    site.stop()
    began = time.monotonic()
    site.start()
    ready = time.monotonic() - began
    time.sleep(SETTLE)
    processes = _tree(site)
    before = {process.pid: sum(process.cpu_times()[:2]) for process in processes}
    time.sleep(WATCH)
    spent = sum(sum(process.cpu_times()[:2]) - before[process.pid] for process in processes)
    memory = sum(process.memory_full_info().pss for process in processes) / 1e6
    return [
        Row("10", "second start until ready", "s", ready, 5, "≤ 5 s"),
        Row("10", "memory of all processes, idle (PSS)", "MB", memory, 800, "≤ 800 MB"),
        Row("10", "CPU of all processes, idle", "%", 100 * spent / WATCH, 3, "≤ 3 % of a core"),
    ]


def _tree(site: Site) -> list[psutil.Process]:
    assert site.process is not None
    up = psutil.Process(site.process.pid)
    return [up, *up.children(recursive=True)]
