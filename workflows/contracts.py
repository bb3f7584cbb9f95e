"""What crosses Temporal: names, messages and the stubs that workflows call activities by.

Every message is one JSON object. Field names, meanings and examples stand in ``docs/contract/``; a
workflow in any language speaks to people with these alone. Needs the standard library and temporalio only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

AGENTS_QUEUE = "research-agent"
HUMAN_QUEUE = "agentsite"

HUMAN_INPUT_SIGNAL = "provide_human_input"

WAITING_ATTRIBUTE = SearchAttributeKey.for_bool("AgentsiteWaiting")

INVALID_PROPOSAL = "InvalidProposal"
PROPOSAL_CHANGED = "ProposalChanged"
UNKNOWN_ESCALATION = "UnknownEscalation"
UNKNOWN_WORKSPACE = "UnknownWorkspace"
INVALID_AGENT = "InvalidAgent"
MALFORMED_ANSWER = "MalformedAnswer"

VerdictName = Literal["approve", "edit", "reject", "respond", "retry", "changes"]
Risk = Literal["low", "medium", "high"]
OnDeadline = Literal["expire", "reject", "approve"]
SettleReason = Literal["expired", "withdrawn", "answered_outside"]

MODEL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=60),
    maximum_attempts=5,
    non_retryable_error_types=["ValidationError"],
)
"""For model calls. Killed attempts count too."""

FOR_EVER_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=10)
)
"""For what must happen in the end: asking, settling, acknowledging, acting on a decision."""

SHORT = timedelta(seconds=10)
"""start_to_close of one database transaction or one HTTP call to our own services."""

MODEL_CALL = timedelta(minutes=3)
"""start_to_close of one answer of a model."""

HEARTBEAT = timedelta(seconds=10)
"""A killed worker is noticed after this long, and not only after start_to_close."""

Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Activity(Generic[Argument, Result]):
    """A typed stub: workflows call activities by name, with these timeouts and retries, never their code.

    ``queue`` None means the queue of the workflow that calls.
    """

    name: str
    result_type: type[Result]
    start_to_close: timedelta
    retry: RetryPolicy
    heartbeat: timedelta | None = None
    queue: str | None = None

    async def __call__(self, argument: Argument, *, summary: str | None = None) -> Result:
        """Raises ``ActivityError`` when it failed for good."""
        result: Result = await workflow.execute_activity(
            self.name,
            argument,
            result_type=self.result_type,
            task_queue=self.queue,
            start_to_close_timeout=self.start_to_close,
            heartbeat_timeout=self.heartbeat,
            retry_policy=self.retry,
            summary=summary,
        )
        return result


@dataclass
class Option:
    """One answer that the reviewer may give: the button's words, and what pressing it will do."""

    verdict: VerdictName
    label: str
    consequence: str


@dataclass
class Evidence:
    """Something to look at before deciding. Text is untrusted unless the workflow itself wrote it."""

    kind: Literal["text", "json", "link", "artifact"]
    title: str
    text: str = ""
    value: Any = None
    url: str = ""
    artifact_version: str | None = None
    source: str = ""
    trusted: bool = False


@dataclass
class Policy:
    """``deadline`` is RFC 3339 in UTC; ``on_deadline`` says what the workflow does when nobody answered."""

    deadline: str | None = None
    on_deadline: OnDeadline = "expire"
    risk: Risk = "medium"
    starter_may_decide: bool = True


@dataclass
class AskRequest:
    """A question for people. ``proposal`` is what would be done; ``before`` the same fields as they are now.

    ``form`` is the JSON Schema of ``proposal``, needed where an option is ``edit``.
    """

    request_id: str
    title: str
    options: list[Option]
    proposal: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    before: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    evidence: list[Evidence] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)
    workspace: str | None = None


@dataclass
class Asked:
    """What ``ask`` answers. ``proposal`` is the cleaned one: act on this, it is what people are shown."""

    escalation_id: str
    digest: str
    proposal: dict[str, Any]
    url: str
    waiting_attribute: bool = False


@dataclass
class Reviewer:
    id: str
    name: str


@dataclass
class HumanInput:
    """A person's decision on its way to the workflow: the signal's argument, and part of ``Settled``.

    ``response``: ``edit`` → the whole edited values, ``respond`` → ``{"text": …}``, else null.
    """

    decision_id: str
    escalation_id: str
    verdict: VerdictName
    digest: str
    reviewer: Reviewer
    decided_at: str
    response: dict[str, Any] | None = None
    comment: str = ""


@dataclass
class OutsideAnswer:
    """An answer that came past Agentsite, as a bare string from the CLI, and the verdict it was taken for."""

    text: str
    verdict: VerdictName = "respond"


@dataclass
class SettleRequest:
    escalation_id: str
    reason: SettleReason
    answer: OutsideAnswer | None = None


@dataclass
class Settled:
    """How the question stands now. ``decision`` or ``answer`` is set where one was recorded: then that one counts."""

    state: Literal["decided", "expired", "withdrawn", "answered_outside"]
    decision: HumanInput | None = None
    answer: OutsideAnswer | None = None


@dataclass
class AcknowledgeRequest:
    """What the workflow did with a decision. ``reason`` says why it was refused."""

    escalation_id: str
    decision_id: str
    outcome: Literal["acted_on", "refused"]
    reason: str = ""


@dataclass
class Acknowledged:
    state: str


@dataclass
class RegisterAgentRequest:
    """An agent of somebody else's worker, so that people can start it. The title is the name when empty."""

    name: str
    queue: str
    workflow_type: str
    title: str = ""
    description: str = ""
    input_schema: dict[str, Any] = field(default_factory=dict)
    example: dict[str, Any] = field(default_factory=dict)


@dataclass
class RegisteredAgent:
    """``url`` is the page that starts one."""

    url: str


ask: Activity[AskRequest, Asked] = Activity("ask", Asked, SHORT, FOR_EVER_RETRY, queue=HUMAN_QUEUE)
settle: Activity[SettleRequest, Settled] = Activity(
    "settle", Settled, SHORT, FOR_EVER_RETRY, queue=HUMAN_QUEUE
)
acknowledge: Activity[AcknowledgeRequest, Acknowledged] = Activity(
    "acknowledge", Acknowledged, SHORT, FOR_EVER_RETRY, queue=HUMAN_QUEUE
)


@dataclass(frozen=True)
class AgentDescription:
    """What a worker registers, so that people can start it. ``input_schema`` is a JSON Schema, ``example`` fits it."""

    name: str
    title: str
    description: str
    workflow_type: str
    input_schema: dict[str, Any]
    example: dict[str, Any]
    queue: str = AGENTS_QUEUE
