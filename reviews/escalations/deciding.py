"""The two statements of a decision: lock the question, and write the answer with all that follows from it.

Everything else of an action may be slow; this one is on the path of every click, and many come at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import connection
from psycopg.types.json import Jsonb

from reviews.escalations.models import Decision, Escalation, EscalationState
from reviews.runs import mirroring
from reviews.runs.models import Run
from reviews.statements import Part

# In the order of the models' own fields, by which from_db() takes them.
_QUESTION = [field.attname for field in Escalation._meta.concrete_fields]
_RUN = ["id", "run_id", "chain", "parent_id", "started_by_id", "status"]
_LOCK = f"""
    SELECT {", ".join(f"question.{name}" for name in _QUESTION)}, {", ".join(f"run.{name}" for name in _RUN)}
    FROM reviews_escalation question JOIN reviews_run run ON run.id = question.run_id
    WHERE question.id = %s FOR NO KEY UPDATE OF question
"""  # noqa: S608 (names of columns)
_DECIDED = """
    decision AS (
        INSERT INTO reviews_decision
            (id, escalation_id, by_id, verdict, response, comment, digest, after_deadline, decided_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ), delivery AS (
        INSERT INTO reviews_delivery (decision_id, escalation_id, state, recorded_at, reason)
        VALUES (%s, %s, 'recorded', %s, '')
    ), question AS (
        UPDATE reviews_escalation SET state = %s, closed_at = %s, outcome = NULL WHERE id = %s
    ), claim AS (
        DELETE FROM reviews_claim WHERE escalation_id = %s
    )
"""
_STILL_WAITS = """
    EXISTS (
        SELECT 1 FROM reviews_escalation other JOIN reviews_run its ON its.id = other.run_id
        WHERE its.chain = %s AND other.state = 'pending' AND other.id <> %s
    )
"""


def locked(escalation_id: uuid.UUID) -> Escalation:
    """The question with as much of its run as an answer needs. Raises ``Escalation.DoesNotExist``."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [escalation_id])
        row = cursor.fetchone()
    if row is None:
        raise Escalation.DoesNotExist
    escalation = Escalation.from_db("default", _QUESTION, row[: len(_QUESTION)])
    escalation.run = Run.from_db("default", _RUN, row[len(_QUESTION) :])
    return escalation


def decided(decision: Decision, escalation: Escalation) -> Part:
    """The decision, its delivery and the closed question."""
    response = None if decision.response is None else Jsonb(decision.response)
    at = decision.decided_at
    return Part(
        _DECIDED,
        (decision.id, escalation.id, decision.by_id, decision.verdict, response, decision.comment,
         decision.digest, decision.after_deadline, at,
         decision.id, escalation.id, at,
         EscalationState.DECIDED.value, at, escalation.id,
         escalation.id),
    )  # fmt: skip


def waiting_without(escalation: Escalation, runs: Sequence[Run]) -> Part:
    """Whether the chain's open runs, which are locked, wait for a person still when this question is closed."""
    return mirroring.waiting_part(runs, _STILL_WAITS, (escalation.run.chain, escalation.id))
