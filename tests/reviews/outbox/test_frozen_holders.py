"""A process that stands still in the middle of a transaction loses it, and with it the locks that others wait for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection


@pytest.mark.django_db
def test_each_connection_of_ours_ends_when_it_rests_in_a_transaction() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('idle_in_transaction_session_timeout')::interval")
        [rest] = cursor.fetchone()
    assert timedelta(0) < rest <= timedelta(seconds=10)
