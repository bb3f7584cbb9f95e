"""Sockets of pages: what they are told, who is let in, and what ends them."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import psycopg
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.test import Client
from websockets.exceptions import InvalidStatus

from reviews.changes import actions as changes
from reviews.connections import direct_address
from reviews.escalations import looking
from reviews.escalations.models import Look
from reviews.live import consumer
from reviews.live.consumer import Close
from reviews.people.actions import create_token, revoke_token
from reviews.people.models import Account
from reviews.runs import watching
from reviews.workspaces.actions import withdraw
from reviews.workspaces.models import Role
from tests.reviews.live.conftest import Page, cookie_of, in_database, page
from tests.support.change_log import forget_the_log
from tests.support.people import People, approve, ask_refund, start_refund
from tests.support.served import Served

TOLD = 10.0
"""Seconds for what the log tells, on a busy machine too: what is only found out by looking takes up to 30."""


def change(*subjects: str) -> None:
    with transaction.atomic():
        changes.record(*(tuple(subject.split(":")) for subject in subjects), workspace_id=None)  # type: ignore[arg-type]


async def test_a_page_is_told_what_it_shows_and_nothing_else(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    other = await in_database(start_refund, people.home, people.olga)
    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        answer = await bob.listen(f"run:{run.id}", "run:nothing")
        assert (answer["listening"], answer["refused"]) == ([f"run:{run.id}"], ["run:nothing"])
        await in_database(change, f"run:{other.id}")
        await in_database(change, f"run:{run.id}")
        assert (await bob.next("changed"))["changed"] == [f"run:{run.id}"]


async def test_a_page_of_a_run_says_that_somebody_looks_at_it(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    foreign = await in_database(start_refund, people.abroad, people.charlie)
    async with (
        await psycopg.AsyncConnection.connect(direct_address("test"), autocommit=True) as bridge,
        page(site, await in_database(cookie_of, people.bob)) as bob,
    ):
        await bridge.execute(f"LISTEN {watching.CHANNEL}")
        await bob.listen(f"run:{run.id}", f"run:{foreign.id}")
        assert [notice.payload async for notice in bridge.notifies(timeout=1)] == [str(run.id)]


async def test_a_decision_tells_question_inbox_and_run(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    question = await in_database(ask_refund, run)
    subjects = {f"escalation:{question.id}", f"inbox:{people.home.id}", f"run:{run.id}"}
    async with page(site, await in_database(cookie_of, people.ada)) as ada:
        await ada.listen(*subjects)
        await in_database(approve, question, people.bob)
        heard: set[str] = set()
        while not subjects <= heard:
            heard |= set((await ada.next("changed"))["changed"])


async def test_what_changed_while_the_socket_was_cut_is_told_on_return(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    subject, cookie = f"run:{run.id}", await in_database(cookie_of, people.bob)
    async with page(site, cookie) as first:
        await first.listen(subject)
        cursor = first.cursor
    await in_database(change, subject)
    async with page(site, cookie) as again:
        assert (await again.listen(subject, cursor=cursor))["changed"] == [subject]
        # It may hear it again while an older transaction is open, since its place is given out late; then no more.
        async with asyncio.timeout(20):
            while (await again.listen(subject))["changed"]:
                await hears_all(again)


async def test_a_page_that_slept_too_long_is_told_to_load_anew_once(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    subject, cookie = f"run:{run.id}", await in_database(cookie_of, people.bob)
    async with page(site, cookie) as bob:
        await bob.listen(subject)
        cursor = bob.cursor
        await in_database(change, subject)
        await bob.told(subject)
        await in_database(forget_the_log)
    async with page(site, cookie) as again:
        assert await again.listen(subject, cursor=cursor) == {"reload": True}
        assert "listening" in await again.listen(subject), "without a cursor it is a new page"


async def test_a_page_without_a_cursor_looks_at_everything_once(site: Served, people: People) -> None:
    subject = f"inbox:{people.home.id}"
    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        assert (await bob.listen(subject))["changed"] == [subject]


async def test_a_thousand_changes_in_a_second_are_told_in_a_few_messages(
    site: Served, people: People
) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    subject = f"run:{run.id}"

    def storm() -> float:
        began = time.monotonic()
        for _ in range(1000):
            change(subject)
        return time.monotonic() - began

    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        await bob.listen(subject)
        bob.messages.clear()
        took = await in_database(storm)
        await in_database(change, subject)
        await asyncio.sleep(0.5)
        await hears_all(bob)
    assert 1 <= len(bob.messages) <= 10 * (took + 1.5)


async def hears_all(listener: Page) -> None:
    """What is on its way."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while True:
                await listener.next("changed")


