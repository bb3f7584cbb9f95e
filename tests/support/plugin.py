"""Loaded by pytest before anything else (`-p` in pyproject.toml): a PostgreSQL for the tests' database.

Django's settings read DATABASE_URL before the first conftest.py is imported, so the address is chosen
when this module is. The server starts with the session: one, a child of pytest; each xdist worker
has its own database in it. A DATABASE_URL that is already set is used as it is.
"""

import contextlib
import gc
import hashlib
import os
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest

from agentsite.home import Home
from agentsite.postgres import Cluster
from agentsite.postgres_place import choose_place
from tests.support.processes import running

# What a developer's shell has set must not reach the tests.
NOT_OURS = ("TEMPORAL_", "OPENAI_", "AWS_", "PAYMENTS_URL", "AGENTSITE_", "PORT", "HOST")

# Nor may what an image has set: the tests start hundreds of processes and import workflows for each sandbox, and
# without bytecode in files each of these compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER:
    FOLDER = Path(os.environ["AGENTSITE_HOME"]).parent
    HOME = Home(FOLDER / WORKER)
else:
    for name in [name for name in os.environ if name.startswith(NOT_OURS)]:
        del os.environ[name]
    # Open for passage: as root, PostgreSQL runs under another user.
    FOLDER = Path(tempfile.mkdtemp(prefix="agentsite-tests-"))
    FOLDER.chmod(0o711)
    HOME = Home(FOLDER / "home")
OWN_DATABASE = "DATABASE_URL" not in os.environ
if OWN_DATABASE:
    os.environ["DATABASE_URL"] = HOME.embedded_database_url()
os.environ["AGENTSITE_HOME"] = str(HOME.path)

_resources = contextlib.ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, in the process that the person started."""
    if WORKER:
        return
    _resources.callback(shutil.rmtree, FOLDER, ignore_errors=True)
    if OWN_DATABASE and not config.option.collectonly and not config.option.help:
        place = choose_place(HOME.path, HOME.instance_id())
        cluster = Cluster(place, HOME.ports()["postgres"], HOME.database_password(), durable=False)
        cluster.prepare()
        _resources.enter_context(
            running(
                cluster.command(),
                environment=cluster.environment,
                log=FOLDER / "postgres.log",
                is_ready=cluster.is_ready,
                account=cluster.account,
            )
        )


def pytest_unconfigure() -> None:
    """Stop the server and remove its data."""
    _resources.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, tests that compute and tests that wait get along best when each process has some of both."""
    if WORKER:
        items.sort(key=lambda item: hashlib.sha256(item.nodeid.partition("::")[0].encode()).digest())


def pytest_sessionstart() -> None:
    """Its plugin imports these when all is over; CPython 3.11 can fail to parse while it collects garbage (gh-106905)."""
    gc.disable()
    with contextlib.suppress(ImportError):
        import_module("schemathesis.reporting.html.writer")
        import_module("schemathesis.reporting.junitxml")
    gc.enable()
