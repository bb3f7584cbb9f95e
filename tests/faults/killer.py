"""Kills at moments that a seed decides, so that a bad night can be had again."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import psutil

from tests.support.site import Site

ROLES = ("web", "bridge", "worker")
HOW_MANY = (1, 1, 1, 2, 3)
"""At once: mostly one process, sometimes all."""


@dataclass(frozen=True)
class Kill:
    """`role` dies `delay` seconds after decision number `at` is sent off."""

    at: int
    role: str
    delay: float


def plan(seed: int, decisions: int, share: float = 0.3) -> list[Kill]:
    """Kills around this share of the decisions."""
    dice = random.Random(seed)
    struck = sorted(dice.sample(range(decisions), round(decisions * share)))
    return [
        Kill(at, role, round(dice.uniform(0.0, 0.4), 3))
        for at in struck
        for role in dice.sample(ROLES, dice.choice(HOW_MANY))
    ]


@dataclass
class Killer:
    """Carries out a plan; `log` says what was killed when, in seconds since the beginning."""

    site: Site
    plan: list[Kill]
    log: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _timers: list[threading.Timer] = field(default_factory=list)

    def decision_is_sent(self, number: int) -> None:
        for kill in self.plan:
            if kill.at == number:
                timer = threading.Timer(kill.delay, self._strike, [kill])
                self._timers.append(timer)
                timer.start()

    def rest(self) -> None:
        """Wait for the last kill."""
        for timer in self._timers:
            timer.join()

    def _strike(self, kill: Kill) -> None:
        while True:
            try:
                pid = self.site.kill(kill.role)
                break
            except (psutil.Error, KeyError):  # it was just dying of another kill
                time.sleep(0.05)
        self.log.append(f"{time.monotonic() - self._began:.2f} s {kill.role} ({pid}, decision {kill.at})")
