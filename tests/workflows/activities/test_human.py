"""``ask``, ``settle`` and ``acknowledge`` called by name with plain JSON, as a workflow in any language does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from reviews.escalations import actions as escalations
from reviews.escalations.models import Escalation
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.workspaces import actions as workspaces
from tests.workflows.flows import CallByHand
from tests.workflows.world import Handle, World
from workflows.bridge.database import in_database

YES_NO = [
    {"verdict": "approve", "label": "Yes", "consequence": "does it"},
    {"verdict": "reject", "label": "No", "consequence": "does nothing"},
]


def a_question(**changes: Any) -> dict[str, Any]:
    return {
        "request_id": str(uuid.uuid4()),
        "title": "Do it?",
        "proposal": {"n": 1},
        "options": YES_NO,
    } | changes


async def call(handle: Handle, name: str, argument: Any) -> Any:
    return await handle.execute_update(CallByHand.call, args=[name, argument])


async def test_a_question_asked_settled_and_acknowledged_by_hand(world: World) -> None:
    handle = await world.start(CallByHand.run)
    asked = await call(handle, "ask", a_question())
    question = await world.question(handle)
    assert (asked["escalation_id"], asked["digest"]) == (str(question.id), question.digest)
    assert (asked["proposal"], asked["waiting_attribute"]) == ({"n": 1}, False)
    assert asked["url"].endswith(f"{question.id}/")
    decision = await world.decide(question, comment="Yes!")

    settled = await call(handle, "settle", {"escalation_id": asked["escalation_id"], "reason": "expired"})
    assert settled == {"state": "decided", "decision": await world.input_of(decision), "answer": None}
    given = {"escalation_id": asked["escalation_id"], "decision_id": str(decision.id), "outcome": "acted_on"}
    assert await call(handle, "acknowledge", given) == {"state": "acted_on"}
    late = await call(handle, "acknowledge", given | {"outcome": "refused", "reason": "changed my mind"})
    assert late == {"state": "acted_on"}, "a delivery never goes back"
    await world.tell_to(handle, "end")


async def test_the_same_request_id_asks_once_and_never_for_another_proposal(world: World) -> None:
    handle = await world.start(CallByHand.run)
    question = a_question()
    first, again = [await call(handle, "ask", question) for _ in range(2)]
    assert first == again
    changed = await call(handle, "ask", question | {"proposal": {"n": 2}})
    assert (changed["error"], changed["final"]) == ("ProposalChanged", True)
    assert [one.question["proposal"] for one in await world.questions(handle)] == [{"n": 1}]

    other = await world.start(CallByHand.run)
    assert (await call(other, "ask", question))["escalation_id"] != first["escalation_id"], (
        "ids are the workflow's own"
    )


async def test_nobody_settles_or_acknowledges_for_another_workflow(world: World) -> None:
    mine, other = [await world.start(CallByHand.run) for _ in range(2)]
    asked = await call(mine, "ask", a_question())
    question = await world.question(mine)
    decision = await world.decide(question)
    foreign = {"escalation_id": asked["escalation_id"]}
    settled = await call(other, "settle", foreign | {"reason": "withdrawn"})
    noted = await call(
        other, "acknowledge", foreign | {"decision_id": str(decision.id), "outcome": "refused"}
    )

    assert [(one["error"], one["final"]) for one in (settled, noted)] == [("UnknownEscalation", True)] * 2
    assert (await world.delivery(decision)).state == "recorded"


UNREADABLE: list[tuple[str, Any]] = [
    ("ask", None),
    ("ask", 5),
    ("ask", [a_question()]),
    ("ask", {}),
    ("ask", a_question(request_id=None)),
    ("ask", a_question(request_id=5)),
    ("ask", a_question(request_id="x" * 300)),
    ("ask", a_question(request_id="nul \x00")),
    ("ask", a_question(request_id="half \ud800")),
    ("ask", a_question(title=["Do it?"])),
    ("ask", a_question(options=5)),
    ("ask", a_question(options=["approve"])),
    ("ask", a_question(options=[{"verdict": ["approve"]}])),
    ("ask", a_question(options=[*YES_NO, YES_NO[0]])),
    ("ask", a_question(options=[{"verdict": "explode"}])),
    ("ask", a_question(policy="high")),
    ("ask", a_question(policy={"risk": {"of": "much"}})),
    ("ask", a_question(policy={"deadline": 5})),
    ("ask", a_question(policy={"deadline": "tomorrow"})),
    ("ask", a_question(policy={"deadline": "2026-13-45T00:00:00Z"})),
    ("ask", a_question(policy={"deadline": "2026-01-01T00:00:00"})),
    ("ask", a_question(evidence={"kind": "text"})),
    ("ask", a_question(evidence=[{"kind": "rumour"}])),
    ("ask", a_question(evidence=[{"kind": "json", "value": float("nan")}])),
    ("ask", a_question(proposal={"n": float("nan")})),
    ("ask", a_question(proposal={"n": 2**53 + 1})),
    ("ask", a_question(form={"type": "object", "properties": {"n": {"type": "string", "pattern": "("}}})),
    ("ask", a_question(form={"$ref": "https://example.invalid/schema"})),
    ("ask", a_question(form=[])),
    ("settle", "expired"),
    ("settle", {"escalation_id": None, "reason": "expired"}),
    ("acknowledge", {"escalation_id": [], "outcome": "acted_on"}),
    ("acknowledge", {"outcome": "ignored"}),
]


async def test_what_cannot_be_read_fails_at_once_and_says_why(world: World) -> None:
    handle = await world.start(CallByHand.run)
    for name, argument in UNREADABLE:
        answer = await call(handle, name, argument)
        assert answer.get("final") is True, f"{name} of {argument} answered {answer}"
        assert answer["error"] in ("InvalidProposal", "UnknownEscalation")
        assert answer["message"]
    assert await world.questions(handle) == []


async def test_an_answer_that_cannot_be_stored_is_final_too(world: World) -> None:
    handle = await world.start(CallByHand.run)
    asked = await call(handle, "ask", a_question())
    answer = {"text": float("nan"), "verdict": "respond"}
    settle = {"escalation_id": asked["escalation_id"], "reason": "answered_outside", "answer": answer}
    assert (await call(handle, "settle", settle)).get("final") is True
    assert (await world.question(handle)).is_pending
    settle["answer"] = {"text": "NUL \x00 \ud800", "verdict": "respond"}
    assert (await call(handle, "settle", settle))["answer"]["text"] == "NUL \ufffd \ufffd"


async def test_a_workspace_of_another_namespace_cannot_be_named(world: World, bob: Account) -> None:
    await in_database(lambda: workspaces.create_workspace("second", "Second", "default", owner=bob))
    await in_database(lambda: workspaces.create_workspace("abroad", "Abroad", "another", owner=bob))
    for slug in ("abroad", "nowhere", "nul \x00", 5):
        handle = await world.start(CallByHand.run)
        refused = await call(handle, "ask", a_question(workspace=slug))
        assert (refused["error"], refused["final"]) == ("UnknownWorkspace", True), slug

    handle = await world.start(CallByHand.run)
    await call(handle, "ask", a_question(workspace="second"))
    question = await in_database(Escalation.objects.select_related("workspace").get, workflow_id=handle.id)
    assert question.workspace.slug == "second"


async def test_a_forged_acknowledgement_does_not_swallow_a_decision(world: World) -> None:
    """A workflow was told a decision that nobody made here; who really decided must hear of it."""
    handle = await world.start(CallByHand.run)
    asked = await call(handle, "ask", a_question())
    decision = await world.decide(await world.question(handle))
    forged = {
        "escalation_id": asked["escalation_id"],
        "decision_id": str(uuid.uuid4()),
        "outcome": "acted_on",
    }
    await call(handle, "acknowledge", forged)

    message = await in_database(Message.objects.get, subject=decision.id)
    assert message.state == "pending", "it is sent, and the workflow then says that it was late"
    assert (await world.delivery(decision)).state == "recorded"


@pytest.mark.parametrize("outcome", ["acted_on", "refused"])
async def test_an_acknowledgement_is_written_once(world: World, outcome: str) -> None:
    handle = await world.start(CallByHand.run)
    asked = await call(handle, "ask", a_question())
    decision = await world.decide(await world.question(handle))
    given = {"escalation_id": asked["escalation_id"], "decision_id": str(decision.id), "outcome": outcome}
    for _ in range(2):
        assert await call(handle, "acknowledge", given | {"reason": "because \x00"}) == {"state": outcome}
    delivery = await world.delivery(decision, outcome)
    assert delivery.reason == "because \ufffd"
    assert (await in_database(escalations.human_input, decision))["decision_id"] == str(decision.id)
