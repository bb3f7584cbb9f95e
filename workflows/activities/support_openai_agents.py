"""The activity by which agents of the OpenAI Agents SDK call the model: the plugin's own, with our client and retries."""

from __future__ import annotations

from agents import OpenAIProvider, set_trace_processors
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin

from workflows.activities.model import MARGIN
from workflows.contracts import HEARTBEAT, MODEL_CALL, MODEL_RETRY
from workflows.llm.recorded import recorded_client


def plugin() -> OpenAIAgentsPlugin:
    """Nothing is traced: by default the SDK sends prompts and answers to OpenAI, whatever model is in use."""
    set_trace_processors([])
    client = recorded_client("support", timeout=MODEL_CALL.total_seconds() - MARGIN)
    return OpenAIAgentsPlugin(
        model_params=ModelActivityParameters(
            start_to_close_timeout=MODEL_CALL, heartbeat_timeout=HEARTBEAT, retry_policy=MODEL_RETRY
        ),
        # Not the Responses API, which few other endpoints speak.
        model_provider=OpenAIProvider(openai_client=client, use_responses=False),
        add_temporal_spans=False,
    )
