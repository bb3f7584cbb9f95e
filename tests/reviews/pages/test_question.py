"""What a question's page shows before its buttons."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from reviews.artifacts.actions import write_version
from reviews.escalations.models import Escalation
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND, ask_refund


def shown(client: Client, question: Escalation) -> str:
    answer = client.get(reverse("question", args=[question.id]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_option_says_what_it_will_do(as_bob: Client, question: Escalation) -> None:
    content = shown(as_bob, question)
    for option in question.options:
        assert option["label"] in content
        assert option["consequence"] in content


def test_what_would_change_stands_before_and_after(as_bob: Client, run: Run) -> None:
    content = shown(as_bob, ask_refund(run, "d", before={**REFUND, "amount": 0}))
    assert "<del>0</del>" in content
    assert "<ins>120.5</ins>" in content
    assert "unchanged" in content


def test_the_whole_digest_can_be_had(as_bob: Client, question: Escalation) -> None:
    assert f'data-copy="{question.digest}"' in shown(as_bob, question)


def test_text_from_outside_is_escaped_and_hides_nothing(as_bob: Client, run: Run) -> None:
    text = "<script>alert(1)</script> pay \u202e1000\u202c\u200b now"
    evidence = [{"kind": "text", "title": "Mail", "text": text}]
    content = shown(as_bob, ask_refund(run, "x", title=f"Refund \u202e? {text[:20]}", evidence=evidence))
    assert "<script>alert" not in content
    assert "\u202e" not in content
    assert ">U+202E</b>" in content
    assert "untrusted text" in content


def test_text_of_the_workflow_is_not_called_untrusted(as_bob: Client, run: Run) -> None:
    evidence = [{"kind": "json", "title": "Order", "value": {"n": 1}, "trusted": True}]
    content = shown(as_bob, ask_refund(run, "x", evidence=evidence))
    assert "written by the workflow" in content
    assert "untrusted data" not in content


def test_only_web_addresses_are_links(as_bob: Client, run: Run) -> None:
    evidence = [
        {"kind": "link", "title": "Good", "url": "https://example.org/a"},
        {"kind": "link", "title": "Bad", "url": "javascript:alert(1)"},
        {"kind": "link", "title": "Odd", "url": "http://[broken"},
    ]
    content = shown(as_bob, ask_refund(run, "x", evidence=evidence))
    assert '<a href="https://example.org/a" rel="noopener nofollow noreferrer"' in content
    assert 'href="javascript' not in content
    assert "javascript:alert(1)" in content


def test_a_file_in_evidence_is_that_version(as_bob: Client, run: Run, home: Workspace) -> None:
    old = write_version(home, "report.md", b"one", media_type="text/markdown")
    write_version(home, "report.md", b"two", media_type="text/markdown")
    content = shown(
        as_bob, ask_refund(run, "x", evidence=[{"kind": "artifact", "artifact_version": str(old.id)}])
    )
    assert reverse("file", args=[old.id]) in content
    assert "version 1" in content


def test_a_foreign_file_in_evidence_is_not_shown(as_bob: Client, run: Run, abroad: Workspace) -> None:
    secret = write_version(abroad, "secret.md", b"x", media_type="text/markdown")
    evidence = [
        {"kind": "artifact", "artifact_version": str(secret.id)},
        {"kind": "artifact", "artifact_version": "?"},
    ]
    content = shown(as_bob, ask_refund(run, "x", evidence=evidence))
    assert "secret.md" not in content


def test_a_megabyte_of_marks_is_shown_and_breaks_nothing(as_bob: Client, run: Run) -> None:
    evidence = [{"kind": "text", "title": "Long", "text": "\u202e" * 1_000_000 + "\x00\ud800"}]
    content = shown(as_bob, ask_refund(run, "x", evidence=evidence))
    assert "and 3,992 more" in content
    assert len(content) < 200_000


def test_high_risk_has_no_key_that_approves(as_bob: Client, run: Run, question: Escalation) -> None:
    approves_at_once = '<button type="submit" class="btn choice primary" data-key="a"'
    assert approves_at_once in shown(as_bob, question)
    assert approves_at_once not in shown(as_bob, ask_refund(run, "h", policy={"risk": "high"}))
