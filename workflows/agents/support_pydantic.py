"""``support-pydantic``: a Pydantic AI agent whose model calls are activities (its ``TemporalDurability``)."""

from __future__ import annotations

from typing import Any

from pydantic_ai import Agent, Tool
from pydantic_ai.durable_exec.temporal import TemporalDurability
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from temporalio import workflow
from temporalio.workflow import ActivityConfig

from workflows.agents.support import INSTRUCTIONS, TOOLS, Support, SupportInput, describe
from workflows.contracts import HEARTBEAT, MODEL_CALL, MODEL_RETRY
from workflows.llm.recorded import model_name, recorded_client

DESCRIPTION = describe("pydantic", "Pydantic AI")

agent = Agent(
    OpenAIChatModel(
        model_name(),
        provider=OpenAIProvider(
            openai_client=recorded_client("support", timeout=MODEL_CALL.total_seconds() - 2)
        ),
    ),
    name="support",
    instructions=INSTRUCTIONS,
    # False: not as an activity, but in the workflow, where people can be asked.
    tools=[Tool(tool, metadata={"temporal": False}) for tool in TOOLS],
    capabilities=[
        TemporalDurability(
            activity_config=ActivityConfig(start_to_close_timeout=MODEL_CALL, retry_policy=MODEL_RETRY),
            model_activity_config=ActivityConfig(heartbeat_timeout=HEARTBEAT),
        )
    ],
)


@workflow.defn(name=DESCRIPTION.workflow_type)
class PydanticSupportAgent(Support):
    __pydantic_ai_agents__ = (agent,)

    @workflow.run
    async def run(self, request: SupportInput) -> dict[str, Any]:
        self.request = request.request
        try:
            done = await agent.run(self.request)
            return {"answer": done.output}
        finally:
            await self.finish()
