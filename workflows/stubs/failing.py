"""What a workflow sees of an activity, or of a child, that failed for good."""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, TimeoutError

from workflows.llm.kinds import FailureType

__all__ = ["FailureType", "kind_of", "reason_of"]


def kind_of(error: ActivityError | ChildWorkflowError) -> str:
    """Of a model's failure a :class:`FailureType`; else the application's own name for it, or words for people."""
    cause = _root_of(error)
    if isinstance(cause, ApplicationError) and cause.type:
        return cause.type
    if isinstance(cause, TimeoutError):
        return "it took too long"
    return type(cause).__name__


def reason_of(error: ActivityError | ChildWorkflowError) -> str:
    """The failure's own words."""
    cause = _root_of(error)
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


def _root_of(error: BaseException) -> BaseException:
    """What lies below the steps and children that only pass it on."""
    while isinstance(error, ActivityError | ChildWorkflowError) and error.cause is not None:
        error = error.cause
    return error
