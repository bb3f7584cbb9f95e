"""A socket that is cut again and again while things change: in the end everything was told."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest
from django.db import connection, transaction

from reviews.changes import actions as changes
from tests.reviews.live.conftest import cookie_of, in_database, page
from tests.support.people import People, start_refund
from tests.support.served import Served

SUBJECTS = 150
"""Of one page; each moves once a round, so that no later word can hide that one was lost."""


def some_runs(people: People) -> list[str]:
    return [f"run:{start_refund(people.home, people.olga).id}" for _ in range(SUBJECTS)]


def change_each(subjects: list[str], seed: int) -> None:
    """Some transactions commit at once, some long after a later one began."""
    dice = random.Random(seed)
    for subject in subjects:
        with transaction.atomic():
            changes.record(("run", subject.partition(":")[2]), workspace_id=None)
            time.sleep(dice.choice([0, 0, 0.005, 0.02]))
    connection.close()


@pytest.mark.parametrize("cuts", [30, pytest.param(1000, marks=pytest.mark.soak)])
async def test_nothing_is_lost_however_often_the_socket_is_cut(
    site: Served, people: People, cuts: int
) -> None:
    dice, cookie, done = random.Random(cuts), await in_database(cookie_of, people.bob), 0
    subjects = await in_database(some_runs, people)
    while done < cuts:
        cursor = ""
        async with page(site, cookie) as first:
            await first.listen(*subjects)
            cursor = first.cursor
        heard: set[str] = set()
        writers = [
            threading.Thread(target=change_each, args=(subjects[part::3], dice.random())) for part in range(3)
        ]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers) or not set(subjects) <= heard:
            over = not any(writer.is_alive() for writer in writers)
            async with page(site, cookie) as again:
                again.cursor = cursor
                try:
                    async with asyncio.timeout(3 if over else dice.uniform(0.02, 0.25)):
                        await again.listen(*subjects)
                        while not set(subjects) <= heard:
                            heard |= {one for said in again.messages for one in said.get("changed", ())}
                            await again.next("changed")
                except TimeoutError:
                    pass
                heard |= {one for said in again.messages for one in said.get("changed", ())}
                cursor = again.cursor
                again.socket.transport.abort()
            done += 1
            if over:
                break
        assert set(subjects) - heard == set()
        for writer in writers:
            writer.join()
