"""A conversation: what was said in it, and saying something."""

from __future__ import annotations

import uuid
from functools import partial

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, ConfigDict, Field

from reviews.api.access import viewer_of, watched_run
from reviews.api.bodies import checked, read_object
from reviews.api.controls import REFUSALS
from reviews.api.idempotency import PARAMETER, key_of, once
from reviews.api.openapi import takes
from reviews.api.paging import PageQuery, decode, encode
from reviews.api.problems import documented
from reviews.api.shapes import Json, Time, page_url
from reviews.conversations import actions
from reviews.conversations.actions import LONGEST_TEXT
from reviews.conversations.models import Turn, TurnRole
from reviews.conversations.queries import conversation_of, turns_of
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right

router = Router(tags=["runs"])

LARGEST_NUMBER = 2**31 - 1


class TurnQuery(PageQuery):
    after: int = Field(default=0, ge=0, le=LARGEST_NUMBER, description="Only turns with a greater number.")


class TurnIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "Where is order 1001?"}]}
    )

    text: str = Field(description=f"1 to {LONGEST_TEXT:,} characters.")


class TurnOut(BaseModel):
    """Something that was said, or a tool that was called."""

    id: uuid.UUID
    conversation: uuid.UUID = Field(description="As `docs/live.md` takes it.")
    number: int = Field(description="Counts from 1, without a gap.")
    role: TurnRole
    text: str = Field(description="Of a tool: what it answered.")
    by: str = Field(description="Who said it; of a signal that came past Agentsite, who it says it is from.")
    answers: uuid.UUID | None = Field(description="The turn that this one closes.")
    tool: str
    arguments: Json = Field(description="Of a tool's call, else null.")
    state: str = Field(description="Of a tool's call: `running`, `waiting`, `done`, `refused`, `failed`.")
    escalation: uuid.UUID | None = Field(description="The question that the call waits for, or waited for.")
    model: str
    demo: bool
    created_at: Time
    url: str = Field(description="The turn on the page of its conversation.")


class TurnList(BaseModel):
    items: list[TurnOut]
    next: str | None


@router.get(
    "/runs/{run_id}/turns",
    response=TurnList,
    operation_id="list_turns",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_turns(request: HttpRequest, run_id: uuid.UUID, query: Query[TurnQuery]) -> TurnList:
    """The whole conversation, whichever execution of the chain it was said in, oldest first."""
    run = watched_run(request, run_id)
    conversation = conversation_of(run)
    after = decode(query.cursor, int)[0] if query.cursor is not None else query.after
    found = list(turns_of(conversation).filter(number__gt=after).order_by("number")[: query.limit + 1])
    page = found[: query.limit]
    closed = turns_of(conversation).filter(key__in=[turn.answers for turn in page if turn.answers]).order_by()
    ids = dict(closed.values_list("key", "id"))
    return TurnList(
        items=[turn_out(turn, run, ids.get(turn.answers)) for turn in page],
        next=encode([page[-1].number]) if len(found) > len(page) else None,
    )


@router.post(
    "/runs/{run_id}/turns",
    response={202: TurnOut},
    operation_id="say",
    openapi_extra={
        "parameters": [PARAMETER | {"required": False}],
        "requestBody": takes(TurnIn),
        "responses": documented(
            *REFUSALS, "too-large", "validation", "idempotency-key-invalid", "idempotency-key-reused"
        ),
    },
)
def say(request: HttpRequest, run_id: uuid.UUID) -> Status[dict[str, object]]:
    """Say something to the agent: recorded at once, answered when it comes to it, in the order of recording."""
    viewer = viewer_of(request)
    run = run_for(viewer, run_id, Right.RUNS_CONTROL)
    key = key_of(request, required=False)
    body = read_object(request)
    said = checked(body, TurnIn)
    return Status(202, once(request, viewer.account, key, body, partial(_say, run, said, viewer.account)))


def _say(run: Run, said: TurnIn, by: Account) -> TurnOut:
    return turn_out(actions.say(run, said.text, by=by), run)


def turn_out(turn: Turn, run: Run, answers: uuid.UUID | None = None) -> TurnOut:
    """``run`` is any of the conversation's; ``turn.by`` is loaded."""
    return TurnOut(
        id=turn.id,
        conversation=turn.conversation_id,
        number=turn.number,
        role=TurnRole(turn.role),
        text=turn.text,
        by=str(turn.by) if turn.by else turn.name,
        answers=answers,
        tool=turn.tool,
        arguments=turn.arguments,
        state=turn.state,
        escalation=turn.escalation_id,
        model=turn.model,
        demo=turn.demo,
        created_at=turn.created_at,
        url=f"{page_url('chat', run.id)}?before={turn.number + 1}#turn-{turn.number}",
    )
