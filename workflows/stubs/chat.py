"""A conversation: what is said in it, its tools, and its state as it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from temporalio.common import RetryPolicy

from workflows.contracts import FOR_EVER_RETRY, MODEL_CALL, MODEL_RETRY, SHORT, Activity

MESSAGE_SIGNAL = "chat_message"
END_SIGNAL = "chat_end"

FIRST = "first"
"""Id of the message that a conversation is started with."""
LONGEST_TEXT = 8_000
"""Characters of one message."""
LONGEST_RESULT = 4_000
"""Characters of what a tool answered that the model gets to read."""

REMEMBERED = 6
"""Exchanges that a snapshot keeps word for word; the summary stands for those before."""
MOST_SEEN = 500
"""Ids of messages by which a repeat is known."""

NOTICED = timedelta(seconds=5)
"""Heartbeat timeout: somebody waits for the answer, so a dead worker is noticed sooner than elsewhere."""

ORDER = {
    "type": "object",
    "properties": {"order": {"type": "string", "title": "Order number", "pattern": "^[0-9]{4}$"}},
    "required": ["order"],
    "additionalProperties": False,
}

LineRole = Literal["user", "assistant", "tool"]
TurnRole = Literal["person", "agent", "tool", "note"]
ToolState = Literal["", "running", "waiting", "done", "refused", "failed"]


@dataclass
class Message:
    """What somebody said. ``recorded``: its turn is kept already, by the page or REST that it came through."""

    id: str
    text: str
    by: str = ""
    recorded: bool = False


@dataclass
class Call:
    """A tool that the model asks for, with arguments that fit its schema."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass
class Line:
    """One message of the model's protocol. ``call_id`` says which call a tool's line answers."""

    role: LineRole
    text: str
    calls: list[Call] = field(default_factory=list)
    call_id: str = ""


@dataclass
class Exchange:
    """A message and all that followed from it, up to the answer."""

    lines: list[Line]

    @property
    def size(self) -> int:
        return sum(
            len(line.text) + sum(len(str(call.arguments)) for call in line.calls) for line in self.lines
        )


@dataclass
class Snapshot:
    """All that a conversation needs to go on. ``summary`` stands for what came before ``exchanges``."""

    workflow_id: str
    summary: str
    exchanges: list[Exchange]
    answered: int
    seen: list[str]


@dataclass
class SnapshotRequest:
    path: str
    snapshot: Snapshot


@dataclass
class SnapshotClaim:
    """``version_id`` is the file's version that holds the snapshot."""

    version_id: str


@dataclass
class AnswerRequest:
    """``offer_tools`` is false where the model has called enough of them and shall answer in words."""

    instructions: str
    summary: str
    lines: list[Line]
    offer_tools: bool = True


@dataclass
class Said:
    """What the model said, what it wants done first, and which model it was."""

    text: str
    calls: list[Call]
    model: str
    demo: bool


@dataclass
class SummaryRequest:
    """``summary`` is the one so far, ``lines`` what it has to take in."""

    summary: str
    lines: list[Line]


@dataclass
class OrderRequest:
    order: str


@dataclass
class KeptTurn:
    """A turn for people to read. The same ``key`` again changes it; ``answers`` is the message it belongs to."""

    key: str
    role: TurnRole
    text: str = ""
    answers: str = ""
    name: str = ""
    tool: str = ""
    arguments: dict[str, Any] | None = None
    state: ToolState = ""
    escalation_id: str | None = None
    model: str = ""
    demo: bool = False


@dataclass
class KeepRequest:
    turns: list[KeptTurn]


SNAPSHOT_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3)
"""Storage that is full holds no conversation up: it goes on without, and tries again after the next answer."""

answer_message: Activity[AnswerRequest, Said] = Activity(
    "answer_message", Said, MODEL_CALL, MODEL_RETRY, heartbeat=NOTICED
)
summarize_conversation: Activity[SummaryRequest, str] = Activity(
    "summarize_conversation", str, MODEL_CALL, MODEL_RETRY, heartbeat=NOTICED
)
keep_turns: Activity[KeepRequest, int] = Activity("keep_turns", int, SHORT, FOR_EVER_RETRY)
write_snapshot: Activity[SnapshotRequest, SnapshotClaim] = Activity(
    "write_snapshot", SnapshotClaim, timedelta(seconds=30), SNAPSHOT_RETRY
)
load_snapshot: Activity[SnapshotClaim, Snapshot] = Activity(
    "load_snapshot", Snapshot, timedelta(seconds=30), FOR_EVER_RETRY
)
look_up_order: Activity[OrderRequest, dict[str, Any]] = Activity(
    "look_up_order", dict[str, Any], SHORT, FOR_EVER_RETRY
)
