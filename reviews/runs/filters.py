"""Which runs somebody wants to see: what the runs page and REST filter by."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import F, JSONField, Q, Value
from django.db.models.functions import Coalesce

from reviews.runs.models import RunQuerySet

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True)
class RunFilter:
    """``text`` are words, or beginnings of words, of title and workflow id; ``attributes`` are ``key=value`` each.

    ``id`` is a run's own id, or either of Temporal's names for it. What is left as it is here filters nothing.
    """

    statuses: tuple[str, ...] = ()
    agent: str = ""
    type: str = ""
    waiting: bool | None = None
    after: datetime | None = None
    before: datetime | None = None
    text: str = ""
    attributes: tuple[str, ...] = ()
    id: str = ""
    parent: uuid.UUID | None = None

    @property
    def looks_inside(self) -> bool:
        """Whether an inverted index finds the rows, which knows no order."""
        return bool(self.text or self.attributes)

    def apply(self, runs: RunQuerySet, *, by_age: bool = False) -> RunQuerySet:
        """``by_age`` says that so many fit that the newest are found sooner by age than by what is in them."""
        if self.statuses:
            runs = runs.filter(status__in=self.statuses)
        if self.agent:
            runs = runs.filter(agent=self.agent)
        if self.type:
            runs = runs.filter(workflow_type=self.type)
        if self.waiting is not None:
            runs = runs.filter(waiting_for_human=self.waiting)
        if self.after:
            runs = runs.filter(created_at__gte=self.after)
        if self.before:
            runs = runs.filter(created_at__lt=self.before)
        if self.parent:
            runs = runs.filter(parent=self.parent)
        if self.id:
            runs = runs.filter(_named(self.id))
        return self._inside(runs, by_age)

    def _inside(self, runs: RunQuerySet, by_age: bool) -> RunQuerySet:
        # The expressions of the indexes `run_attributes` and `run_text`; or others of the same meaning, which keep
        # PostgreSQL from these indexes, where it would find all that fit before it looks for the newest.
        attributes = (
            Coalesce("search_attributes", Value({}, JSONField())) if by_age else F("search_attributes")
        )
        for attribute in self.attributes:
            runs = runs.alias(attributes=attributes).filter(_with_attribute(attribute))
        if self.text:
            columns = ("workflow_id", "title") if by_age else ("title", "workflow_id")
            wanted = SearchQuery(_words(self.text), config="simple", search_type="raw")
            runs = runs.alias(words=SearchVector(*columns, config="simple")).filter(words=wanted)
        return runs


def _named(id: str) -> Q:
    try:
        return Q(id=uuid.UUID(id)) | Q(run_id=str(uuid.UUID(id)))
    except ValueError:
        return Q(workflow_id=id)


def _words(text: str) -> str:
    """In the language of tsquery: all of the words, each as a beginning."""
    return " & ".join(_word(word) for word in text.split())


def _word(word: str) -> str:
    """A word with signs in it is meant as it stands, or as its parts, of which the last may go on.

    PostgreSQL takes a hyphen before a figure for a minus: of ``refund-12`` it makes the number -12, of
    ``refund-12ab`` two words. A beginning is dear where much begins so, hence the last part alone.
    """
    *parts, last = re.findall(r"[^\W_]+", word) or [word]
    if not parts and last == word:
        return _begins(word)
    ends = f"({_begins(last)} | {_begins('-' + last)})" if last.isdigit() else _begins(last)
    return f"({_quoted(word)} | ({' & '.join([*map(_quoted, parts), ends])}))"


def _begins(word: str) -> str:
    return f"{_quoted(word)}:*"


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _with_attribute(attribute: str) -> Q:
    """``key=value``: the value as it stands, or as the number, truth value or list of keywords that it looks like."""
    key, _, text = attribute.partition("=")
    wanted = Q()
    for value in _readings(text.strip()):
        wanted |= Q(attributes__contains={key.strip(): value})
    return wanted


def _readings(text: str) -> list[Any]:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return [text[1:-1], [text[1:-1]]]
    if text.lower() in ("true", "false"):
        return [text.lower() == "true", text]
    if _NUMBER.fullmatch(text):
        return [json.loads(text), text, [text]]
    several = [part.strip() for part in text.strip("[]").split(",")]
    return [text, [text], several] if len(several) > 1 else [text, several]
