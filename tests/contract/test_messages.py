"""The messages in docs/contract/ are those of the code."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from temporalio.converter import DataConverter

from reviews.escalations import actions
from reviews.escalations.models import Decision, DeliveryState, Escalation, EscalationState, Verdict
from reviews.escalations.proposal import (
    EVIDENCE_KINDS,
    ON_DEADLINE,
    RISKS,
    InvalidProposal,
    canonical,
    digest_of,
    document_of,
)
from reviews.people.models import Account
from reviews.runs.registering import REQUEST
from tests.contract.files import MESSAGES, example_of, faults, schema_of
from workflows import contracts

DATACLASSES: dict[str, type] = {
    "ask": contracts.AskRequest,
    "asked": contracts.Asked,
    "settle": contracts.SettleRequest,
    "settled": contracts.Settled,
    "outside_answer": contracts.OutsideAnswer,
    "acknowledge": contracts.AcknowledgeRequest,
    "acknowledged": contracts.Acknowledged,
    "register_agent": contracts.RegisterAgentRequest,
    "registered_agent": contracts.RegisteredAgent,
    "human_input": contracts.HumanInput,
    "option": contracts.Option,
    "evidence": contracts.Evidence,
    "policy": contracts.Policy,
}
DEEP: list[Any] = functools.reduce(lambda inner, _: [inner], range(2000), [])
REST_ONLY = {"form", "step", "event"}


def _through_temporal(value: Any, kind: type) -> Any:
    async def travel() -> Any:
        payloads = await DataConverter.default.encode([value])
        return (await DataConverter.default.decode(payloads, [kind]))[0]

    return asyncio.run(travel())


def test_every_message_has_its_place_here() -> None:
    assert set(MESSAGES) == DATACLASSES.keys() | REST_ONLY


@pytest.mark.parametrize("message", MESSAGES)
def test_a_schema_is_one_and_takes_its_example(message: str) -> None:
    Draft202012Validator.check_schema(schema_of(message))
    assert faults(example_of(message), message) == []


@pytest.mark.parametrize("message", DATACLASSES)
def test_a_message_has_the_fields_of_its_dataclass(message: str) -> None:
    fields = dataclasses.fields(DATACLASSES[message])
    schema = schema_of(message)

    assert schema["properties"].keys() == {field.name for field in fields}
    without_default = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert sorted(schema["required"]) == sorted(without_default)


@pytest.mark.parametrize("message", DATACLASSES)
def test_an_example_survives_the_way_through_temporal(message: str) -> None:
    example = example_of(message)
    received = _through_temporal(example, DATACLASSES[message])
    sent = _through_temporal(received, dict)

    assert isinstance(received, DATACLASSES[message])
    assert faults(sent, message) == []
    assert sent == example


@pytest.mark.parametrize("message", DATACLASSES)
def test_the_least_that_is_needed_becomes_a_whole_message(message: str) -> None:
    required = schema_of(message)["required"]
    least = {name: value for name, value in example_of(message).items() if name in required}
    sent = _through_temporal(_through_temporal(least, DATACLASSES[message]), dict)

    assert faults(least, message) == faults(sent, message) == []
    assert sent.keys() == schema_of(message)["properties"].keys()


def test_the_examples_tell_one_story() -> None:
    document = document_of(example_of("ask"))

    assert (
        example_of("asked")["digest"] == digest_of(canonical(document)) == example_of("human_input")["digest"]
    )
    assert document["proposal"] == example_of("asked")["proposal"]
    assert document == {name: value for name, value in example_of("ask").items() if name in document}


def test_the_choices_are_those_of_the_product() -> None:
    assert schema_of("option")["properties"]["verdict"]["enum"] == Verdict.values
    assert schema_of("human_input")["properties"]["verdict"]["enum"] == Verdict.values
    assert schema_of("evidence")["properties"]["kind"]["enum"] == list(EVIDENCE_KINDS)
    assert schema_of("policy")["properties"]["risk"]["enum"] == list(RISKS)
    assert schema_of("policy")["properties"]["on_deadline"]["enum"] == list(ON_DEADLINE)
    assert (
        schema_of("acknowledged")["properties"]["state"]["enum"]
        == DeliveryState.values + EscalationState.values
    )
    assert {*schema_of("settled")["properties"]["state"]["enum"], "pending"} == set(EscalationState.values)


def test_an_agent_is_held_against_the_schema_that_is_published() -> None:
    published = schema_of("register_agent")
    said = {name: {**field} for name, field in published["properties"].items()}
    for field in said.values():
        field.pop("description")
        field.pop("default", None)
    assert (said, published["required"]) == (REQUEST["properties"], REQUEST["required"])


@pytest.mark.parametrize("comment", ["", "\u202eevil\u0000"])
def test_a_signals_argument_fits(comment: str) -> None:
    reviewer = Account(name="grace", title="Grace Hopper")
    escalation = Escalation()
    decision = Decision(
        escalation=escalation, by=reviewer, verdict="approve", comment=comment, digest="0" * 64
    )
    argument = actions.human_input(decision)

    assert faults(argument, "human_input") == []
    assert _through_temporal(argument, contracts.HumanInput).reviewer.name == "Grace Hopper"


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("ask", {"title": " "}),
        ("ask", {"options": []}),
        ("ask", {"form": {"type": "nonsense"}}),
        ("ask", {"proposals": {}}),
        ("policy", {"deadline": "tomorrow"}),
        ("settle", {"reason": "boredom"}),
        ("human_input", {"digest": "abc"}),
        ("event", {"id": 0}),
    ],
)
def test_a_schema_refuses_what_is_wrong(message: str, change: dict[str, Any]) -> None:
    assert faults(example_of(message) | change, message)


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": None},
        {"request_id": 5},
        {"request_id": ""},
        {"request_id": "x" * 256},
        {"request_id": "a\x00"},
        {"title": None},
        {"title": ["?"]},
        {"description": {"a": 1}},
        {"proposal": [1]},
        {"before": "now"},
        {"options": 5},
        {"options": {"verdict": "approve"}},
        {"options": ["approve"]},
        {"options": [{"verdict": ["approve"]}]},
        {"options": [{"verdict": "approve"}, {"verdict": "approve"}]},
        {"evidence": 5},
        {"evidence": [{"kind": []}]},
        {"policy": 5},
        {"policy": ["low"]},
        {"policy": {"risk": ["low"]}},
        {"policy": {"starter_may_decide": "no"}},
        {"policy": {"deadline": 5}},
        {"form": {"type": 5}},
        {"form": {"$ref": "#"}},
        {"proposal": {"deep": DEEP}, "form": None, "options": [{"verdict": "approve"}]},
    ],
)
def test_what_is_no_ask_is_refused_for_good(change: dict[str, Any]) -> None:
    """Any other error would be tried again for ever."""
    with pytest.raises(InvalidProposal):
        canonical(document_of(example_of("ask") | change))
