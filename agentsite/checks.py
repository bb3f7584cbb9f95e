"""What `manage.py doctor` looks at: each function finds one thing in order and says what it saw.

Raises Unwell with what is wrong and what to do; any other exception is shown as it is.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from agentsite import postgres
from workflows.contracts import AGENTS_QUEUE, HUMAN_QUEUE
from workflows.engine import health, versions
from workflows.engine.connect import connect_in_time

LEAST_DISK = 1_000_000_000  # bytes
PATIENCE = 10.0  # seconds

T = TypeVar("T")


class Unwell(Exception):
    """What is wrong, and what to do about it, in one line."""


def database() -> str:
    """PostgreSQL answers, is new enough, has pgvector and every migration."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version')")
            version = str(cursor.fetchone()[0])
            cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            vector = cursor.fetchone()
    except OperationalError as error:
        raise Unwell(f"cannot be reached ({error}); start `manage.py up`, or set DATABASE_URL") from error
    if fault := postgres.version_fault(version):
        raise Unwell(fault)
    if vector is None:
        raise Unwell("the extension pgvector is missing; run `CREATE EXTENSION vector` as its superuser")
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        raise Unwell(f"{missing} migrations are missing; run `manage.py migrate`")
    return f"PostgreSQL {version}, pgvector {vector[0]}, all migrations"


def temporal() -> str:
    """The server answers, is new enough, and has the namespace."""

    async def look(client: Client) -> str:
        version = await health.server_version(client)
        if fault := versions.fault(version):
            raise Unwell(fault)
        try:
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace)
            )
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            raise Unwell(
                f"has no namespace {client.namespace}; create it or set TEMPORAL_NAMESPACE"
            ) from None
        return f"server {version or 'of unknown version'}, namespace {client.namespace}"

    return _with_client(look)


def workers() -> str:
    """Somebody polls both queues."""

    async def look(client: Client) -> str:
        for queue in (AGENTS_QUEUE, HUMAN_QUEUE):
            if not await health.is_polled(client, queue):
                raise Unwell(f"nobody polls the queue {queue}; start `manage.py worker`")
        return f"the queues {AGENTS_QUEUE} and {HUMAN_QUEUE} are polled"

    return _with_client(look)


def model() -> str:
    """The model endpoint answers and takes the key. Costs no tokens."""
    base = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    key = os.environ.get("OPENAI_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(f"{base.rstrip('/')}/models", headers=headers, timeout=PATIENCE)
    except httpx.HTTPError as error:
        raise Unwell(f"{base} does not answer ({error}); check OPENAI_BASE_URL") from error
    if answer.status_code in (401, 403):
        raise Unwell(f"{base} refuses the key (status {answer.status_code}); check OPENAI_API_KEY")
    if answer.status_code >= 500:
        raise Unwell(f"{base} is out of order (status {answer.status_code}); ask who runs it")
    return f"{base} answers"


def storage() -> str:
    """A file can be written, read and deleted."""
    try:
        name = default_storage.save("doctor/probe", ContentFile(b"probe"))
        default_storage.delete(name)
    except Exception as error:  # each storage has its own
        raise Unwell(f"files cannot be written ({error}); check FILES_BACKEND and its rights") from error
    return "files can be written"


def disk() -> str:
    """The home's file system has room."""
    free = shutil.disk_usage(settings.HOME.path).free
    if free < LEAST_DISK:
        raise Unwell(f"only {free / 1e6:.0f} MB are free in {settings.HOME.path}; make room")
    return f"{free / 1e9:.1f} GB are free"


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "temporal": temporal,
    "workers": workers,
    "model": model,
    "storage": storage,
    "disk": disk,
}


def _with_client(look: Callable[[Client], Awaitable[T]]) -> T:
    async def connect_and_look() -> T:
        try:
            async with asyncio.timeout(PATIENCE):
                client = await connect_in_time()
        except TimeoutError:
            raise Unwell("cannot be reached; start `manage.py up`, or set TEMPORAL_ADDRESS") from None
        return await look(client)

    return asyncio.run(connect_and_look())
