"""How Temporal's SDKs say that a worker does not know a workflow's or an activity's type.

Temporal has no code for it: the task fails and is tried again, and each SDK says why in words of its own.
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    # Python, TypeScript, .NET, Ruby; Java's activities
    r"(Workflow|Activity)\b.{1,2000} is not registered (on this|with a) worker\b"
    # TypeScript's workflows
    r"|Failed to initialize workflow of type .{1,2000}: no such function is exported"
    # Go
    r"|unable to find (workflow type: |activityType=)"
    # Java's workflows
    r"|Unknown workflow type ",
    re.IGNORECASE,
)


def says_unregistered(message: str) -> bool:
    """Whether a failure's message begins as that of a worker which does not know the type."""
    return _WORDS.match(message) is not None
