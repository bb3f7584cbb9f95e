"""Writing the audit."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from reviews.audit.models import AuditEvent

if TYPE_CHECKING:
    from reviews.people.models import Account

SYSTEM = "agentsite"


def record(
    verb: str,
    object_type: str,
    object_id: uuid.UUID | str,
    *,
    by: Account | None,
    workspace_id: uuid.UUID | None,
    **details: Any,
) -> AuditEvent:
    """Append one line. ``by`` None means the system itself (a deadline, a closing run)."""
    return AuditEvent.objects.create(
        verb=verb,
        object_type=object_type,
        object_id=str(object_id),
        actor=by,
        actor_name=by.name if by else SYSTEM,
        workspace_id=workspace_id,
        details=details,
    )
