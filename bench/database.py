"""The database of row 4: a PostgreSQL of its own, run as the embedded one is, whose rows are kept between runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from agentsite.home import ROOT, Home
from agentsite.postgres import Cluster
from agentsite.postgres_place import choose_place
from tests.support.processes import running


@contextlib.contextmanager
def database() -> Iterator[dict[str, str]]:
    """The server, with today's tables in it, as long as the block lasts; answers the environment that leads to it.

    Its folder is `AGENTSITE_BENCH_HOME`, by default ``var/bench``. What a power cut would lose is made again, so
    nothing is synced to the disk; all else is set as `make up` sets it.
    """
    home = Home(Path(os.environ.get("AGENTSITE_BENCH_HOME") or ROOT / "var" / "bench").absolute())
    home.create()
    home.replace_taken_ports()
    place = choose_place(home.path, home.instance_id())
    cluster = Cluster(place, home.ports()["postgres"], home.database_password(), durable=False)
    cluster.prepare()
    with running(
        cluster.command(),
        environment=cluster.environment,
        log=home.path / "postgres.log",
        is_ready=cluster.is_ready,
        account=cluster.account,
    ):
        environment = os.environ | {"DATABASE_URL": cluster.url, "AGENTSITE_HOME": str(home.path)}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=environment, check=True
        )
        yield environment
