"""``register_agent``: how somebody else's worker makes its agent one that people can start.

Called by name on the queue ``agentsite``: by a client as an activity of its own, or by any workflow.
"""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.runs import registering
from reviews.runs.faults import InvalidInput
from reviews.runs.mirroring import UnknownWorkspace
from workflows.activities.database import with_database
from workflows.contracts import INVALID_AGENT, UNKNOWN_WORKSPACE, RegisteredAgent


@activity.defn
@with_database
def register_agent(request: Any) -> RegisteredAgent:
    """Take the agent of a ``RegisterAgentRequest`` for the caller's namespace. Faults in it are final."""
    try:
        return RegisteredAgent(registering.register_agent(activity.info().namespace, request))
    except InvalidInput as error:
        raise ApplicationError(str(error), type=INVALID_AGENT, non_retryable=True) from error
    except UnknownWorkspace as error:
        raise ApplicationError(str(error), type=UNKNOWN_WORKSPACE, non_retryable=True) from error
