"""``pipeline``: stages that tell each other by signal where in the workspace's files their input is."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from reviews.artifacts import actions as artifacts
from reviews.artifacts.models import Version
from reviews.workspaces import actions as workspaces
from tests.workflows.agents.families import child_of, closed, failure_of, json_of, status_of
from tests.workflows.agents.test_model_faults import calls
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World, until, working
from workflows.agents.pipeline import DESCRIPTION
from workflows.bridge.database import in_database
from workflows.contracts import AGENTS_QUEUE
from workflows.llm.calls import CORRECTION
from workflows.llm.client import close_clients
from workflows.stubs.pipeline import CLAIM_SIGNAL

ORDERS = DESCRIPTION.example["document"]
GOOD = "Northwind: 12 x euro pallets @ 8.40\nNorthwind: 2 x reels @ 0,30\nContoso: 5 x crates @ 3.95\n"
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def pipeline(agents: World, document: str = GOOD) -> Handle:
    return await agents.start_agent("pipeline", {"document": document})


async def claims(agents: World, stage: Handle) -> list[dict[str, Any]]:
    """What the stage was told, as it stands in its history."""
    found = []
    for event in await agents.events(stage, SIGNALED):
        attributes = event.workflow_execution_signaled_event_attributes
        assert attributes.signal_name == CLAIM_SIGNAL
        found += await agents.client.data_converter.decode(attributes.input.payloads)
    return found


async def test_each_stage_takes_from_the_files_what_the_one_before_names(agents: World) -> None:
    handle = await pipeline(agents)
    result = await handle.result()

    folder = f"pipeline/{handle.id}"
    assert result["extracted"]["rows"] == result["validated"]["rows"] == 3
    assert (result["validated"]["left_out"], result["transformed"]["total"]) == ([], "121.15")
    names = [("extract", "1-extracted"), ("validate", "2-validated"), ("transform", "3-transformed")]
    stages = {name: await child_of(agents, handle, name) for name, _ in names}
    stored = {name: (await stage.result())["file"] for name, stage in stages.items()}
    assert [stored[name]["path"] for name, _ in names] == [f"{folder}/{file}.json" for _, file in names]
    assert await claims(agents, stages["validate"]) == [stored["extract"]]
    assert await claims(agents, stages["transform"]) == [stored["validate"]]
    assert stored["extract"].keys() == {"version_id", "path", "version", "size"}, "no content in a signal"
    northwind, contoso = (await json_of(stored["transform"]["version_id"]))["customers"]
    assert (northwind["customer"], northwind["total"]) == ("Northwind", "101.40")
    assert contoso["lines"] == [{"item": "crates", "quantity": 5, "unit_price": "3.95", "amount": "19.75"}]


async def test_rows_go_to_people_while_no_worker_is_there(quiet_world: World, demo: Demo) -> None:
    world = quiet_world
    async with working(world, agents=True):
        handle = await pipeline(world, ORDERS)
        validate = await child_of(world, handle, "validate")
        await world.question(validate, number=2)
    # Between the stages, and between a question and its answer, nobody works.
    questions = {one.question["proposal"]["customer"]: one for one in await world.questions(validate)}
    reels = questions["Fabrikam"].question["proposal"]
    assert reels["quantity"] == "a dozen"
    wrong = await world.decide(questions["Fabrikam"], "edit", response=reels | {"quantity": "12 or so"})
    await world.deliver(validate, wrong)
    await world.deliver(validate, await world.decide(questions["Adatum"], "reject"))
    async with working(world, agents=True):
        again = await world.question(validate, number=3)
        assert "'12 or so' is no whole number" in again.question["description"]
        right = await world.decide(again, "edit", response=reels | {"quantity": "12"})
        await world.deliver(validate, right)
        result = await handle.result()
    await close_clients()

    assert (result["validated"]["rows"], result["validated"]["corrected"]) == (7, 1)
    assert result["validated"]["left_out"] == ["- Adatum: 5 pallet jacks at price to be agreed"]
    last = await json_of(result["transformed"]["file"]["version_id"])
    assert last["left_out"] == result["validated"]["left_out"]
    [fabrikam] = [one for one in last["customers"] if one["customer"] == "Fabrikam"]
    assert fabrikam["total"] == "210.00"
    for name in ("extract", "transform"):
        await child_of(world, handle, name)
    await world.replay()


async def test_claims_that_come_early_twice_late_or_from_nobody(quiet_world: World, demo: Demo) -> None:
    world = quiet_world
    stored = [await stored_rows(world, customer) for customer in ("Old", "New", "Late")]
    stage = await world.start(
        "validate", {"folder": "pipeline/by-hand", "then": None}, task_queue=AGENTS_QUEUE
    )
    for value in ("nonsense", {"version_id": 7}, claim(stored[1]), claim(stored[1]), claim(stored[0])):
        await stage.signal(CLAIM_SIGNAL, value)
    async with working(world, agents=True):
        question = await world.question(stage)
        await stage.signal(CLAIM_SIGNAL, claim(stored[2]))
        await world.deliver(stage, await world.decide(question, "reject"))
        assert (await stage.result())["left_out"] == ["New"], "the newest that came before the work began"
    await close_clients()
    await world.replay()


async def test_a_next_stage_that_is_not_there_yet_is_waited_for(agents: World) -> None:
    document = await stored_text(agents, GOOD.encode())
    then = f"{agents.queue}-validate"
    extraction = {"folder": "pipeline/by-hand", "document": claim(document), "then": then}
    extract = await agents.start("extract", extraction, task_queue=AGENTS_QUEUE)

    async def turned_away() -> bool:
        kind = EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED
        return bool(await agents.events(extract, kind))

    await until(turned_away, "the signal found nobody")
    stage = await agents.start(
        "validate", {"folder": "pipeline/by-hand", "then": None}, id=then, task_queue=AGENTS_QUEUE
    )
    assert (await stage.result())["rows"] == 3


async def test_a_claim_opens_no_door(agents: World) -> None:
    foreign = await in_database(foreign_version)
    large = await stored_rows(agents, "x" * 300_000)
    other = await stored_text(agents, b'{"rows": [{"customer": 7}]}')
    binary = await stored_text(agents, b"\xff\xfe")
    wanted = [
        (foreign, "UnknownFile"), (large, "FileTooLarge"), (other, "MalformedInput"), (binary, "NotText")
    ]  # fmt: skip
    for version, kind in wanted:
        stage = await agents.start("transform", {"folder": "pipeline/x"}, task_queue=AGENTS_QUEUE)
        await stage.signal(CLAIM_SIGNAL, claim(version))
        with pytest.raises(WorkflowFailureError) as failed:
            await stage.result()
        cause = failed.value.cause
        assert kind in (getattr(cause, "type", None), getattr(cause.__cause__, "type", None))


async def test_a_stage_that_fails_ends_those_that_would_wait_for_it(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, match="Piece 1 of 1")
    handle = await pipeline(agents)
    failure = await failure_of(handle)
    assert failure.type == "StageFailed"
    assert failure.message.startswith("The stage extract failed: The step extract_rows failed for good")

    for name in ("validate", "transform"):
        waited = await failure_of(await child_of(agents, handle, name))
        assert waited.type == "UpstreamEnded" and failure.message in waited.message


async def test_a_stage_that_is_ended_in_the_middle_ends_the_others(agents: World, demo: Demo) -> None:
    demo.inject("slow", seconds=60, match="Piece 1 of 1")
    handle = await pipeline(agents)
    stages = [await child_of(agents, handle, name) for name in ("extract", "validate", "transform")]
    await stages[1].terminate(reason="by hand")
    assert "The stage validate failed" in (await failure_of(handle)).message
    assert [await status_of(stage) for stage in stages] == ["CANCELED", "TERMINATED", "FAILED"]


async def test_canceled_it_ends_its_stages_first(agents: World, demo: Demo) -> None:
    handle = await pipeline(agents, ORDERS)
    stages = [await child_of(agents, handle, name) for name in ("extract", "validate", "transform")]
    question = await agents.question(stages[1])
    await handle.cancel()
    assert await closed(handle) == "CANCELED"
    assert (await agents.now(question)).state == "withdrawn"
    assert [await status_of(stage) for stage in stages] == ["COMPLETED", "CANCELED", "CANCELED"]


async def test_reset_to_its_beginning_it_ends_the_stages_that_were_left_at_work(agents: World) -> None:
    handle = await pipeline(agents, ORDERS)
    before = await child_of(agents, handle, "validate")
    await agents.question(before, number=2)
    first, *_ = await agents.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    again = await agents.reset(handle, first.event_id)

    await agents.question(before, number=4)
    assert await status_of(before) == "TERMINATED"
    validate = await child_of(agents, handle, "validate")
    for question in (await agents.questions(validate))[2:]:
        assert question.run.run_id == validate.run_id
        await agents.deliver(validate, await agents.decide(question, "reject"))
    result = await again.result()
    assert result["extracted"]["file"]["version"] == 2
    assert len(result["validated"]["left_out"]) == 2


async def test_reset_behind_it_waits_for_the_stages_that_are_at_work(agents: World) -> None:
    handle = await pipeline(agents, ORDERS)
    validate = await child_of(agents, handle, "validate")
    await agents.question(validate, number=2)
    *_, last = await agents.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    again = await agents.reset(handle, last.event_id)
    for question in await agents.questions(validate):
        await agents.deliver(validate, await agents.decide(question, "reject"))
    result = await again.result()
    assert result["extracted"]["file"]["version"] == 1


async def test_pieces_that_are_done_are_not_asked_again_after_a_failure(agents: World, demo: Demo) -> None:
    document = "".join(f"Customer {number}: 3 x crates @ 4.50 {'.' * 340}\n" for number in range(1, 5))
    demo.inject("malformed_json", match="Piece 2 of 4")
    demo.inject("rate_limit", match="Piece 3 of 4", retry_after=0.02)
    handle = await pipeline(agents, document)
    result = await handle.result()

    assert (result["extracted"]["rows"], result["extracted"]["pieces"]) == (4, 4)
    assert pieces(demo) == {1: 1, 2: 2, 3: 2, 4: 1}
    extract = await child_of(agents, handle, "extract")
    said = [call.messages[-1]["content"] for call in await calls(extract)]
    assert [number for number, text in enumerate(said, 1) if CORRECTION in text] == [3]


def pieces(demo: Demo) -> dict[int, int]:
    """How often the model was asked for each piece."""
    asked: dict[int, int] = {}
    for call in demo.stats()["calls"]:
        if call["prompt"].startswith("Piece "):
            number = int(call["prompt"].split()[1])
            asked[number] = asked.get(number, 0) + 1
    return asked


async def stored_rows(world: World, source: str) -> Version:
    row = f'{{"source": "{source}", "customer": "", "item": "", "quantity": "", "unit_price": ""}}'
    return await stored_text(world, f'{{"rows": [{row}]}}'.encode())


async def stored_text(world: World, content: bytes) -> Version:
    return await in_database(
        artifacts.write_version, world.workspace, "by-hand.json", content, media_type="application/json"
    )


def foreign_version() -> Version:
    from reviews.people.models import Account

    charlie = Account.objects.create_user("charlie", title="Charlie")
    abroad = workspaces.create_workspace("abroad", "Abroad", "default", owner=charlie)
    return artifacts.write_version(abroad, "secret.json", b"{}", media_type="application/json")


def claim(version: Version) -> dict[str, Any]:
    return {"version_id": str(version.id), "path": "by-hand.json", "version": version.number, "size": 1}
