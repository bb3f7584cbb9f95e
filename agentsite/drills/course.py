"""The course of a drill: what it says is shown and kept, and what it waits for has an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.utils import timezone

from agentsite.drills.site import RunningSite
from reviews.drills import actions
from reviews.drills.models import Drill
from reviews.runs.actions import start_run
from reviews.runs.models import Run

T = TypeVar("T")
PATIENCE = 180.0
"""Seconds; a loaded machine may need twenty for each process that comes back."""
LOOK = 0.1
BEAT = 2.0


class NotInTime(Exception):
    """What was promised did not come."""


@dataclass(frozen=True)
class Outcome:
    """``faults`` says what was broken, a sentence each; none: the drill passed."""

    verdict: str
    figures: dict[str, Any]
    faults: list[str] = field(default_factory=list)


@dataclass
class Course:
    """``show`` gets each line as it is said."""

    drill: Drill
    site: RunningSite
    show: Callable[[str], None]
    _beaten: float = 0.0

    @property
    def token(self) -> str:
        """In each text that the drill sends anywhere, and in nobody else's."""
        return self.drill.id.hex[:12]

    def say(self, text: str, tone: str = "quiet") -> None:
        actions.say(self.drill, text, tone)
        self._show(text)

    def struck(self, text: str) -> None:
        """The blow has fallen."""
        actions.struck(self.drill, text)
        self._show(text)

    def count(self, done: int) -> None:
        """So many tasks are answered."""
        actions.count(self.drill, done)

    def start(self, agent: str, input: dict[str, Any], **figures: int) -> Run:
        """The run that the drill follows; ``figures`` say what is about to happen to it."""
        run = start_run(self.drill.workspace, agent, input, by=self.drill.by)
        actions.follow(self.drill, run, **figures)
        return run

    def until(
        self, condition: Callable[[], T | None], what: str, seconds: float = PATIENCE, every: float = LOOK
    ) -> T:
        """The first answer that is true. Raises :class:`NotInTime`."""
        end = time.monotonic() + seconds
        while not (answer := condition()):
            if time.monotonic() > end:
                raise NotInTime(f"Not within {seconds:.0f} s: {what}.")
            self._beat()
            time.sleep(every)
        return answer

    def closed(self, run: Run) -> Run:
        """The run when it has ended and all of it is mirrored. Raises :class:`NotInTime`."""
        return self.until(lambda: _closed(run), f"{run.workflow_id} ends")

    def _beat(self) -> None:
        if time.monotonic() - self._beaten > BEAT:
            actions.beat(self.drill)
            self._beaten = time.monotonic()

    def _show(self, text: str) -> None:
        self.show(f"{timezone.now():%H:%M:%S}  {text}")


def _closed(run: Run) -> Run | None:
    return Run.objects.filter(id=run.id, history_whole=True).exclude(closed_at=None).first()
