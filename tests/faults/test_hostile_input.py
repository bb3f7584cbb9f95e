"""Whatever text comes in: refused with pointers, or stored and shown; nothing breaks and nothing hides."""

import re
import uuid
from html import unescape
from typing import Any

import httpx
import pytest

from tests.faults.judge import Case, judge, rows
from tests.faults.reviewer import Json, Reviewer
from tests.support.site import Site

MEGABYTE = 1_000_000
RTL = "pay \u202e05.1\u202c to me"
FIELD = re.compile(r"<textarea.*?</textarea>|<input[^>]*>", re.DOTALL)
"""Where a person edits it, the text stands as it is."""
TEXTS = {
    "NUL": ("before\x00after", "before\ufffdafter"),
    "lone surrogate": ("before\ud83dafter", "before\ufffdafter"),
    "right-to-left marks": (RTL, RTL),
    "markup": ("<script>alert(1)</script>{{ 7*7 }}", "<script>alert(1)</script>{{ 7*7 }}"),
    "astral and combining": ("\U0001f9fe" + "e\u0301" * 500, "\U0001f9fe" + "e\u0301" * 500),
}
"""What is sent, and what is stored and shown."""


@pytest.mark.parametrize("name", TEXTS)
def test_any_text_is_stored_shown_and_acted_on(
    site: Site, owner: Reviewer, browser: httpx.Client, name: str
) -> None:
    sent, kept = TEXTS[name]
    run = owner.refund(name, 9, reason=sent)
    question = owner.question(run)
    assert question["proposal"]["reason"] == kept
    for page in (f"/questions/{question['id']}/", f"/runs/{run['id']}/"):
        shown = browser.get(page)
        assert shown.status_code == 200, (page, shown.status_code)
        assert _seen(kept) in _text_of(shown.text), page
        assert "<script>alert" not in shown.text
        assert "\u202e" not in FIELD.sub("", shown.text), page
    decision = owner.decide(question)
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), 9)], name)


def test_a_megabyte_is_shown_and_decided(site: Site, owner: Reviewer, browser: httpx.Client) -> None:
    run = owner.refund("Megabyte", 9)
    owner.question(run)
    text = "\u202e" + "x" * MEGABYTE + "the end"
    asked = _ask(owner, run, text)
    assert asked["proposal"]["text"] == text
    assert owner.get(f"/escalations/{asked['id']}")["proposal"]["text"] == text
    shown = browser.get(f"/questions/{asked['id']}/")
    assert shown.status_code == 200
    assert "the end" in shown.text
    assert browser.get("/").status_code == 200
    decision = owner.delivered(owner.decide(asked, "reject"))
    # The refund's workflow did not ask this itself, and says so.
    assert (decision["delivery"]["state"], bool(decision["delivery"]["reason"])) == ("refused", True)
    owner.send("POST", f"/runs/{run['id']}/termination", {"reason": "over"})
    assert owner.closed(run)["status"] == "terminated"


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"amount": -1}, ["/input/amount"]),
        ({"amount": "ten"}, ["/input/amount"]),
        ({"amount": float("inf")}, ["/input/amount"]),
        ({"customer": ""}, ["/input/customer"]),
        ({"reason": "x" * MEGABYTE}, ["/input/reason"]),
        ({"reason": None, "amount": 0}, ["/input/amount", "/input/reason"]),
        ({"hidden": True}, ["/input"]),
    ],
)
def test_an_input_outside_the_schema_starts_nothing(
    site: Site, owner: Reviewer, change: Json, pointers: list[str]
) -> None:
    def runs() -> Any:
        return rows(site, "SELECT count(*) FROM reviews_run")

    before = runs()
    input = {"customer": "Outside", "amount": 5, "reason": "late"} | change
    body = {"workspace": "demo", "agent": "refund", "input": input}
    refused = owner.send("POST", "/runs", body)
    assert refused.status_code == 422, refused.text
    assert sorted({fault["pointer"] for fault in refused.json()["errors"]}) == pointers
    assert runs() == before


def test_an_edit_outside_the_schema_sends_nothing(site: Site, owner: Reviewer) -> None:
    run = owner.refund("Edited", 5)
    question = owner.question(run)
    bad = [
        ({"amount": -5}, "/response/amount"),
        ({"amount": 1e9}, "/response/amount"),
        ({"customer": ["Edited"]}, "/response/customer"),
        ({"reason": "x" * 5000}, "/response/reason"),
        ({"reason": "x" * MEGABYTE}, "/response"),
        ({"extra": 1}, "/response"),
    ]
    for change, pointer in bad:
        refused = owner.answer(question, "edit", question["proposal"] | change)
        assert refused.status_code == 422
        assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]
    assert owner.answer(question, "respond", {"text": "no"}).json()["errors"][0]["pointer"] == "/verdict"
    assert rows(site, "SELECT id FROM reviews_decision WHERE escalation_id = %s", question["id"]) == []
    assert owner.get(f"/escalations/{question['id']}")["state"] == "pending"
    sent = rows(site, "SELECT kind FROM reviews_message WHERE workflow_id = %s", run["workflow_id"])
    assert sent == [("start",)]
    decision = owner.decide(question, "reject")
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), None)], "Edited")


def _ask(owner: Reviewer, run: Json, text: str) -> Json:
    """A second question of the run, asked over REST."""
    body = {
        "run": run["id"],
        "request_id": str(uuid.uuid4()),
        "title": "Is this much text fine?",
        "proposal": {"text": text},
        "options": [{"verdict": "reject", "label": "No", "consequence": "nothing"}],
    }
    answer = owner.send("POST", "/escalations", body)
    assert answer.status_code == 201, answer.text
    asked: Json = answer.json()
    return asked


def _seen(text: str) -> str:
    """As a page shows it: what would hide has a mark in its place."""
    return re.sub("[\u202a-\u202e]", lambda found: f"U+{ord(found[0]):04X}", text)


def _text_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", page))
