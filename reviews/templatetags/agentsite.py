"""What templates say in one word: times, states, text from outside."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from heroicons.templatetags.heroicons import heroicon_micro

from reviews.drills.models import Drill, DrillLine
from reviews.escalations.models import Decision, Escalation
from reviews.outbox.models import Message
from reviews.pages import addresses, assets, marks, times
from reviews.pages.markdown import render_markdown
from reviews.pages.progress import progress_of
from reviews.pages.visible import named
from reviews.pages.visible import visible as make_visible
from reviews.runs.models import Attempt, Run, Step
from reviews.runs.now import ActivityNow

MOST_CAUSES = 10

register = template.Library()
register.simple_tag(assets.address_of, name="asset")
register.filter("visible", make_visible)
register.filter("named", named)
register.filter("took", lambda span: times.took(span) if span is not None else "–")
register.filter("plain", lambda span: times.plain(span) if span is not None else "–")
register.filter("between", lambda ends: times.between(*ends) if ends is not None else "–")
register.filter("instant", times.instant)
register.filter("mark_of_risk", marks.of_risk)
register.filter("mark_of_timeout", marks.of_timeout)
register.filter("markdown", render_markdown)
register.filter("is_text", lambda value: isinstance(value, str))
register.filter("address_of_run", addresses.of_run)
register.filter("address_of_question", addresses.of_escalation)


# In place of the library's own tag, which makes an icon anew each time: most of what a long list took.
register.simple_tag(lru_cache(maxsize=1000)(heroicon_micro), name="heroicon_micro")


@register.simple_tag
def ago(at: datetime | None, form: str = "%s ago") -> SafeString | str:
    """How long ago, with the absolute time and zone at hand."""
    return _time(at, form % times.in_words(timezone.now() - at), "ago", form) if at else "–"


@register.simple_tag
def since(at: datetime | None) -> SafeString | str:
    """The same in one short word, for lists."""
    return _time(at, times.roughly(timezone.now() - at), "since") if at else "–"


@register.simple_tag
def until(at: datetime | None) -> SafeString | str:
    """How long until then: ``in 12 s``, ``now``."""
    if at is None:
        return "–"
    left = at - timezone.now()
    return _time(at, f"in {times.in_words(left)}" if left > timedelta(seconds=1) else "now", "until")


@register.simple_tag
def clock(at: datetime | None) -> SafeString | str:
    """The time of day, with milliseconds."""
    return _time(at, f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}") if at else "–"


def _time(at: datetime, words: str, form: str = "", pattern: str = "") -> SafeString:
    """``form`` (and the words around it) says how the page keeps it true while it is open: static/js/times.js."""
    live = format_html(' data-form="{}" data-words="{}"', form, pattern) if form else ""
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>', at.isoformat(), times.absolute(at), live, words
    )


@register.filter
def lasted(run: Run) -> SafeString | str:
    if run.started_at is None:
        return "–"
    # The history of a run made by a reset begins with its base run's, long before it started itself.
    began = run.started_at if run.reset_event_id is None else run.created_at
    if run.closed_at is None:
        return _time(began, times.in_words(timezone.now() - began), "ago", "%s")
    return times.took(run.closed_at - began)


@register.filter
def causes(failure: Any) -> list[dict[str, Any]]:
    """What lies behind a failure, the nearest cause first."""
    found: list[dict[str, Any]] = []
    while isinstance(failure, dict) and isinstance(failure.get("cause"), dict) and len(found) < MOST_CAUSES:
        failure = failure["cause"]
        found.append(failure)
    return found


@register.filter
def stack_traces(attributes: Any) -> list[dict[str, Any]]:
    """The failures of an event that say where they arose, the outermost first: JSON shows a trace in one line."""
    failure = next(
        (attributes[key] for key in ("failure", "last_failure") if isinstance(attributes.get(key), dict)),
        None,
    )
    found = [failure, *causes(failure)] if failure else []
    return [one for one in found if one.get("stack_trace")]


@register.filter
def span(attempt: Attempt) -> timedelta | None:
    return attempt.ended_at - attempt.started_at if attempt.ended_at else None


@register.filter
def milliseconds(count: int | None) -> str:
    return times.took(timedelta(milliseconds=count)) if count is not None else "–"


@register.filter
def mark(
    thing: Run | Step | Attempt | ActivityNow | Message | Escalation | Decision | Drill | DrillLine,
) -> marks.Mark:
    match thing:
        case Run():
            return marks.of_run(thing)
        case Step():
            return marks.of_step(thing)
        case Attempt():
            return marks.of_attempt(thing)
        case ActivityNow():
            return marks.of_activity(thing)
        case Message():
            return marks.of_message(thing)
        case Decision():
            return marks.of_decision(thing)
        case Drill():
            return marks.of_drill(thing)
        case DrillLine():
            return marks.of_drill_line(thing)
        case _:
            return marks.of_question(thing)


@register.filter
def mark_word(thing: Run | Step | Attempt | Escalation | Decision) -> str:
    return mark(thing).word


@register.simple_tag
def pill(shown: marks.Mark, words: str = "") -> str:
    return _pill(shown, words or shown.word)


@lru_cache(maxsize=1000)
def _pill(shown: marks.Mark, words: str) -> str:
    """There are few different ones, and a list has many: drawing the icon anew was a fifth of a page's time."""
    return render_to_string("components/pill.html", {"mark": shown, "words": words})


@register.inclusion_tag("components/deadline.html")
def deadline(escalation: Escalation, then: str = "") -> dict[str, Any]:
    """How long an open question may still wait, and what happens then; nothing on a closed one."""
    at = escalation.deadline if escalation.is_pending else None
    left = at - timezone.now() if at else None
    return {
        "at": at,
        "absolute": times.absolute(at) if at else "",
        "left": times.roughly(left) if left else "",
        "passed": escalation.deadline_passed,
        "then": then,
        "pending": escalation.is_pending,
    }


@register.inclusion_tag("components/progress.html")
def progress(details: Any, ended: object = None) -> dict[str, Any]:
    return {"said": progress_of(details, ended=bool(ended))}


@register.simple_tag
def query_with(filters: Any, **changed: Any) -> str:
    """The address of a list with some of its filters changed."""
    return str(filters.address(**changed))


@register.filter
def pretty(value: Any) -> SafeString:
    """JSON for people, hidden characters shown."""
    return make_visible(json.dumps(value, indent=2, ensure_ascii=False, default=str))


@register.filter
def in_a_line(value: Any) -> SafeString:
    """JSON in one line, its beginning where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return make_visible(text if len(text) <= 200 else f"{text[:199]}…")


@register.filter
def short(identifier: object, length: int = 8) -> str:
    text = str(identifier)
    return text if len(text) <= length + 1 else f"{text[:length]}…"


@register.filter
def bytes_in_words(count: int) -> str:
    """SI units: 22 kB, 1.4 MB."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "kB") or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@register.filter
def count_of(number: int, noun: str) -> str:
    """``1 step``, ``3 steps``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@register.filter
def in_thousands(number: int | None) -> str:
    return f"{number or 0:,}"


@register.filter
def dollars(cost: Decimal | None) -> str:
    """``$12.30``, ``$0.0042``; what is known of no price is a dash."""
    if cost is None:
        return "–"
    if 0 < cost < Decimal("0.0001"):
        return "under $0.0001"
    return f"${cost:,.2f}" if cost == 0 or cost >= 1 else f"${cost:.4f}"


@register.filter
def as_text(content: Any) -> str:
    """A message's content: words as they are, parts as JSON."""
    return content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False)
