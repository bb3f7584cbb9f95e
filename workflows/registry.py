"""What a worker serves: agents, workflows and activities, in kits.

The kit without a name is what every worker has; others run in a worker of their own, with the extras that they
need (``manage.py worker --agents NAME``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.activities import chat, files, human, refund, research
from workflows.agents import chat as chat_agent
from workflows.agents import escalation as escalation_agent
from workflows.agents import refund as refund_agent
from workflows.agents import research as research_agent
from workflows.contracts import AGENTS_QUEUE, AgentDescription


@dataclass(frozen=True)
class Kit:
    """``passthrough`` names the modules that a workflow's sandbox need not import anew."""

    queue: str
    agents: Sequence[AgentDescription]
    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]
    passthrough: Sequence[str] = ()


HUMAN_ACTIVITIES: Sequence[Callable[..., Any]] = (human.ask, human.settle, human.acknowledge)

STANDARD = Kit(
    queue=AGENTS_QUEUE,
    agents=(
        refund_agent.DESCRIPTION,
        escalation_agent.DESCRIPTION,
        research_agent.DESCRIPTION,
        chat_agent.DESCRIPTION,
    ),
    workflows=(
        refund_agent.RefundAgent,
        escalation_agent.EscalationAgent,
        research_agent.ResearchAgent,
        chat_agent.ChatAgent,
    ),
    activities=(
        chat.answer_message,
        chat.keep_turns,
        chat.load_snapshot,
        chat.look_up_order,
        chat.summarize_conversation,
        chat.write_snapshot,
        files.store_report,
        refund.pay_refund,
        research.attempt_task,
        research.execute_research_task,
        research.generate_plan,
        research.synthesize_report,
    ),
)


def kit(name: str) -> Kit:
    """``""`` is the standard one. Raises ``KeyError`` for a name that is unknown."""
    return {"": STANDARD}[name]
