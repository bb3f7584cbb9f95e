"""``support-langgraph``: a graph of two nodes; the model's is an activity, the tools' runs in the workflow."""

from __future__ import annotations

import json
import operator
from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool
from langgraph.errors import GraphRecursionError
from langgraph.graph import END
from pydantic import ValidationError
from temporalio import workflow
from temporalio.langgraph import graph
from typing_extensions import TypedDict

from workflows.agents import support
from workflows.agents.support import INSTRUCTIONS, Support, SupportInput, describe

DESCRIPTION = describe("langgraph", "LangGraph")
GRAPH = "support"
MOST_STEPS = 40

TOOLS: dict[str, BaseTool] = {
    tool.__name__: StructuredTool.from_function(coroutine=tool) for tool in support.TOOLS
}


class State(TypedDict):
    """Messages as OpenAI has them: LangChain's own objects do not come back as such from an activity."""

    messages: Annotated[list[dict[str, Any]], operator.add]


async def use_tools(state: State) -> dict[str, Any]:
    """The node that runs in the workflow, where people can be asked."""
    return {"messages": [await _use_tool(call) for call in state["messages"][-1]["tool_calls"]]}


async def _use_tool(call: dict[str, Any]) -> dict[str, Any]:
    name = call["function"]["name"]
    tool = TOOLS.get(name)
    try:
        arguments = json.loads(call["function"]["arguments"])
        if tool is None or not isinstance(arguments, dict):
            result = f"There is no tool {name} that takes this."
        else:
            result = await tool.ainvoke(arguments)
    except (ValidationError, json.JSONDecodeError) as error:
        result = f"{name} could not be called so: {error}"
    return {"role": "tool", "tool_call_id": call["id"], "content": result}


async def next_node(state: State) -> str:
    """Not a plain function: LangGraph would run that in a thread, and a workflow has none."""
    return "use_tools" if state["messages"][-1].get("tool_calls") else END


# A model that goes in circles fails the run, and not its task for ever.
@workflow.defn(name=DESCRIPTION.workflow_type, failure_exception_types=[GraphRecursionError])
class LangGraphSupportAgent(Support):
    @workflow.run
    async def run(self, request: SupportInput) -> dict[str, Any]:
        self.request = request.request
        said = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": self.request}]
        try:
            state = await graph(GRAPH).compile().ainvoke({"messages": said}, {"recursion_limit": MOST_STEPS})
            return {"answer": state["messages"][-1]["content"]}
        finally:
            await self.finish()
