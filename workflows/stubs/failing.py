"""What a workflow sees of an activity that failed for good."""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError

from workflows.llm.kinds import FailureType

__all__ = ["FailureType", "kind_of"]


def kind_of(error: ActivityError) -> str:
    """Of a model's failure a :class:`FailureType`; else the application's own name for it, or the exception's."""
    cause = error.cause
    return cause.type if isinstance(cause, ApplicationError) and cause.type else type(cause).__name__
