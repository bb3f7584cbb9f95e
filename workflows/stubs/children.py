"""Child workflows that agents start by name, with timeouts and retries of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ChildWorkflowCancellationType, ChildWorkflowHandle, ParentClosePolicy

from workflows.stubs.failing import kind_of, reason_of

Argument = TypeVar("Argument")
Result = TypeVar("Result")
T = TypeVar("T")


@dataclass(frozen=True)
class Child(Generic[Argument, Result]):
    """A typed stub: a parent starts the child by name, never by its code.

    ``execution`` bounds all tries of the child together, the time that people take included; ``run`` bounds one try.
    A canceled parent waits until its children have cleaned up, so that their questions are withdrawn before it
    closes. One that ends otherwise (it was terminated, its time was over) asks them to end too, and does not wait.
    """

    name: str
    result_type: type[Result]
    execution: timedelta
    retry: RetryPolicy
    run: timedelta | None = None

    async def start(
        self, argument: Argument, *, suffix: str = "", summary: str | None = None
    ) -> ChildWorkflowHandle[object, Result]:
        """Returns when Temporal has started it. Its id is its parent's, ``/``, its name and ``suffix``.

        By that id it is known to belong to its parent, and to its parent's workspace, before anything else is. A
        parent that was reset leaves its children behind, at work: one of the same id is ended by the new one.
        """
        handle: ChildWorkflowHandle[object, Result] = await workflow.start_child_workflow(
            self.name,
            argument,
            id=child_id(self.name + suffix),
            result_type=self.result_type,
            execution_timeout=self.execution,
            run_timeout=self.run,
            retry_policy=self.retry,
            id_reuse_policy=WorkflowIDReusePolicy.TERMINATE_IF_RUNNING,
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=summary,
        )
        return handle

    async def __call__(self, argument: Argument, *, suffix: str = "", summary: str | None = None) -> Result:
        """Raises ``ChildWorkflowError`` when it failed for good."""
        return await (await self.start(argument, suffix=suffix, summary=summary))


async def all_to_their_end(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What each came to, in order, or the first error, once all of them have ended.

    So a workflow that is canceled does not close before each of them has withdrawn its child and its question.
    """
    done = await asyncio.gather(*works, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return [one for one in done if not isinstance(one, BaseException)]


def child_id(name: str) -> str:
    """Of a child of the workflow that calls."""
    return f"{workflow.info().workflow_id}/{name}"


def was_canceled() -> bool:
    """Whether the workflow that calls was; a child that somebody canceled looks the same to its parent else."""
    return workflow.cancellation_reason() is not None


def as_own_failure(error: ActivityError) -> ApplicationError:
    """What a child fails with when its step failed for good.

    Its retry policy looks at the failure's own kind, and takes every ``ActivityError`` for worth another try.
    """
    kind, final = kind_of(error), isinstance(error.cause, ApplicationError) and error.cause.non_retryable
    return ApplicationError(
        f"The step {error.activity_type} failed for good: {kind}: {reason_of(error)}",
        type=kind,
        non_retryable=final,
    )
