"""A worker that is killed in a long activity: the next one goes on behind the last piece that was done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentsite.child import die_with_parent
from agentsite.home import ROOT
from tests.workflows.agents.families import child_of
from tests.workflows.agents.test_pipeline import pieces, pipeline
from tests.workflows.bridge.conftest import database_url
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import World, until

StartWorker = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_worker(quiet_world: World, demo: Demo, tmp_path: Path) -> Iterator[StartWorker]:
    """``manage.py worker`` on the test's database, server and model; ``quiet_world`` has set the server's address."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker-{len(started)}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": database_url()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


async def test_only_the_piece_in_flight_is_asked_for_again(
    quiet_world: World, demo: Demo, start_worker: StartWorker
) -> None:
    document = "".join(f"Customer {number}: 3 x crates @ 4.50 {'.' * 340}\n" for number in range(1, 9))
    demo.inject("slow", seconds=120, match="Piece 5 of 8")
    first = start_worker()
    handle = await pipeline(quiet_world, document)

    async def in_flight() -> bool:
        return any(
            call["outcome"] == "in_flight" and call["prompt"].startswith("Piece 5")
            for call in demo.stats()["calls"]
        )

    await until(in_flight, "the fifth piece is asked for", 60)
    first.kill()
    first.wait()
    start_worker()
    result = await handle.result()

    assert (result["extracted"]["rows"], result["extracted"]["pieces"]) == (8, 8)
    assert pieces(demo) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 1, 7: 1, 8: 1}
    await child_of(quiet_world, handle, "extract")
    await quiet_world.replay()
