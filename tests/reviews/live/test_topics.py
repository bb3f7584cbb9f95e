"""Who may listen to what: each topic × each person × own or foreign workspace."""

from __future__ import annotations

import uuid

import pytest

from reviews.conversations.actions import say
from reviews.drills.actions import start_drill
from reviews.drills.models import DrillKind
from reviews.live.topics import FEW, TOPICS, allowed, few_runs
from reviews.workspaces.access import Viewer
from tests.reviews.routes import READERS
from tests.support.conversations import start_chat
from tests.support.people import People, approve, ask_refund, start_refund

OUTSIDERS = frozenset({"charlie"})
EVERYBODY = [*sorted(READERS), *sorted(OUTSIDERS)]


@pytest.fixture
def subjects(people: People) -> dict[str, str]:
    """One of each topic, at home."""
    run = start_refund(people.home, people.olga)
    question = ask_refund(run)
    decision = approve(question, people.bob)
    ids = dict.fromkeys(("inbox", "runs", "files", "drills", "workspace"), people.home.id)
    drill = start_drill(people.home, DrillKind.WORKER, by=people.olga)
    said = say(start_chat(people.home, people.olga), "Hello", by=people.olga)
    ids |= {
        "conversation": said.conversation_id,
        "run": run.id,
        "escalation": question.id,
        "message": decision.id,
        "drill": drill.id,
    }
    return {topic: f"{topic}:{id}" for topic, id in ids.items()}


def test_the_table_has_every_topic(subjects: dict[str, str]) -> None:
    assert set(subjects) == set(TOPICS)


@pytest.mark.parametrize("name", EVERYBODY)
def test_members_hear_what_they_may_read_and_others_nothing(
    people: People, subjects: dict[str, str], name: str
) -> None:
    viewer = Viewer(getattr(people, name))
    assert allowed(viewer, subjects.values()) == (set(subjects.values()) if name in READERS else set())


@pytest.mark.parametrize(
    ("scopes", "heard"),
    [
        (["runs:read"], {"runs", "run", "conversation", "drills", "drill", "workspace"}),
        (["escalations:read"], {"inbox", "escalation", "workspace"}),
        (["files:read"], {"files", "workspace"}),
    ],
)
def test_a_token_hears_what_its_scopes_reach(
    people: People, subjects: dict[str, str], scopes: list[str], heard: set[str]
) -> None:
    from reviews.people.actions import create_token

    token, _ = create_token(people.bob, people.home, scopes, by=None)
    viewer = Viewer(people.bob, token)
    assert {subject.partition(":")[0] for subject in allowed(viewer, subjects.values())} == heard


@pytest.mark.parametrize(
    "subject",
    ["", ":", "run", "run:", "run:x", "account:{id}", "nothing:{id}", "RUN:{id}", "run:{id} ", "run:{hex}"],
)
def test_what_is_no_subject_is_left_out(people: People, subject: str) -> None:
    run = start_refund(people.home, people.olga)
    asked = subject.format(id=run.id, hex=run.id.hex)
    assert allowed(Viewer(people.alice), [asked]) == set()


def test_a_page_of_few_runs_looks_at_them_and_a_list_at_none() -> None:
    ids = [uuid.uuid4() for _ in range(FEW + 1)]
    subjects = [f"run:{id}" for id in ids]
    assert few_runs([*subjects[:FEW], f"message:{ids[0]}"]) == ids[:FEW]
    assert few_runs(subjects) == []
