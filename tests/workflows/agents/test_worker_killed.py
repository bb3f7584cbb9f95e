"""A worker that is killed in a long activity: the next one goes on behind the last piece that was done."""

from __future__ import annotations

from tests.workflows.agents.counting import in_flight
from tests.workflows.agents.families import child_of
from tests.workflows.agents.test_pipeline import pieces, pipeline
from tests.workflows.llm.conftest import Demo
from tests.workflows.worker_process import WorkerProcess
from tests.workflows.world import World


async def test_only_the_piece_in_flight_is_asked_for_again(
    quiet_world: World, demo: Demo, worker: WorkerProcess
) -> None:
    document = "".join(f"Customer {number}: 3 x crates @ 4.50 {'.' * 340}\n" for number in range(1, 9))
    demo.inject("slow", seconds=120, match="Piece 5 of 8")
    worker.start()
    handle = await pipeline(quiet_world, document)
    await in_flight(demo, "Piece 5")
    worker.replace()
    result = await handle.result()

    assert (result["extracted"]["rows"], result["extracted"]["pieces"]) == (8, 8)
    assert pieces(demo) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 1, 7: 1, 8: 1}
    await child_of(quiet_world, handle, "extract")
