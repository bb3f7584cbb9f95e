"""What the demo model does at a shop's support: it looks the order up, refunds where that is asked for, answers."""

import json
import re
from typing import Any

from workflows.llm.demo_prompt import Prompt

TOOLS = {"look_up_order", "issue_refund"}
ORDER = re.compile(r"\b[a-z]-?\d{3,}\b", re.IGNORECASE)
MONEY = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-])")
WANTS_MONEY = re.compile(r"\brefund|\bmoney back\b|\breimburs", re.IGNORECASE)


def at_the_desk(prompt: Prompt) -> tuple[str, dict[str, Any]] | str | None:
    """The tool to call and its arguments, or the answer. None where the tools are others than the support's."""
    if not _is_a_desk(prompt):
        return None
    said, done = prompt.last_user, _done(prompt)
    named = ORDER.search(said)
    if named is None:
        return "Which order is it about? Its number looks like A-1002."
    if "look_up_order" not in done:
        return "look_up_order", {"order_id": named.group()}
    order = _order(done["look_up_order"])
    if "error" in order:
        return str(order["error"])
    if "issue_refund" not in done and WANTS_MONEY.search(said):
        amount = MONEY.search(ORDER.sub("", said))
        return "issue_refund", {
            "customer": order.get("customer", "the customer"),
            "amount": float(amount.group()) if amount else order.get("total", 1.0),
            "reason": prompt.subject,
        }
    about = f"Order {order.get('order_id')} ({order.get('item')}): {order.get('state')}."
    return f"{about} {done.get('issue_refund', '')}".strip()


def _is_a_desk(prompt: Prompt) -> bool:
    """By the tools and their arguments: a conversation has some of the same names."""
    tools = {tool["name"]: (tool.get("parameters") or {}).get("properties", {}) for tool in prompt.tools}
    return tools.keys() >= TOOLS and "order_id" in tools["look_up_order"]


def _done(prompt: Prompt) -> dict[str, str]:
    """What each tool answered since the customer last wrote."""
    names: dict[Any, str] = {}
    order: list[str] = []
    for message in prompt.body["messages"]:
        if message["role"] == "user":
            order = []
        elif message["role"] == "tool":
            order.append(names.get(message.get("tool_call_id"), ""))
        for call in message.get("tool_calls") or []:
            names[call.get("id")] = call.get("function", {}).get("name", "")
    return dict(zip(order, prompt.tool_results, strict=True))


def _order(found: str) -> dict[str, Any]:
    try:
        order = json.loads(found)
    except ValueError:
        order = None
    return order if isinstance(order, dict) else {"error": f"The order could not be read: {found[:200]}"}
