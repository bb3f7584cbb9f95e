"""One run is looked at as soon as it moves; of many each a little later, and none is forgotten."""

from __future__ import annotations

from workflows.bridge.pace import AT_ONCE, LONGEST, LOOKS, Pace


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_who_moves_alone_is_looked_at_at_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(100):
        assert pace.rest() == 0
        clock.now += 1 / LOOKS


def test_many_wait_for_their_turn_and_none_too_long() -> None:
    pace = Pace(Clock())
    rests = [pace.rest() for _ in range(1000)]
    assert rests[:AT_ONCE] == [0] * AT_ONCE
    assert rests == sorted(rests)
    assert round(rests[AT_ONCE + 9], 6) == round(10 / LOOKS, 6)
    assert rests[-1] == LONGEST


def test_after_a_quiet_while_nobody_waits() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(1000):
        pace.rest()
    clock.now += LONGEST + AT_ONCE / LOOKS
    assert [pace.rest() for _ in range(AT_ONCE)] == [0] * AT_ONCE
    assert pace.rest() > 0