async def test_one_that_reads_nothing_holds_up_nobody(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    subject, cookie = f"run:{run.id}", await in_database(cookie_of, people.bob)
    async with page(site, cookie) as slow, page(site, cookie) as quick:
        await slow.listen(subject)
        await quick.listen(subject)
        slow.socket.transport.pause_reading()
        for _ in range(20):
            await in_database(change, subject)
            await quick.told(subject)
        slow.socket.transport.resume_reading()
        await slow.told(subject)


# Who is let in, and what ends it


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
async def test_a_page_of_another_site_is_kept_out(site: Served, people: People, origin: str | None) -> None:
    cookie = await in_database(cookie_of, people.bob)
    with pytest.raises(InvalidStatus) as refused:
        async with page(site, cookie, origin=origin):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("cookie", ["", "agentsite_session=nothing", "a=b; c"])
async def test_who_is_not_signed_in_is_told_so(site: Served, people: People, cookie: str) -> None:
    async with page(site, cookie, origin=site.url) as nobody:
        assert await nobody.closed() == Close.SIGNED_OUT


@pytest.mark.parametrize(
    "said",
    ["", "x", "[]", "null", "{}", '{"listen": 1, "cursor": ""}', '{"listen": []}', '{"looking": 1}', b"\x00",
     '{"listen": [' + ",".join(['"run:x"'] * 201) + '], "cursor": ""}', "[" * 20_000],
)  # fmt: skip
async def test_what_is_no_message_ends_the_socket(site: Served, people: People, said: str | bytes) -> None:
    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        await bob.socket.send(said)
        assert await bob.closed() == Close.BAD_MESSAGE


async def test_a_token_listens_without_a_browser_until_it_is_revoked(site: Served, people: People) -> None:
    token, secret = await in_database(create_token, people.robo, people.home, ["*"], by=None)
    subject = f"runs:{people.home.id}"
    async with page(site, bearer=secret) as robot:
        assert (await robot.listen(subject))["listening"] == [subject]
        began = time.monotonic()
        await in_database(revoke_token, token, by=people.alice)
        assert await robot.closed() == Close.SIGNED_OUT
        assert time.monotonic() - began < TOLD


async def test_signing_out_ends_the_sockets_of_that_session_alone(
    site: Served, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = SessionStore.delete

    def after_a_while(self: SessionStore, session_key: str | None = None) -> None:
        time.sleep(0.5)  # what was told too early is found still signed in
        delete(self, session_key)

    monkeypatch.setattr(SessionStore, "delete", after_a_while)
    leaving, staying = [await in_database(cookie_of, people.bob) for _ in range(2)]
    subject = f"inbox:{people.home.id}"
    async with page(site, leaving) as one, page(site, staying) as other:
        for each in (one, other):
            await each.listen(subject)

        def sign_out() -> None:
            client = Client(headers={"cookie": leaving})
            client.cookies.load(leaving)
            client.post("/accounts/logout/")

        began = time.monotonic()
        await in_database(sign_out)
        assert await one.closed() == Close.SIGNED_OUT
        assert time.monotonic() - began < TOLD
        await in_database(change, subject)
        await other.told(subject)


async def test_a_role_that_is_taken_away_loses_what_it_gave(site: Served, people: People) -> None:
    run = await in_database(start_refund, people.home, people.olga)
    subjects = [f"inbox:{people.home.id}", f"run:{run.id}"]
    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        await bob.listen(*subjects)
        began = time.monotonic()
        await in_database(withdraw, people.home, people.bob, Role.REVIEWER, by=people.alice)
        assert (await bob.next("lost"))["lost"] == sorted(subjects)
        assert time.monotonic() - began < TOLD
        await in_database(change, *subjects)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await bob.next("changed")
        assert (await bob.listen(*subjects))["refused"] == sorted(subjects)


async def test_what_no_log_tells_is_found_out_by_looking(
    site: Served, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "BEAT", 0.1)
    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        await bob.listen(f"inbox:{people.home.id}")
        await in_database(Account.objects.filter(id=people.bob.id).update, is_active=False)
        assert await bob.closed() == Close.SIGNED_OUT


async def test_silence_is_broken_by_a_beat_with_the_cursor(
    site: Served, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "BEAT", 0.05)
    async with page(site, await in_database(cookie_of, people.bob)) as bob:
        await bob.listen(f"inbox:{people.home.id}")
        assert set(await bob.next("cursor")) == {"cursor"}


# Who is looking


async def test_who_has_a_question_in_sight_is_known_to_others_until_it_is_closed(
    site: Served, people: People
) -> None:
    question = await in_database(lambda: ask_refund(start_refund(people.home, people.olga)))
    subject = f"escalation:{question.id}"

    def seen() -> list[str]:
        return [account.name for account in looking.lookers(question, but=people.ada)]

    async with page(site, await in_database(cookie_of, people.ada)) as ada:
        await ada.listen(subject)
        async with page(site, await in_database(cookie_of, people.bob)) as bob:
            await bob.listen(subject)
            await bob.socket.send(f'{{"looking": "{question.id}"}}')
            await ada.told(subject)
            assert await in_database(seen) == ["bob"]
        await ada.told(subject)
        assert await in_database(seen) == []


async def test_what_may_not_be_read_is_not_looked_at(site: Served, people: People) -> None:
    question = await in_database(lambda: ask_refund(start_refund(people.home, people.olga)))
    async with page(site, await in_database(cookie_of, people.charlie)) as charlie:
        await charlie.listen(f"escalation:{question.id}")
        await charlie.socket.send(f'{{"looking": "{question.id}"}}')
        await charlie.listen()
    assert not await in_database(Look.objects.exists)


async def test_pages_of_a_process_that_died_are_forgotten(site: Served, people: People) -> None:
    import uuid

    question = await in_database(lambda: ask_refund(start_refund(people.home, people.olga)))
    await in_database(looking.look, question.id, people.bob, uuid.uuid4())
    await in_database(looking.forget_gone)
    assert await in_database(Look.objects.exists)

    from django.utils import timezone

    await in_database(Look.objects.update, seen_at=timezone.now() - looking.FRESH)
    async with page(site, await in_database(cookie_of, people.ada)) as ada:
        await ada.listen(f"escalation:{question.id}")
        await in_database(looking.forget_gone)
        await ada.told(f"escalation:{question.id}")
    assert not await in_database(Look.objects.exists)
