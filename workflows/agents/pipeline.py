"""``pipeline``: extract → validate → transform, each a workflow of its own.

The stages speak to each other: a signal from one to the next carries the claim of what it stored, and the content
stays in the workspace's files. The pipeline starts them, and ends those that would wait in vain.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError, FailureError
from temporalio.workflow import ChildWorkflowHandle

from workflows.contracts import AgentDescription
from workflows.stubs import pipeline
from workflows.stubs.children import child_id, was_canceled
from workflows.stubs.failing import reason_of
from workflows.stubs.files import NewFile, store_file
from workflows.stubs.pipeline import UPSTREAM_ENDED_SIGNAL, Document, ExtractInput, StageInput

STAGE_FAILED = "StageFailed"
LONGEST = 20_000
"""Characters of a document."""

Handle = ChildWorkflowHandle[Any, Any]


@workflow.defn(name="pipeline")
class PipelineAgent:
    @workflow.run
    async def run(self, request: Document) -> dict[str, Any]:
        folder = f"pipeline/{workflow.info().workflow_id}"
        document = NewFile(f"{folder}/0-document.txt", request.document, "text/plain; charset=utf-8")
        stored = await store_file(document, summary=document.path)
        extract, validate, transform = await asyncio.gather(
            pipeline.extract.start(ExtractInput(folder, stored, then=child_id("validate"))),
            pipeline.validate.start(StageInput(folder, then=child_id("transform"))),
            pipeline.transform.start(StageInput(folder)),
        )
        stages: dict[str, Handle] = {"extract": extract, "validate": validate, "transform": transform}
        await _see_through(stages)
        return {
            "extracted": asdict(extract.result()),
            "validated": asdict(validate.result()),
            "transformed": asdict(transform.result()),
        }


async def _see_through(stages: dict[str, Handle]) -> None:
    """Wait for all. Raises ``StageFailed`` as soon as one has failed and the others are ended."""
    handles = list(stages.values())
    try:
        await workflow.wait(handles, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        await _end_all(handles)
        raise
    failed = next(((name, handle) for name, handle in stages.items() if _failure_of(handle)), None)
    if failed is None:
        return
    name, error = failed[0], _failure_of(failed[1])
    if was_canceled():
        await _end_all(handles)
        raise asyncio.CancelledError
    reason = (
        f"The stage {name} failed: {reason_of(error) if isinstance(error, ChildWorkflowError) else error}"
    )
    await _end_others(stages, name, reason)
    raise ApplicationError(reason, type=STAGE_FAILED, non_retryable=True)


async def _end_others(stages: dict[str, Handle], failed: str, reason: str) -> None:
    """Those before the failed one work in vain; those behind it are told why nothing will come."""
    names = list(stages)
    for name, handle in stages.items():
        if handle.done():
            continue
        if names.index(name) < names.index(failed):
            handle.cancel()
            continue
        try:
            await handle.signal(UPSTREAM_ENDED_SIGNAL, reason)
        except FailureError as error:
            workflow.logger.info("The stage %s ended by itself: %s", name, error)
    await asyncio.gather(*stages.values(), return_exceptions=True)


async def _end_all(handles: list[Handle]) -> None:
    """Canceled: each stage withdraws its questions before the pipeline closes."""
    for handle in handles:
        handle.cancel()
    await asyncio.gather(*handles, return_exceptions=True)


def _failure_of(handle: Handle) -> BaseException | None:
    if not handle.done():
        return None
    return asyncio.CancelledError() if handle.cancelled() else handle.exception()


DESCRIPTION = AgentDescription(
    name="pipeline",
    title="Pipeline",
    description="Extracts orders from a document, validates them with a person's help, and adds them up.",
    workflow_type="pipeline",
    input_schema={
        "type": "object",
        "properties": {
            "document": {"type": "string", "title": "Document", "minLength": 1, "maxLength": LONGEST}
        },
        "required": ["document"],
        "additionalProperties": False,
    },
    example={
        "document": "Orders by phone, week 10 (Anna)\n"
        "\n"
        "- Northwind: 12 x euro pallets @ 8.40\n"
        "- Contoso Ltd: 40 folding crates at 3,95 each, blue if we have them\n"
        "- Fabrikam wants a dozen strapping reels, 17.50 a piece\n"
        "call back Thursday!!\n"
        "- Adatum: 5 pallet jacks at price to be agreed\n"
        "\n"
        "by mail\n"
        "* Northwind: 200 corner boards @ 0.32\n"
        "* Litware, 3 x stretch wrappers @ 1249\n"
        "* Contoso Ltd: 2 x label printers @ 310.00 (same address as above)\n"
        "* Proseware: 60 x euro pallets @ 8.40\n"
        "Thanks, see you Monday\n"
    },
)
