"""Keeping what the workflow tells: once, in order, and nobody else's."""

from __future__ import annotations

from reviews.conversations.actions import Heard, keep, say
from reviews.conversations.models import Turn
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run
from tests.support.conversations import start_chat
from tests.support.people import People, ask_refund


def test_a_repeat_changes_nothing(run: Run, olga: Account) -> None:
    said = say(run, "Hello", by=olga)
    heard = [
        Heard(said.key, "person", "Hello", name="Olga"),
        Heard(f"{said.key}#0", "agent", "Hi!", answers=said.key, model="demo-model", demo=True),
    ]
    assert [keep(run, heard) for _ in range(3)] == [2, 2, 2]

    first, second = Turn.objects.order_by("number")
    assert (first.by, first.name) == (olga, ""), "what was recorded with its account keeps it"
    assert (second.text, second.answers, second.demo) == ("Hi!", said.key, True)


def test_a_tools_turn_goes_on(run: Run) -> None:
    keep(run, [Heard("m#0.0", "tool", tool="look_up_order", arguments={"order": "1001"}, state="running")])
    keep(
        run, [Heard("m#0.0", "tool", '{"status": "late"}', tool="look_up_order", arguments={}, state="done")]
    )

    turn = Turn.objects.get()
    assert (turn.number, turn.state, turn.text) == (1, "done", '{"status": "late"}')


def test_a_message_that_came_past_agentsite_is_kept_under_its_own_name(run: Run, olga: Account) -> None:
    keep(
        run,
        [Heard("first", "person", "Hello"), Heard("raw", "person", "Hi", name="Eve\x00")],
    )

    first, raw = Turn.objects.order_by("number")
    assert (first.by, raw.by, raw.name) == (olga, None, "Eve\ufffd")


def test_all_executions_share_one_conversation(run: Run) -> None:
    keep(run, [Heard("a", "person", "one")])
    later = mirroring.adopt(run.namespace, run.workflow_id, "the-next-one")
    assert keep(later, [Heard("b", "person", "two"), Heard("a", "person", "one")]) == 2


def test_only_the_workflows_own_question_is_linked(people: People, run: Run, olga: Account) -> None:
    own, foreign = ask_refund(run, "own"), ask_refund(start_chat(people.home, olga), "foreign")
    tools = [
        Heard(f"m#0.{place}", "tool", tool="issue_refund", state="waiting", escalation_id=str(question.id))
        for place, question in enumerate((own, foreign))
    ]
    keep(run, tools)

    assert list(Turn.objects.order_by("number").values_list("escalation_id", flat=True)) == [own.id, None]
