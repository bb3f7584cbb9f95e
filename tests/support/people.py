"""The people of the tests, with fixed meanings, and what they work on.

Alice owns the workspace, Ada administers it, Olga operates, Bob reviews, Victor views, Robo is an agent who
operates. Charlie is an outsider: he owns another workspace, on a namespace of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reviews.escalations import actions as escalations
from reviews.escalations.models import Decision, Escalation
from reviews.people.actions import create_token
from reviews.people.models import Account
from reviews.runs import actions as runs
from reviews.runs import mirroring
from reviews.runs.models import AgentType, Run
from reviews.workspaces import actions as workspaces
from reviews.workspaces.access import Viewer
from reviews.workspaces.models import Role, Workspace

REFUND = {"customer": "Dora", "amount": 120.5, "reason": "The parcel never came."}
REFUND_SCHEMA = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "minLength": 1},
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
        "reason": {"type": "string"},
    },
    "required": ["customer", "amount", "reason"],
    "additionalProperties": False,
}


@dataclass(eq=False)
class People:
    """Two workspaces and their members; each person is made when first named."""

    @cached_property
    def home(self) -> Workspace:
        return workspaces.create_workspace("home", "Home", "home-namespace", owner=self.alice)

    @cached_property
    def abroad(self) -> Workspace:
        return workspaces.create_workspace("abroad", "Abroad", "abroad-namespace", owner=self.charlie)

    @cached_property
    def alice(self) -> Account:
        return Account.objects.create_user("alice", title="Alice Owner")

    @cached_property
    def ada(self) -> Account:
        return self._member("ada", Role.ADMIN)

    @cached_property
    def olga(self) -> Account:
        return self._member("olga", Role.OPERATOR)

    @cached_property
    def bob(self) -> Account:
        return self._member("bob", Role.REVIEWER)

    @cached_property
    def victor(self) -> Account:
        return self._member("victor", Role.VIEWER)

    @cached_property
    def robo(self) -> Account:
        return self._member("robo", Role.OPERATOR, kind=Account.Kind.AGENT)

    @cached_property
    def charlie(self) -> Account:
        return Account.objects.create_user("charlie", title="Charlie Outsider")

    def _member(self, name: str, role: Role, **fields: Any) -> Account:
        account = Account.objects.create_user(name, title=name.capitalize(), **fields)
        workspaces.grant(self.home, account, role, by=self.alice)
        return account

    def viewer(self, account: Account) -> Viewer:
        """The account as it comes in by session."""
        return Viewer(account)

    def bearer(self, account: Account, workspace: Workspace | None = None, scopes: str = "*") -> str:
        """The value of an Authorization header."""
        _, secret = create_token(account, workspace or self.home, scopes.split(), by=self.alice)
        return f"Bearer {secret}"


def register_refund(namespace: str) -> AgentType:
    """The agent type that a worker of the namespace would register."""
    return runs.register_agent_type(
        namespace,
        "refund",
        title="Refund",
        description="Pays a customer back.",
        queue="research-agent",
        workflow_type="refund",
        input_schema=REFUND_SCHEMA,
        example=REFUND,
    )


def start_refund(workspace: Workspace, by: Account) -> Run:
    """A run of ``refund`` that Temporal has named."""
    register_refund(workspace.namespace)
    run = runs.start_run(workspace, "refund", REFUND, by=by)
    return mirroring.adopt(run.namespace, run.workflow_id, f"execution-of-{run.workflow_id}")


def child_of(parent: Run, run: Run) -> Run:
    """``run``, as if ``parent`` had started it."""
    Run.objects.filter(id=run.id).update(parent=parent)
    run.refresh_from_db()
    return run


def refund_question(request_id: str = "refund-1", **changes: Any) -> dict[str, Any]:
    """An ``ask`` message."""
    question: dict[str, Any] = {
        "request_id": request_id,
        "title": "Refund 120.50 to Dora?",
        "proposal": dict(REFUND),
        "form": REFUND_SCHEMA,
        "options": [
            {"verdict": "approve", "label": "Refund", "consequence": "120.50 is paid at once."},
            {"verdict": "edit", "label": "Refund another amount", "consequence": "What you enter is paid."},
            {"verdict": "respond", "label": "Answer", "consequence": "The agent reads your words."},
            {"verdict": "reject", "label": "Refuse", "consequence": "Nothing is paid."},
        ],
    }
    return question | changes


def ask_refund(run: Run, request_id: str = "refund-1", **changes: Any) -> Escalation:
    return escalations.open_escalation(run, refund_question(request_id, **changes))


def approve(escalation: Escalation, by: Account) -> Decision:
    return escalations.decide(escalation, by=by, verdict="approve", digest=escalation.digest)
