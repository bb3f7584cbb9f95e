"""Extract, validate, transform: what the stages are given, what they say to each other, and how that is heard."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from workflows.contracts import HEARTBEAT, Activity
from workflows.stubs.children import Child
from workflows.stubs.files import NewFile, StoredFile, read_file, store_file

CLAIM_SIGNAL = "take_claim"
UPSTREAM_ENDED_SIGNAL = "upstream_ended"

UPSTREAM_ENDED = "UpstreamEnded"
NEXT_STAGE_GONE = "NextStageGone"
MALFORMED_INPUT = "MalformedInput"

HAND_ON_WAITS = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4), timedelta(seconds=8))

FIELDS = ("customer", "item", "quantity", "unit_price")
"""Of a row, each as text: as it stands in the document, or as a person typed it."""


@dataclass
class Document:
    """Text with orders in it, however they are written."""

    document: str


@dataclass
class ExtractInput:
    """``document`` is the claim of the document, ``then`` the workflow id of the stage that takes the output."""

    folder: str
    document: StoredFile
    then: str


@dataclass
class StageInput:
    """``folder`` is where all stages keep their output; ``then`` is None for the last one."""

    folder: str
    then: str | None = None


@dataclass
class Extraction:
    """What is to be extracted, and the path of the output."""

    document: StoredFile
    path: str


@dataclass
class Extracted:
    file: StoredFile
    rows: int
    pieces: int


@dataclass
class Validated:
    """``left_out`` are the rows that no person mended, each as it stands in the document."""

    file: StoredFile
    rows: int
    corrected: int
    left_out: list[str]


@dataclass
class Transformed:
    file: StoredFile
    customers: int
    total: str


extract_rows: Activity[Extraction, Extracted] = Activity(
    "extract_rows",
    Extracted,
    timedelta(hours=2),
    RetryPolicy(
        initial_interval=timedelta(seconds=2),
        maximum_interval=timedelta(seconds=60),
        maximum_attempts=12,
        non_retryable_error_types=["ValidationError"],
    ),
    heartbeat=HEARTBEAT,
)
"""More tries than one call of a model has: each goes on behind the last piece that was done."""

ONCE = RetryPolicy(maximum_attempts=1)
"""A stage that began anew would not hear the signals again that the one before it got. Its steps have retries."""

extract: Child[ExtractInput, Extracted] = Child("extract", Extracted, timedelta(days=1), ONCE)
validate: Child[StageInput, Validated] = Child("validate", Validated, timedelta(days=4), ONCE)
transform: Child[StageInput, Transformed] = Child("transform", Transformed, timedelta(days=5), ONCE)


class Stage:
    """A stage's ear: the claim of the stage before, or the word that none will come.

    Signals come before the stage waits, twice, or from anybody. Until it begins its work the newest version counts
    (a stage before that was reset writes another one); what comes later is said in the log and left.
    """

    def __init__(self) -> None:
        self._claim: StoredFile | None = None
        self._ended: str | None = None
        self._begun = False

    @workflow.signal(name=CLAIM_SIGNAL)
    def take_claim(self, value: Any = None) -> None:
        claim = _claim(value)
        if claim is None:
            workflow.logger.warning("Ignored a %s signal that is no claim: %r", CLAIM_SIGNAL, value)
        elif self._begun:
            workflow.logger.info("The claim of version %s came after the work began", claim.version_id)
        elif self._claim is None or claim.version > self._claim.version:
            self._claim = claim

    @workflow.signal(name=UPSTREAM_ENDED_SIGNAL)
    def upstream_ended(self, reason: Any = None) -> None:
        self._ended = str(reason)

    async def claim(self) -> StoredFile:
        """Wait for it. Raises ``UpstreamEnded`` with the reason when there will be none."""
        await workflow.wait_condition(lambda: self._claim is not None or self._ended is not None)
        if self._claim is None:
            raise ApplicationError(
                f"Nothing to work on: {self._ended}", type=UPSTREAM_ENDED, non_retryable=True
            )
        self._begun = True
        return self._claim


async def hand_on(claim: StoredFile, then: str) -> None:
    """Tell the next stage where its input is. The file is stored already, whoever is there to take it.

    No run id: a stage that was reset goes on under another one. The stages are started together, so one that is
    not there may come yet. Raises ``NextStageGone`` when it did not.
    """
    for wait in (*HAND_ON_WAITS, None):
        try:
            await workflow.get_external_workflow_handle(then).signal(CLAIM_SIGNAL, claim)
            return
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            if wait is None:
                raise ApplicationError(
                    f"{claim.path} is stored, but its next stage {then} cannot be told: {error}",
                    type=NEXT_STAGE_GONE,
                    non_retryable=True,
                ) from error
        await workflow.sleep(wait)


async def read_input(claim: StoredFile, *texts: str, **kinds: type) -> dict[str, Any]:
    """``{"rows": […], "left_out": […]}``, each row with ``texts`` and ``kinds`` in it.

    A signal is anybody's word: raises a final ``MalformedInput`` for a file of another shape.
    """
    text = await read_file(claim, summary=claim.path)
    wanted = dict.fromkeys(texts, str) | kinds
    try:
        content = json.loads(text)
        rows, left_out = content["rows"], content.get("left_out", [])
        fits = all(isinstance(row[name], kind) for row in rows for name, kind in wanted.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        fits = False
    if not fits:
        message = f"{claim.path}, version {claim.version}, is no output of the stage before."
        raise ApplicationError(message, type=MALFORMED_INPUT, non_retryable=True)
    return {"rows": rows, "left_out": left_out}


async def store_output(path: str, content: Any) -> StoredFile:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return await store_file(NewFile(path, text), summary=path)


def _claim(value: Any) -> StoredFile | None:
    match value:
        case {"version_id": str(version_id), "path": str(path)}:
            version, size = value.get("version"), value.get("size")
            return StoredFile(
                version_id,
                path,
                version if isinstance(version, int) else 0,
                size if isinstance(size, int) else 0,
            )
        case _:
            return None
