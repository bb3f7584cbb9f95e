"""Answering a question on its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from reviews.audit.models import AuditEvent
from reviews.escalations import actions
from reviews.escalations.models import Decision, Escalation
from reviews.outbox.models import Message, MessageKind
from reviews.people.models import Account
from reviews.runs.models import Run
from tests.support.people import REFUND, approve, ask_refund


def form(question: Escalation, verdict: str = "approve", **fields: str) -> dict[str, str]:
    return {"verdict": verdict, "digest": question.digest, "attempt": f"attempt-of-{verdict}-form", **fields}


def edit(question: Escalation, **fields: str) -> dict[str, str]:
    values = {"/customer": "Dora", "/amount": "120.5", "/reason": REFUND["reason"]}
    return form(question, "edit", **(values | {f"/{name}": value for name, value in fields.items()}))


def post(client: Client, question: Escalation, data: dict[str, str]) -> Any:
    return client.post(reverse("decisions", args=[question.id]), data)


def test_approving_records_the_decision_and_shows_its_journey(
    as_bob: Client, question: Escalation, bob: Account
) -> None:
    answer = post(as_bob, question, form(question))
    assert answer.status_code == 302
    decision = Decision.objects.get()
    assert (decision.by, decision.verdict, decision.digest) == (bob, "approve", question.digest)
    assert AuditEvent.objects.filter(verb="decision.recorded").count() == 1
    shown = as_bob.get(answer["Location"]).content
    assert b"approved" in shown
    assert f"escalation:{question.id} message:{decision.id}".encode() in shown


def test_a_double_click_is_one_decision(as_bob: Client, question: Escalation) -> None:
    first, second = post(as_bob, question, form(question)), post(as_bob, question, form(question))
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"]
    assert Decision.objects.count() == 1
    assert Message.objects.filter(kind=MessageKind.SIGNAL).count() == 1


def test_a_second_reviewer_is_told_who_decided_and_what(
    as_bob: Client, as_alice: Client, question: Escalation, bob: Account
) -> None:
    post(as_bob, question, form(question))
    answer = post(as_alice, question, form(question, "reject", comment="Too much <b>"))
    assert answer.status_code == 409
    content = answer.content.decode()
    assert "Bob decided this" in content
    assert "approved" in content
    assert "Your answer was not recorded" in content
    assert "Too much &lt;b&gt;" in content, "what was typed is not lost"
    assert Decision.objects.count() == 1


def test_the_same_form_with_another_verdict_after_going_back_decides_nothing(
    as_bob: Client, question: Escalation
) -> None:
    post(as_bob, question, form(question, attempt="one-and-the-same-form"))
    answer = post(as_bob, question, form(question, "reject", attempt="one-and-the-same-form"))
    assert answer.status_code == 409
    assert Decision.objects.get().verdict == "approve"


def test_an_edit_sends_the_whole_values_with_their_types(as_bob: Client, question: Escalation) -> None:
    post(as_bob, question, edit(question, amount="99"))
    assert Decision.objects.get().response == {**REFUND, "amount": 99}


def test_an_edit_shows_what_was_changed_of_the_proposal(as_bob: Client, question: Escalation) -> None:
    answer = as_bob.get(post(as_bob, question, edit(question, amount="99")).headers["Location"])
    assert "<del>120.5</del>" in answer.content.decode()
    assert "<ins>99</ins>" in answer.content.decode()


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("a lot", "Write a number"),
        ("", "This is needed."),
        ("5000", "This has to be 1000 or less"),
        ("-1", "This has to be more than 0"),
    ],
)
def test_a_value_that_does_not_fit_stays_at_its_field(
    as_bob: Client, question: Escalation, amount: str, said: str
) -> None:
    answer = post(as_bob, question, edit(question, amount=amount, customer="Dora & Co", comment="kept"))
    assert answer.status_code == 422
    field = next(item for item in answer.context["case"].form.fields if item.name == "/amount")
    assert field.error.startswith(said)
    assert field.text == amount
    content = answer.content.decode()
    assert 'value="Dora &amp; Co"' in content, "the other values are kept"
    assert '<details class="answer" name="answer" data-panel open>' in content
    assert not Decision.objects.exists()


def test_a_mended_form_may_be_sent_again(as_bob: Client, question: Escalation) -> None:
    assert post(as_bob, question, edit(question, amount="5000")).status_code == 422
    assert post(as_bob, question, edit(question, amount="500")).status_code == 302


def test_answering_in_words(as_bob: Client, question: Escalation) -> None:
    assert post(as_bob, question, form(question, "respond", text="  ")).status_code == 422
    post(as_bob, question, form(question, "respond", text="Ask\r\nthem"))
    assert Decision.objects.get().response == {"text": "Ask\nthem"}


def test_asking_for_changes_needs_words(as_bob: Client, run: Run) -> None:
    options = [{"verdict": "changes", "label": "Ask for changes", "consequence": "It tries again."}]
    question = ask_refund(run, "c", options=options)
    answer = post(as_bob, question, form(question, "changes"))
    assert answer.status_code == 422
    assert b"Say what should change." in answer.content
    assert post(as_bob, question, form(question, "changes", comment="Less.")).status_code == 302


def test_a_comment_may_go_with_a_rejection(as_bob: Client, question: Escalation) -> None:
    post(as_bob, question, form(question, "reject", comment="Not ours."))
    assert Decision.objects.get().comment == "Not ours."


def test_high_risk_is_not_approved_by_one_click(as_bob: Client, run: Run) -> None:
    question = ask_refund(run, "h", policy={"risk": "high"})
    answer = post(as_bob, question, form(question))
    assert answer.status_code == 422
    assert b"Tick the box" in answer.content
    assert not Decision.objects.exists()
    assert post(as_bob, question, form(question, confirmed="on")).status_code == 302


def test_high_risk_may_be_rejected_without_the_box(as_bob: Client, run: Run) -> None:
    question = ask_refund(run, "h", policy={"risk": "high"})
    assert post(as_bob, question, form(question, "reject")).status_code == 302


def test_what_was_not_shown_is_not_decided(as_bob: Client, question: Escalation) -> None:
    answer = post(as_bob, question, form(question, digest="0" * 64))
    assert answer.status_code == 409
    assert b"What you were shown is not what is asked" in answer.content
    assert question.digest[:12].encode() in answer.content
    assert not Decision.objects.exists()


def test_a_verdict_that_is_no_option_is_refused(as_bob: Client, question: Escalation) -> None:
    assert post(as_bob, question, form(question, "retry")).status_code == 422
    assert not Decision.objects.exists()


@pytest.mark.parametrize("reason", ["expired", "withdrawn", "answered_outside"])
def test_a_closed_question_says_so(as_bob: Client, question: Escalation, reason: str) -> None:
    actions.settle(question.id, reason, {"text": "yes"}, run_id="x")
    answer = post(as_bob, question, form(question))
    assert answer.status_code == 409
    assert b"This question is closed" in answer.content
    assert not Decision.objects.exists()


def test_viewers_may_look_and_not_decide(as_victor: Client, question: Escalation) -> None:
    assert b"You may look at this question" in as_victor.get(reverse("question", args=[question.id])).content
    assert post(as_victor, question, form(question)).status_code == 403


def test_outsiders_find_nothing(as_charlie: Client, question: Escalation) -> None:
    assert as_charlie.get(reverse("question", args=[question.id])).status_code == 404
    assert post(as_charlie, question, form(question)).status_code == 404
    assert not Decision.objects.exists()


def test_the_starter_does_not_decide_where_the_policy_wants_another(
    as_alice: Client, alice: Account, run: Run
) -> None:
    Run.objects.update(started_by=alice)
    question = ask_refund(run, "s", policy={"starter_may_decide": False})
    assert b"You started this run" in as_alice.get(reverse("question", args=[question.id])).content
    assert post(as_alice, question, form(question)).status_code == 403


def test_looking_at_the_address_decides_nothing(as_bob: Client, question: Escalation) -> None:
    assert as_bob.get(reverse("decisions", args=[question.id])).status_code == 405


def test_a_form_of_another_site_decides_nothing(question: Escalation, bob: Account) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    answer = post(client, question, form(question))
    assert answer.status_code == 403
    assert b"Nothing was sent" in answer.content


def test_what_cannot_be_stored_does_not_break_it(as_bob: Client, question: Escalation) -> None:
    assert (
        post(as_bob, question, form(question, "reject", comment="a\x00b", attempt="\x00" * 20)).status_code
        == 302
    )
    assert Decision.objects.get().comment == "a\ufffdb"


def test_a_waiting_delivery_shows_the_last_error(as_bob: Client, question: Escalation, bob: Account) -> None:
    approve(question, bob)
    Message.objects.filter(kind=MessageKind.SIGNAL).update(last_error="UNAVAILABLE: refused")
    content = as_bob.get(reverse("question", args=[question.id])).content
    assert b"Recorded, waiting for Temporal." in content
    assert b"UNAVAILABLE: refused" in content


def test_the_case_alone_says_how_far_its_decision_is(
    as_bob: Client, question: Escalation, bob: Account
) -> None:
    decision, address = approve(question, bob), reverse("question", args=[question.id])
    actions.delivered(decision.id)
    fragment = as_bob.get(address, headers={"HX-Request": "true"}).content
    assert fragment.lstrip().startswith(b'<article class="case" id="case"')
    assert b'class="ahead"' in fragment
    actions.acknowledge(decision.id, "acted_on", run_id="x")
    fragment = as_bob.get(address, headers={"HX-Request": "true"}).content
    assert b"acted on" in fragment
    assert b'class="ahead"' not in fragment


def test_a_refused_decision_says_why(as_bob: Client, question: Escalation, bob: Account) -> None:
    decision = approve(question, bob)
    actions.acknowledge(decision.id, "refused", "the card is blocked", run_id="x")
    assert b"the card is blocked" in as_bob.get(reverse("question", args=[question.id])).content
