"""Model calls as a worker tells of them."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from reviews.runs.models import ModelCall, Run
from reviews.runs.recording import Execution, ModelCallSeen, record


def record_call(run: Run, **changes: Any) -> ModelCall:
    """A call of the run's first activity, recorded."""
    fields: dict[str, Any] = {
        "activity_id": "1", "attempt": 1, "purpose": "plan", "model": "gpt-4o-mini", "endpoint": "api.example",
        "demo": False, "messages": [{"role": "user", "content": "Plan it."}], "answer": "A plan.", "error": None,
        "finish_reason": "stop", "tokens_in": 1000, "tokens_out": 100, "tokens_cached": 0,
        "started_at": timezone.now(), "duration_ms": 20,
    }  # fmt: skip
    id = str(uuid.uuid4())
    where = Execution(run.namespace, run.workflow_id, run.run_id or "", run.workflow_type)
    record([ModelCallSeen(where, id, fields | changes)])
    return ModelCall.objects.get(id=id)
