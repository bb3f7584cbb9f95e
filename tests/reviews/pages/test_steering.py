"""Forms by which a run is steered: updates, pauses, activities, resets, another like it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reviews.outbox.models import Message, MessageKind
from reviews.runs.models import AgentType, Run, RunStatus
from tests.support import short_histories
from tests.support.people import REFUND

PATHS = {
    "updates": (["updates"], {"name": "set_limit", "input": '{"limit": 5} 7'}),
    "pause": (["pause"], {}),
    "unpause": (["unpause"], {}),
    "pause_activity": (["pause_activity", "a/b"], {}),
    "unpause_activity": (["unpause_activity", "a/b"], {}),
    "retry_activity": (["retry_activity", "a/b"], {}),
    "resets": (["resets"], {"event_id": "4", "reason": "a bad deploy"}),
}
EVERY = pytest.mark.parametrize("control", PATHS)


@pytest.fixture(autouse=True)
def history(run: Run) -> None:
    short_histories.keep_short_history(run)


def path(run: Run, control: str) -> str:
    name, *rest = PATHS[control][0]
    return reverse(name, args=[run.id, *rest])


@EVERY
def test_it_is_queued_once_and_leads_back_to_the_run(as_olga: Client, run: Run, control: str) -> None:
    data = PATHS[control][1] | {"attempt": "the-attempt-of-this-form"}
    for _ in range(2):
        answer = as_olga.post(path(run, control), data)
        assert (answer.status_code, answer["Location"]) == (302, reverse("run", args=[run.id]))
    [message] = Message.objects.exclude(kind=MessageKind.START)
    assert message.kind == {"updates": "update", "resets": "reset"}.get(control, control)


@EVERY
def test_reviewers_and_viewers_may_not(as_bob: Client, as_victor: Client, run: Run, control: str) -> None:
    for client in (as_bob, as_victor):
        assert client.post(path(run, control), PATHS[control][1]).status_code == 403
        content = client.get(reverse("run", args=[run.id])).content.decode()
        assert "More…" not in content
    assert not Message.objects.exclude(kind=MessageKind.START).exists()


@pytest.mark.parametrize("control", [control for control in PATHS if control != "resets"])
def test_a_closed_run_takes_none_but_a_reset(as_olga: Client, run: Run, control: str) -> None:
    Run.objects.update(status=RunStatus.COMPLETED, closed_at=timezone.now())
    assert as_olga.post(path(run, control), PATHS[control][1]).status_code == 409
    assert as_olga.post(path(run, "resets"), PATHS["resets"][1]).status_code == 302


def test_the_arguments_of_an_update_stand_one_after_another(as_olga: Client, run: Run) -> None:
    as_olga.post(path(run, "updates"), PATHS["updates"][1])
    assert Message.objects.get(kind="update").body == {"name": "set_limit", "arguments": [{"limit": 5}, 7]}


@pytest.mark.parametrize(("name", "text"), [("", "1"), ("go", "{"), ("go", "NaN"), ("x" * 300, "")])
def test_an_update_that_cannot_be_read_is_not_sent(as_olga: Client, run: Run, name: str, text: str) -> None:
    answer = as_olga.post(path(run, "updates"), {"name": name, "input": text})
    assert answer.status_code == 422
    content = answer.content.decode()
    assert 'aria-invalid="true"' in content
    assert 'id="update" data-panel open' in content
    assert not Message.objects.filter(kind="update").exists()


def test_the_points_to_reset_to(as_olga: Client, run: Run) -> None:
    content = as_olga.get(path(run, "resets")).content.decode()
    assert "then: scheduled pay, scheduled mail" in content
    assert 'value="8" checked' in content, "the last workflow task is the preset"
    assert content.index("Event 8") < content.index("Event 4")
    assert "first workflow task: everything again" in content
    assert 'value="4" checked' in as_olga.get(path(run, "resets"), {"event_id": "4"}).content.decode()


def test_a_reset_needs_a_reason_and_keeps_the_choice(as_olga: Client, run: Run) -> None:
    answer = as_olga.post(path(run, "resets"), {"event_id": "4", "reason": " "})
    assert answer.status_code == 422
    assert 'value="4" checked' in answer.content.decode()
    assert not Message.objects.filter(kind="reset").exists()


@pytest.mark.parametrize("event_id", ["", "5", "x", "9" * 30, "-4"])
def test_a_reset_needs_a_point(as_olga: Client, run: Run, event_id: str) -> None:
    answer = as_olga.post(path(run, "resets"), {"event_id": event_id, "reason": "why"})
    assert answer.status_code == 422
    assert b"No workflow task ended" in answer.content
    assert b'value="why"' in answer.content


def test_a_run_without_a_point_says_so(as_olga: Client, run: Run) -> None:
    run.chunks.all().delete()
    assert b"No point to go back to yet" in as_olga.get(path(run, "resets")).content


def test_a_paused_run_offers_to_go_on(as_olga: Client, run: Run) -> None:
    Run.objects.update(status=RunStatus.PAUSED)
    content = as_olga.get(reverse("run", args=[run.id])).content.decode()
    assert "Let the run go on" in content
    assert "Pause the run" not in content


# Another like it


def test_another_of_a_registered_type_starts_from_its_form(as_olga: Client, run: Run) -> None:
    Run.objects.filter(id=run.id).update(input={**REFUND, "customer": "Erin"})
    answer = as_olga.get(reverse("again", args=[run.id]), follow=True)
    content = answer.content.decode()
    assert 'value="Erin"' in content
    form = {"workspace": run.workspace.slug, "agent": "refund", "like": str(run.id)}
    as_olga.post(reverse("new_run"), form | {"/customer": "Erin", "/amount": "7", "/reason": "late"})
    another = Run.objects.exclude(id=run.id).get()
    assert another.input == {"customer": "Erin", "amount": 7, "reason": "late"}


def test_another_of_a_foreign_type_gets_the_same_input(as_olga: Client, run: Run) -> None:
    AgentType.objects.all().delete()
    page = as_olga.get(reverse("again", args=[run.id]))
    assert b"just the same input" in page.content
    for _ in range(2):
        answer = as_olga.post(reverse("again", args=[run.id]), {"attempt": "the-attempt-of-this-form"})
    another = Run.objects.exclude(id=run.id).get()
    assert answer["Location"] == reverse("run", args=[another.id])
    assert another.input == run.input


def test_a_foreign_run_that_was_never_mirrored_is_not_started_again(as_olga: Client, run: Run) -> None:
    AgentType.objects.all().delete()
    run.chunks.all().delete()
    answer = as_olga.post(reverse("again", args=[run.id]), follow=True)
    assert b"is not mirrored" in answer.content
    assert Run.objects.count() == 1


def test_a_form_is_filled_from_nobody_elses_run(as_charlie: Client, run: Run) -> None:
    query = {"workspace": "abroad", "like": str(run.id)}
    assert as_charlie.get(reverse("new_run"), query).status_code == 404
    assert as_charlie.get(reverse("new_run"), query | {"like": "x"}).status_code == 404
