"""Connections that no pool shares, for what belongs to a session: LISTEN, and locks that die with it."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from django.conf import settings


def direct_address(name: str) -> str:
    """Of the database itself, past a pooler where ``DATABASE_DIRECT_URL`` says so; ``name`` is what the server shows."""
    if address := os.environ.get("DATABASE_DIRECT_URL"):
        return address
    database: dict[str, Any] = settings.DATABASES["default"]
    return psycopg.conninfo.make_conninfo(
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        host=database["HOST"],
        port=database["PORT"],
        application_name=name,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )
