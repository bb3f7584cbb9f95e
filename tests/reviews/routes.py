"""Who gets what at every address: the table that tests/reviews/test_access_matrix.py runs.

A route is (method, address as the resolver has it). ``home`` are the people of Alice's workspace that get
through at home; at the same address of a thing abroad nobody of them finds anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reviews.artifacts.models import Version
from reviews.drills.models import Drill
from reviews.escalations.models import Decision, Escalation
from reviews.runs.models import ModelCall, Run
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND, refund_question


@dataclass(frozen=True)
class World:
    """One thing of each kind in one workspace."""

    workspace: Workspace
    run: Run
    question: Escalation
    decision: Decision
    version: Version
    call: ModelCall
    drill: Drill


READERS = frozenset({"alice", "ada", "olga", "bob", "victor", "robo"})
OPERATORS = frozenset({"alice", "ada", "olga", "robo"})
DECIDERS = frozenset({"alice", "ada", "bob"})
THE_DECIDER = frozenset({"bob"})
NOBODY: frozenset[str] = frozenset()

Body = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """``filtered`` appends a filter by workspace: lists have no thing of their own that could be abroad."""

    method: str
    address: str
    home: frozenset[str]
    body: Body | None = None
    filtered: bool = False

    @property
    def is_rest(self) -> bool:
        return self.address.startswith("api/")

    def __str__(self) -> str:
        return f"{self.method} /{self.address}"


def _start(world: World) -> dict[str, Any]:
    return {"workspace": world.workspace.slug, "agent": "refund", "input": REFUND}


def _question(world: World) -> dict[str, Any]:
    return refund_question("another") | {"run": str(world.run.id)}


def _approval(world: World) -> dict[str, Any]:
    return {"verdict": "approve", "digest": world.question.digest}


REST = [
    Route("GET", "api/v1/agents", READERS, filtered=True),
    Route("GET", "api/v1/runs", READERS, filtered=True),
    Route("POST", "api/v1/runs", OPERATORS, _start),
    Route("GET", "api/v1/runs/<run_id>", READERS),
    Route("GET", "api/v1/runs/<run_id>/steps", READERS),
    Route("GET", "api/v1/runs/<run_id>/events", READERS),
    Route("GET", "api/v1/runs/<run_id>/history", READERS),
    Route("POST", "api/v1/runs/<run_id>/signals", OPERATORS, lambda world: {"name": "hurry"}),
    Route("POST", "api/v1/runs/<run_id>/cancellation", OPERATORS),
    Route("POST", "api/v1/runs/<run_id>/termination", OPERATORS, lambda world: {"reason": "by mistake"}),
    Route("POST", "api/v1/runs/<run_id>/updates", OPERATORS, lambda world: {"name": "count"}),
    Route("POST", "api/v1/runs/<run_id>/resets", OPERATORS, lambda world: {"event_id": 4}),
    Route("POST", "api/v1/runs/<run_id>/pause", OPERATORS),
    Route("DELETE", "api/v1/runs/<run_id>/pause", OPERATORS),
    Route("POST", "api/v1/runs/<run_id>/activities/<path:activity_id>/pause", OPERATORS),
    Route("DELETE", "api/v1/runs/<run_id>/activities/<path:activity_id>/pause", OPERATORS),
    Route("POST", "api/v1/runs/<run_id>/activities/<path:activity_id>/retry", OPERATORS),
    Route("GET", "api/v1/runs/<run_id>/now", READERS),
    Route("POST", "api/v1/runs/<run_id>/queries", READERS, lambda world: {"name": "counts"}),
    Route("GET", "api/v1/runs/<run_id>/turns", READERS),
    Route("POST", "api/v1/runs/<run_id>/turns", OPERATORS, lambda world: {"text": "Hello?"}),
    Route("GET", "api/v1/escalations", READERS, filtered=True),
    Route("POST", "api/v1/escalations", OPERATORS, _question),
    Route("GET", "api/v1/escalations/<escalation_id>", READERS),
    Route("POST", "api/v1/escalations/<escalation_id>/decisions", DECIDERS, _approval),
    Route("GET", "api/v1/decisions/<decision_id>", READERS),
    Route("DELETE", "api/v1/decisions/<decision_id>", THE_DECIDER),
    Route("GET", "api/v1/files", READERS, filtered=True),
    Route("GET", "api/v1/files/<file_id>", READERS),
    Route("GET", "api/v1/files/<file_id>/content", READERS),
    Route("GET", "api/v1/timeouts", READERS, filtered=True),
    Route("GET", "api/v1/", NOBODY),
    Route("GET", r"api/v1/^[\s\S]*$", NOBODY),
]

PAGES = [
    Route("GET", "questions/<uuid:question_id>/", READERS),
    Route("POST", "questions/<uuid:question_id>/decisions/", DECIDERS, _approval),
    Route("POST", "questions/<uuid:question_id>/claims/", DECIDERS),
    Route("POST", "questions/<uuid:question_id>/claims/mine/release/", DECIDERS),
    Route("POST", "decisions/<uuid:decision_id>/undoing/", THE_DECIDER),
    Route("GET", "runs/new/", OPERATORS, filtered=True),
    Route(
        "POST", "runs/new/", OPERATORS, lambda world: {"workspace": world.workspace.slug, "agent": "refund"}
    ),
    Route("GET", "runs/<uuid:run_id>/", READERS),
    Route("GET", "runs/imports/", OPERATORS, filtered=True),
    Route("POST", "runs/imports/", OPERATORS, lambda world: {"workspace": world.workspace.slug}),
    Route("GET", "runs/<uuid:run_id>/chat/", READERS),
    Route("POST", "runs/<uuid:run_id>/turns/", OPERATORS, lambda world: {"text": "Hello?"}),
    Route("POST", "runs/<uuid:run_id>/chat/ending/", OPERATORS),
    Route("GET", "runs/<uuid:run_id>/steps/", READERS),
    Route("GET", "runs/<uuid:run_id>/events/", READERS),
    Route("GET", "runs/<uuid:run_id>/events/<int:event_id>/", READERS),
    Route("GET", "runs/<uuid:run_id>/calls/<uuid:call_id>/", READERS),
    Route("GET", "runs/<uuid:run_id>/children/", READERS),
    Route("GET", "runs/<uuid:run_id>/history", READERS),
    Route("POST", "runs/<uuid:run_id>/signals/", OPERATORS, lambda world: {"name": "hurry"}),
    Route("POST", "runs/<uuid:run_id>/cancellation/", OPERATORS),
    Route("POST", "runs/<uuid:run_id>/termination/", OPERATORS, lambda world: {"reason": "by mistake"}),
    Route("GET", "timeouts/", READERS, filtered=True),
    Route("GET", "drills/", READERS, filtered=True),
    Route("POST", "drills/", OPERATORS, lambda world: {"workspace": world.workspace.slug, "kind": "worker"}),
    Route("GET", "drills/<uuid:drill_id>/", READERS),
    Route("POST", "runs/<uuid:run_id>/updates/", OPERATORS, lambda world: {"name": "count"}),
    Route("POST", "runs/<uuid:run_id>/pause/", OPERATORS),
    Route("POST", "runs/<uuid:run_id>/unpause/", OPERATORS),
    Route("GET", "runs/<uuid:run_id>/again/", OPERATORS),
    Route("POST", "runs/<uuid:run_id>/again/", OPERATORS),
    Route("GET", "runs/<uuid:run_id>/resets/", OPERATORS),
    Route("POST", "runs/<uuid:run_id>/resets/", OPERATORS, lambda world: {"event_id": "4", "reason": "x"}),
    Route("GET", "runs/<uuid:run_id>/now/", READERS),
    Route("GET", "runs/<uuid:run_id>/ask/", READERS),
    Route("POST", "runs/<uuid:run_id>/activities/<path:activity_id>/pause/", OPERATORS),
    Route("POST", "runs/<uuid:run_id>/activities/<path:activity_id>/unpause/", OPERATORS),
    Route("POST", "runs/<uuid:run_id>/activities/<path:activity_id>/retry/", OPERATORS),
    Route("POST", "runs/cancellations/", OPERATORS, lambda world: {"run": [str(world.run.id)]}),
    Route(
        "POST",
        "runs/terminations/",
        OPERATORS,
        lambda world: {"run": [str(world.run.id)], "reason": "by mistake"},
    ),
    Route("GET", "files/<uuid:version_id>/", READERS),
    Route("GET", "files/<uuid:version_id>/content", READERS),
]
"""An agent comes by token only, so pages have no column for Robo."""

PERSONAL = ["runs/views/", "runs/views/<uuid:view_id>/name/", "runs/views/<uuid:view_id>/deletion/"]
"""What is a person's own, whatever the role; tests/reviews/pages/test_saved_views.py."""

OWN_LISTS = ["", "runs/", "files/", "waiting/"]
"""Pages that show each person what is theirs, whoever signed in."""

OPEN = {
    "healthz": 200,
    "metrics": 200,
    "api/v1/openapi.json": 200,
    "sign-in/<str:secret>/": 200,
    "theme/": 405,
    "assets/<str:digest>/<str:name>": 404,
    "admin/login/": 302,
}
"""Addresses that need no sign-in, and what a GET without one gets. `readyz` is 200 or 503."""

PROBES = {"readyz"}

ALLAUTH = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_reauthenticate",
    "account_email",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_confirm_login_code",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
"""allauth's own routes below accounts/, by name: each guards itself."""
