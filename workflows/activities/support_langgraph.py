"""The node of ``support-langgraph`` that asks the model, and the plugin that knows the graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import langsmith
from langchain_core.messages import BaseMessage, convert_to_openai_messages
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.langgraph import LangGraphPlugin

from workflows.activities.model import BEAT, MARGIN
from workflows.agents.support_langgraph import GRAPH, TOOLS, State, next_node, use_tools
from workflows.contracts import HEARTBEAT, MALFORMED_ANSWER, MODEL_CALL, MODEL_RETRY
from workflows.llm.recorded import model_name, recorded_client


async def ask_model(state: State) -> dict[str, Any]:
    async with _beating():
        answer = await _model().ainvoke(state["messages"])
    if faulty := getattr(answer, "invalid_tool_calls", None):
        # LangChain sets these aside; what is left would look like an answer without words.
        raise ApplicationError(f"A tool was called with no JSON: {faulty[0]['args']}", type=MALFORMED_ANSWER)
    return {"messages": [convert_to_openai_messages(answer)]}


@cache
def _model() -> Runnable[Any, BaseMessage]:
    client = recorded_client("support", timeout=MODEL_CALL.total_seconds() - MARGIN)
    # Given a client, it makes none of its own, and looks for no address elsewhere.
    chat = ChatOpenAI(
        model=model_name(),
        async_client=client.chat.completions,
        root_async_client=client,
        use_responses_api=False,
    )
    return chat.bind_tools(list(TOOLS.values()))


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    """The plugin does not heartbeat for a node."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(BEAT)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


def plugin() -> LangGraphPlugin:
    """Nothing is traced: what the environment says of LangSmith would send prompts there."""
    langsmith.configure(enabled=False)
    return LangGraphPlugin(graphs={GRAPH: _graph()})


def _graph() -> StateGraph[State]:
    """A new one each time: the plugin that it is given to turns its nodes into activities."""
    graph = StateGraph(State)
    graph.add_node(
        "ask_model",
        ask_model,
        metadata={
            "execute_in": "activity",
            "start_to_close_timeout": MODEL_CALL,
            "heartbeat_timeout": HEARTBEAT,
            "retry_policy": MODEL_RETRY,
        },
    )
    graph.add_node("use_tools", use_tools, metadata={"execute_in": "workflow"})
    graph.add_edge(START, "ask_model")
    graph.add_conditional_edges("ask_model", next_node)
    graph.add_edge("use_tools", "ask_model")
    return graph
