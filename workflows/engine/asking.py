"""Asking a workflow itself, by query: a worker that holds its code has to answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.sdk.v1 import WorkflowInteractionDefinition, WorkflowMetadata
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.runs.engine import EngineUnavailable, QueryFailed
from reviews.runs.now import Handler, Interface
from reviews.runs.text import clean
from workflows.engine.decoding import value_of

METADATA = "__temporal_workflow_metadata"
STACK_TRACE = "__stack_trace"
OF_THE_SDK = "__"
"""What SDKs answer beside the workflow's own handlers begins so."""
NOBODY = "No worker answered within {seconds:.0f} s. Is one running that polls this run's queue?"


async def query(
    client: Client,
    namespace: str,
    workflow_id: str,
    run_id: str | None,
    name: str,
    arguments: Sequence[Any],
    *,
    timeout: timedelta,
) -> Any:
    """The answer as a value. Raises :class:`EngineUnavailable`, :class:`QueryFailed` and ``RPCError``."""
    payloads = await client.data_converter.encode(arguments) if arguments else []
    request = QueryWorkflowRequest(
        namespace=namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id or ""),
        query=WorkflowQuery(query_type=name, query_args=Payloads(payloads=payloads) if payloads else None),
    )
    try:
        answered = await client.workflow_service.query_workflow(request, timeout=timeout)
    except RPCError as error:
        match error.status:
            case RPCStatusCode.INVALID_ARGUMENT:  # so Temporal brings what the workflow said
                raise QueryFailed(error.message) from error
            case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED:
                raise EngineUnavailable(NOBODY.format(seconds=timeout.total_seconds())) from error
            case (
                RPCStatusCode.FAILED_PRECONDITION
            ):  # no poller lately, or the first workflow task is still open
                raise EngineUnavailable(f"No worker can answer: {error.message}.") from error
            case _:
                raise
    if answered.HasField("query_rejected"):  # so Temporal answers for a paused run
        raise QueryFailed("The run is paused: it answers when it goes on.")
    return value_of(answered.query_result)


async def interface(
    client: Client, namespace: str, workflow_id: str, run_id: str | None, *, timeout: timedelta
) -> Interface:
    said = await query(client, namespace, workflow_id, run_id, METADATA, [], timeout=timeout)
    try:
        metadata = ParseDict(said, WorkflowMetadata(), ignore_unknown_fields=True)
    except (ParseError, AttributeError, TypeError) as error:
        raise QueryFailed(f"What the workflow says of itself cannot be read: {error}") from error
    definition = metadata.definition
    descriptions = [one.description for one in definition.query_definitions if not one.name]
    return Interface(
        type=clean(definition.type),
        description=clean(next(iter(descriptions), "")),
        details=clean(metadata.current_details),
        signals=_handlers(definition.signal_definitions),
        queries=_handlers(definition.query_definitions),
        updates=_handlers(definition.update_definitions),
    )


def _handlers(definitions: Iterable[WorkflowInteractionDefinition]) -> list[Handler]:
    own = (one for one in definitions if one.name and not one.name.startswith(OF_THE_SDK))
    return sorted((Handler(clean(one.name), clean(one.description)) for one in own), key=lambda one: one.name)
