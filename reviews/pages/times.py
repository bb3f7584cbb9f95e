"""Times for people: how long ago, how long left, how long it took."""

from __future__ import annotations

from datetime import datetime, timedelta

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def in_words(span: timedelta) -> str:
    """The largest unit, and the next one below ten of it: ``42 s``, ``4 min 31 s``, ``3 h``, ``12 d``."""
    seconds = max(0, int(span.total_seconds()))
    for place, (size, unit) in enumerate(UNITS):
        if seconds >= size:
            count, rest = divmod(seconds, size)
            if place + 1 < len(UNITS) and count < 10 and rest >= UNITS[place + 1][0]:
                smaller, name = UNITS[place + 1]
                return f"{count} {unit} {rest // smaller} {name}"
            return f"{count} {unit}"
    return "0 s"


def roughly(span: timedelta) -> str:
    """One unit alone, for lists: ``2 min``."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "now"


def took(span: timedelta) -> str:
    """How long something took: ``85 ms``, ``2.1 s``, then as :func:`in_words`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else in_words(span)


def plain(span: timedelta) -> str:
    """A duration that somebody chose: ``250 ms``, ``1.5 s``, ``3 s``, then as :func:`in_words`."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    return f"{seconds:g} s" if seconds < 60 else in_words(span)


def between(shortest: timedelta, longest: timedelta) -> str:
    """``2.4–3.6 s``, ``850 ms–1.3 s``; one duration where both are the same."""
    first, last = took(shortest), took(longest)
    if first == last:
        return plain(shortest)
    number, *units = first.split()
    return f"{number}–{last}" if last.split()[1:] == units and len(units) == 1 else f"{first}–{last}"


def absolute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or 'UTC'}"


def instant(at: datetime) -> str:
    """Date and time with milliseconds, in UTC, as histories need them."""
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"
