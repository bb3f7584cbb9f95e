"""Rehearse a crash on the site that runs here: ``drill crash | worker | bridge | web | temporal``."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentsite.drills.decisions import AWAY, strike_temporal
from agentsite.drills.run import STRIKES, carry_out
from agentsite.drills.site import CannotDrill, RunningSite
from agentsite.seed import SLUG
from reviews.drills.actions import AnotherDrillRuns, start_drill
from reviews.drills.models import Drill, DrillKind, DrillState
from reviews.drills.queries import NEEDS
from reviews.people.models import Account
from reviews.workspaces.access import Viewer
from reviews.workspaces.models import Membership, Role, Workspace

CRASH = "crash"


class Command(BaseCommand):
    help = (
        "Kill a process of the site that `make up` runs here, watch what becomes of the work, and count. "
        "crash is worker: killed during task 47 of 50. Exit code 1 when a promise was broken."
    )
    requires_system_checks = ()  # they load the code of every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=[CRASH, *DrillKind.values])
        parser.add_argument("--workspace", default=SLUG, metavar="SLUG", help="where its run belongs")
        parser.add_argument("--by", metavar="NAME", help="who starts and decides; the owner when not given")
        parser.add_argument("--seconds", type=float, default=AWAY, help="how long Temporal is away")
        parser.add_argument("--id", metavar="UUID", help="a drill that a page started")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = DrillKind.WORKER if options["kind"] == CRASH else DrillKind(options["kind"])
        drill = _known(options["id"]) if options["id"] else _new(kind, options["workspace"], options["by"])
        strike = STRIKES[kind]
        if kind == DrillKind.TEMPORAL:
            strike = partial(strike_temporal, seconds=options["seconds"])
        carry_out(drill, strike, self._show)
        self._show(f"{drill.get_state_display()}: {drill.verdict}")
        for name, figure in sorted(drill.figures.items()):
            self._show(f"  {name:<18}{figure}")
        if drill.state != DrillState.PASSED:
            sys.exit(1)

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _known(id: str) -> Drill:
    drill = Drill.objects.select_related("workspace", "by").filter(id=id).first()
    if drill is None or drill.state != DrillState.RUNNING:
        raise CommandError(f"There is no drill {id} that runs.")
    return drill


def _new(kind: DrillKind, slug: str, name: str | None) -> Drill:
    try:
        RunningSite(settings.HOME)
    except CannotDrill as error:
        raise CommandError(str(error)) from error
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise CommandError(f"There is no workspace {slug!r}.")
    account = _account(workspace, name)
    for right in NEEDS[kind]:
        if not Viewer(account).may(right, workspace.id):
            raise CommandError(f"{account.name} has not the right {right} in {workspace.slug}.")
    try:
        return start_drill(workspace, kind, by=account)
    except AnotherDrillRuns as error:
        raise CommandError("Another drill runs. Wait for its end.") from error


def _account(workspace: Workspace, name: str | None) -> Account:
    members = Membership.objects.filter(workspace=workspace).select_related("account")
    found = members.filter(account__name__iexact=name) if name else members.filter(role=Role.OWNER)
    membership = found.first()
    if membership is None:
        raise CommandError(f"{name!r} is not a member of {workspace.slug}.")
    return membership.account
