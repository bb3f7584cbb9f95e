"""What is too long for the model: a person says whether less of it will do, and the run goes on accordingly.

    texts = [note.text for note in notes]
    report = await until_it_fits("What was found", write, texts, of_texts([note.title for note in notes]))

Each question offers about half of what was too long, and shows what would be left out; where that is too long still it
is asked again, until nothing is left to leave out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError

from workflows import human
from workflows.contracts import Evidence, Option
from workflows.human import Answer
from workflows.stubs.failing import FailureType, kind_of, reason_of

T = TypeVar("T")
Value = TypeVar("Value")

PATCH = "offer-to-shorten"
"""Runs that met such a failure before this was offered go on as they did then."""
PATIENCE = timedelta(hours=24)
LEAST = 100
"""Characters; so short a text is too long for no model, and is not shortened any more."""
MARK = 50
"""Characters kept free for the line that says what is left out."""
MOST_SHOWN = 50_000
"""Characters of what would be left out that people are shown."""

STOP = human.reject("ends the run as failed", label="Stop")


@dataclass(frozen=True)
class Less(Generic[Value]):
    """About half of a value, as people are asked about it: ``says`` goes on after "gives the model …"."""

    value: Value
    says: str
    left_out: str
    proposal: dict[str, Any]
    before: dict[str, Any]


Shorten = Callable[[Value], Less[Value] | None]
"""None when nothing is left to leave out. What it answers is shorter each time, and the same for the same value."""


class TooLong(ApplicationError):
    """Nobody wanted it shortened. The run fails with it, if its workflow knows nothing better."""

    def __init__(self, what: str, answer: Answer) -> None:
        by = answer.reviewer.name if answer.reviewer else "somebody"
        end = f"{by} did not want it shortened" if answer.verdict else "nobody said in time what to leave out"
        super().__init__(
            f"{what} is too long for the model, and {end}.",
            type=FailureType.CONTEXT_TOO_LONG,
            non_retryable=True,
        )


async def until_it_fits(
    what: str,
    step: Callable[[Value], Awaitable[T]],
    value: Value,
    shorten: Shorten[Value],
    *,
    in_words: Callable[[Answer], T] | None = None,
    stop: Option = STOP,
    patience: timedelta | None = PATIENCE,
) -> T:
    """The step's result with ``value``, or with as much of it as a person lets the model have.

    ``what`` begins the sentence "… is too long for the model". With ``in_words`` a person may say the result instead.
    Raises :class:`TooLong` when they ``stop`` or nobody answers, and the step's own error when it failed otherwise or
    nothing is left to ask.
    """
    while True:
        try:
            return await step(value)
        except (ActivityError, ChildWorkflowError) as error:
            if kind_of(error) != FailureType.CONTEXT_TOO_LONG or not workflow.patched(PATCH):
                raise
            less = shorten(value)
            if less is None:
                raise
            respond = human.respond("takes your words in place of the model's, and goes on")
            options = [shortened(less), *([respond] if in_words else []), stop]
            answer = await ask(what, error, less, options, patience=patience)
            if answer.verdict == "respond" and in_words:
                return in_words(answer)
            if not answer.approved:
                raise TooLong(what, answer) from error
            value = less.value


def shortened(less: Less[Any]) -> Option:
    return human.approve(f"gives the model {less.says}", label="Shorten it")


async def ask(
    what: str,
    error: ActivityError | ChildWorkflowError,
    less: Less[Any],
    options: Sequence[Option],
    *,
    form: dict[str, Any] | None = None,
    patience: timedelta | None = PATIENCE,
) -> Answer:
    """For a workflow that offers more than :func:`until_it_fits` does."""
    source = error.activity_type if isinstance(error, ActivityError) else error.workflow_id
    return await human.ask(
        title=f"{what} is too long for the model",
        description=f"The model cannot take so much at once, and the same will fail again. It would get {less.says}. "
        "What would be left out stands below.",
        options=options,
        proposal=less.proposal,
        before=less.before,
        form=form,
        evidence=[
            Evidence("text", "What would be left out", text=_shown(less.left_out), source=what),
            Evidence("text", "The last failure", text=reason_of(error), source=source),
        ],
        policy=human.policy(deadline=patience, risk="low"),
    )


def _shown(text: str) -> str:
    more = len(text) - MOST_SHOWN
    return text if more <= 0 else f"{text[:MOST_SHOWN]}\n[… {more:,} more characters]"


# What can be shortened


def of_text(name: str) -> Shorten[str]:
    """A single text, which people read as the field ``name`` before and after."""

    def shorten(text: str) -> Less[str] | None:
        if len(text) < LEAST:
            return None
        kept, left_out = cut(text, len(text) // 2)
        return Less(kept, f"{len(kept):,} of {len(text):,} characters", left_out, {name: kept}, {name: text})

    return shorten


def of_texts(names: Sequence[str]) -> Shorten[list[str]]:
    """Several, of these names; the longest first, so that what is short stays whole."""

    def shorten(texts: list[str]) -> Less[list[str]] | None:
        size = sum(map(len, texts))
        if size < LEAST:
            return None
        most = _most_of_each(texts, size // 2)
        cuts = [cut(text, most) for text in texts]
        kept = [one for one, _ in cuts]
        left = sum(map(len, kept))
        return Less(
            kept,
            f"{left:,} of {size:,} characters, of each part at most {most:,}",
            "\n\n".join(f"{name}\n{gone}" for name, (_, gone) in zip(names, cuts, strict=True) if gone),
            {"characters": left, "longest_part": most},
            {"characters": size, "longest_part": max(map(len, texts))},
        )

    return shorten


def cut(text: str, most: int) -> tuple[str, str]:
    """At most so many characters of it, and what is left out.

    They are its beginning, which mostly says what it is about, and its end.
    """
    if len(text) <= most:
        return text, ""
    if most < 4 * MARK:  # a beginning says more then than two pieces
        return text[:most], text[most:]
    tail = (most - MARK) // 3
    head = most - MARK - tail
    left_out = text[head:-tail]
    return f"{text[:head]}\n[… {len(left_out):,} characters left out …]\n{text[-tail:]}", left_out


def _most_of_each(texts: Sequence[str], room: int) -> int:
    """So many characters each may have at most, that all of them have ``room``; which is less than they have now."""
    most = 0
    for done, length in enumerate(sorted(map(len, texts))):
        most = room // (len(texts) - done)
        if length > most:
            break
        room -= length
    return most
