"""`manage.py prepare`: what `up` needs Django or a Temporal client for, before the application runs."""

import asyncio
import json
import sys
import time
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from agentsite import postgres
from agentsite.failures import CannotStart

PATIENCE = 60.0  # seconds, for each of the database, Temporal and the workers


class Command(BaseCommand):
    help = (
        "Wait for the database, migrate and seed it, and wait for Temporal and workers if asked to. Prints "
        "what it has reached, one JSON object a line; used by `up`."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--await-workers", action="store_true", help="wait until workers poll")

    def handle(self, *args: Any, **options: Any) -> None:
        wait_for_database()
        migrate_if_needed()
        from agentsite.seed import seed_demo
        from workflows.engine.connect import namespace

        seed_demo(namespace())
        self._reached("database")
        if options["await_workers"]:
            asyncio.run(self._await_workers())

    async def _await_workers(self) -> None:
        from workflows.contracts import AGENTS_QUEUE, HUMAN_QUEUE
        from workflows.engine import health, versions
        from workflows.engine.connect import connect_in_time

        try:
            async with asyncio.timeout(PATIENCE):
                client = await connect_in_time()
        except TimeoutError:
            raise CannotStart(f"Temporal does not answer after {PATIENCE:.0f} s") from None
        if fault := versions.fault(await health.server_version(client)):
            raise CannotStart(fault)
        self._reached("temporal", address=client.service_client.config.target_host)
        try:
            async with asyncio.timeout(PATIENCE):
                for queue in (AGENTS_QUEUE, HUMAN_QUEUE):
                    while not await health.is_polled(client, queue):
                        await asyncio.sleep(0.1)
        except TimeoutError:
            raise CannotStart(f"no worker polls the queue {queue} after {PATIENCE:.0f} s") from None
        self._reached("workers")

    def _reached(self, what: str, **details: str) -> None:
        self.stdout.write(json.dumps({"reached": what, **details}))
        self.stdout.flush()


def wait_for_database() -> None:
    """Return when the database accepts connections; raises CannotStart after PATIENCE seconds, or when it is too old.

    Past Django's pool, which after a first failure waits a second before it looks again.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with psycopg.connect(settings.HOME.database_url()) as opened:
                version = opened.info.parameter_status("server_version") or ""
            break
        except psycopg.OperationalError as error:
            if time.monotonic() > end:
                raise CannotStart(f"the database cannot be reached: {error}") from error
            time.sleep(0.05)
    if fault := postgres.version_fault(version):
        raise CannotStart(fault)


def migrate_if_needed() -> None:
    """Apply missing migrations; a look at one table when there are none."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, stdout=sys.stderr)
