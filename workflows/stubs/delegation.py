"""Handing parts of a goal to specialists, and joining what they bring back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

from workflows.contracts import HEARTBEAT, MODEL_CALL, MODEL_RETRY, Activity
from workflows.stubs.children import Child


@dataclass
class Goal:
    goal: str


@dataclass
class Assignment:
    """``specialist`` is a role in a few words."""

    specialist: str
    task: str


@dataclass
class Assignments:
    assignments: list[Assignment]


@dataclass
class Work:
    """What came of an assignment: ``by`` is the specialist, or the person who answered in its place."""

    assignment: Assignment
    text: str
    by: str


@dataclass
class JoinRequest:
    goal: str
    works: list[Work]


assign: Activity[Goal, Assignments] = Activity(
    "assign", Assignments, timedelta(minutes=2), MODEL_RETRY, heartbeat=HEARTBEAT
)
carry_out_assignment: Activity[Assignment, Work] = Activity(
    "carry_out_assignment", Work, MODEL_CALL, MODEL_RETRY, heartbeat=HEARTBEAT
)
join_works: Activity[JoinRequest, str] = Activity(
    "join_works", str, timedelta(minutes=5), MODEL_RETRY, heartbeat=HEARTBEAT
)

specialist: Child[Assignment, Work] = Child(
    "specialist",
    Work,
    execution=timedelta(minutes=45),
    run=timedelta(minutes=20),
    retry=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=2),
)
"""A try is a whole run of the specialist: its step has the retries of model calls besides."""
