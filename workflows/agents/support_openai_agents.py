"""``support-openai-agents``: an agent of the OpenAI Agents SDK; Temporal's plugin makes its model calls activities."""

from __future__ import annotations

from typing import Any

from agents import Agent, AgentsException, RunConfig, Runner, function_tool
from temporalio import workflow

from workflows.agents.support import INSTRUCTIONS, TOOLS, Support, SupportInput, describe
from workflows.llm.recorded import model_name

DESCRIPTION = describe("openai-agents", "OpenAI Agents SDK")

agent = Agent[None](
    name="Support",
    instructions=INSTRUCTIONS,
    model=model_name(),
    # None: an error ends the run; by default the SDK would tell the model of it, and go on.
    tools=[function_tool(tool, failure_error_function=None) for tool in TOOLS],
)


# A model that goes in circles, or calls a tool with nonsense, fails the run, and not its task for ever.
@workflow.defn(name=DESCRIPTION.workflow_type, failure_exception_types=[AgentsException])
class OpenAISupportAgent(Support):
    @workflow.run
    async def run(self, request: SupportInput) -> dict[str, Any]:
        self.request = request.request
        try:
            done = await Runner.run(agent, self.request, run_config=RunConfig(tracing_disabled=True))
            return {"answer": done.final_output}
        finally:
            await self.finish()
