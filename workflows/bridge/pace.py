"""How soon the mirror looks again at a run that has just moved.

A look costs a call to Temporal and a transaction, whatever it finds. One run alone is looked at as soon as it moves;
of many that move at once each is looked at less often, and a look finds more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LOOKS = 30.0
"""A second, of all runs together."""
AT_ONCE = 30
"""Looks that nobody waits for, after a quiet second."""
LONGEST = 3.0
"""Seconds that a run is not looked at, however many move."""


class Pace:
    """Looks are given out in the order in which they are asked for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given_until = 0.0

    def rest(self) -> float:
        """Seconds until the next look of whoever asks."""
        now = self._clock()
        self._given_until = max(self._given_until, now - AT_ONCE / LOOKS) + 1 / LOOKS
        self._given_until = min(self._given_until, now + LONGEST)
        return max(0.0, self._given_until - now)
