"""What the demo model does when it is given the tools of a shop's support."""

import json
from typing import Any

import pytest

from .conftest import Demo

ORDER = {"order_id": "A-1002", "customer": "Dora", "item": "desk lamp", "total": 42.5, "state": "broken"}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": fields}}}
    for name, fields in (("issue_refund", {}), ("look_up_order", {"order_id": {"type": "string"}}))
]


def talk(demo: Demo, request: str, *results: str) -> list[Any]:
    """Each thing that the model says, its tools answering with these results."""
    messages: list[Any] = [{"role": "user", "content": request}]
    said: list[Any] = []
    for result in [*results, None]:
        message = demo.ask("", messages=messages, tools=TOOLS)["choices"][0]["message"]
        if not message.get("tool_calls"):
            return [*said, message["content"]]
        [call] = message["tool_calls"]
        said.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
        messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": result}]
    raise AssertionError(f"it called more tools: {said}")


def test_it_looks_up_the_order_refunds_it_and_tells_what_was_decided(demo: Demo) -> None:
    said = talk(demo, "I want a refund for A-1002.", json.dumps(ORDER), "Nothing was paid: rejected.")

    assert said[0] == ("look_up_order", {"order_id": "A-1002"})
    assert said[1] == (
        "issue_refund",
        {"customer": "Dora", "amount": 42.5, "reason": "I want a refund for A-1002"},
    )
    assert said[2] == "Order A-1002 (desk lamp): broken. Nothing was paid: rejected."


def test_the_amount_is_what_the_customer_names(demo: Demo) -> None:
    said = talk(demo, "Refund 12.50 of order A-1002, please.", json.dumps(ORDER), "Paid 12.50.")

    assert said[1][1]["amount"] == 12.5


@pytest.mark.parametrize(
    ("request_", "results", "last"),
    [
        ("Where is A-1002?", [json.dumps(ORDER)], "Order A-1002 (desk lamp): broken."),
        ("Refund me!", [], "Which order is it about? Its number looks like A-1002."),
        ("Refund A-9999", ['{"error": "There is no order A-9999."}'], "There is no order A-9999."),
        ("Refund A-9999", ["[1"], "The order could not be read: [1"),
    ],
    ids=["no refund", "no order", "unknown order", "no JSON"],
)
def test_nothing_is_refunded_without_a_wish_and_an_order(
    demo: Demo, request_: str, results: list[str], last: str
) -> None:
    said = talk(demo, request_, *results)

    assert said[-1] == last
    assert "issue_refund" not in [step[0] for step in said]
