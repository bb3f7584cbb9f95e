"""What a worker serves: agents, workflows and activities, in kits.

The kit without a name is what every worker has; others run in a worker of their own, with the extras that they
need (``manage.py worker --agents NAME``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import Plugin

from workflows.activities import (
    chat,
    delegation,
    files,
    human,
    pipeline,
    refund,
    registering,
    research,
    router,
)
from workflows.agents import billing as billing_agent
from workflows.agents import chat as chat_agent
from workflows.agents import delegation as delegation_agent
from workflows.agents import escalation as escalation_agent
from workflows.agents import extract as extract_stage
from workflows.agents import pipeline as pipeline_agent
from workflows.agents import refund as refund_agent
from workflows.agents import research as research_agent
from workflows.agents import router as router_agent
from workflows.agents import specialist as specialist_agent
from workflows.agents import technical as technical_agent
from workflows.agents import transform as transform_stage
from workflows.agents import validate as validate_stage
from workflows.contracts import AGENTS_QUEUE, AgentDescription


@dataclass(frozen=True)
class Kit:
    """``passthrough`` names the modules that a workflow's sandbox need not import anew; ``sandboxed`` says whether there
    is one (docs/decisions/0011). ``plugins`` are a framework's.
    """

    queue: str
    agents: Sequence[AgentDescription]
    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]
    sandboxed: bool = True
    passthrough: Sequence[str] = ()
    plugins: Sequence[Plugin] = ()


HUMAN_ACTIVITIES: Sequence[Callable[..., Any]] = (
    human.ask,
    human.settle,
    human.acknowledge,
    registering.register_agent,
)

STANDARD = Kit(
    queue=AGENTS_QUEUE,
    sandboxed=False,
    agents=(
        refund_agent.DESCRIPTION,
        escalation_agent.DESCRIPTION,
        research_agent.DESCRIPTION,
        router_agent.DESCRIPTION,
        billing_agent.DESCRIPTION,
        technical_agent.DESCRIPTION,
        delegation_agent.DESCRIPTION,
        pipeline_agent.DESCRIPTION,
        chat_agent.DESCRIPTION,
    ),
    workflows=(
        refund_agent.RefundAgent,
        escalation_agent.EscalationAgent,
        research_agent.ResearchAgent,
        router_agent.RouterAgent,
        billing_agent.BillingAgent,
        technical_agent.TechnicalAgent,
        delegation_agent.DelegationAgent,
        specialist_agent.SpecialistAgent,
        pipeline_agent.PipelineAgent,
        extract_stage.ExtractStage,
        validate_stage.ValidateStage,
        transform_stage.TransformStage,
        chat_agent.ChatAgent,
    ),
    activities=(
        chat.answer_message,
        chat.keep_turns,
        chat.load_snapshot,
        chat.look_up_order,
        chat.summarize_conversation,
        chat.write_snapshot,
        delegation.assign,
        delegation.carry_out_assignment,
        delegation.join_works,
        files.read_file,
        files.store_file,
        files.store_report,
        pipeline.extract_rows,
        refund.pay_refund,
        research.attempt_task,
        research.execute_research_task,
        research.generate_plan,
        research.synthesize_report,
        router.answer_billing,
        router.answer_technical,
        router.classify_message,
    ),
)


def kit(name: str) -> Kit:
    """``""`` is the standard one. Raises ``KeyError`` for a name that is unknown."""
    return KITS[name]()


# A framework takes seconds and 30 to 50 MB to import, so only the worker that serves it does.


def _pydantic() -> Kit:
    from pydantic_ai.durable_exec.temporal import PydanticAIPlugin

    from workflows.agents import support_pydantic as agent

    return _support(agent.DESCRIPTION, agent.PydanticSupportAgent, PydanticAIPlugin())


def _openai_agents() -> Kit:
    from workflows.activities.support_openai_agents import plugin
    from workflows.agents import support_openai_agents as agent

    return _support(agent.DESCRIPTION, agent.OpenAISupportAgent, plugin())


def _langgraph() -> Kit:
    from workflows.activities.support_langgraph import plugin
    from workflows.agents import support_langgraph as agent

    return _support(agent.DESCRIPTION, agent.LangGraphSupportAgent, plugin())


def _support(agent: AgentDescription, workflow: type, plugin: Plugin) -> Kit:
    from workflows.activities import support

    return Kit(
        queue=agent.queue,
        agents=(agent,),
        workflows=(workflow,),
        activities=(support.find_order, refund.pay_refund),
        # What the agent is made of is built once, and not for each run; it keeps nothing of a run.
        passthrough=("workflows.agents", "workflows.llm"),
        plugins=(plugin,),
    )


KITS: dict[str, Callable[[], Kit]] = {
    "": lambda: STANDARD,
    "langgraph": _langgraph,
    "openai-agents": _openai_agents,
    "pydantic": _pydantic,
}
