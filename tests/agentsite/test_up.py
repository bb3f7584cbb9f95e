"""`manage.py up`: one command, a whole site; it heals itself, and nothing outlives it."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import httpx
import psutil
import psycopg
import pytest

from agentsite.drills.run import SITE_ENDED
from agentsite.home import ROOT, Home
from reviews.drills.actions import SILENT
from tests.support.processes import wait_until
from tests.support.site import Site, alive, run_up
from tests.support.visitor import Visitor


@pytest.fixture(scope="module")
def kept_site() -> Iterator[Site]:
    """A site that these tests may stop and start."""
    site = Site()
    yield site
    site.close()


@pytest.fixture
def own_site(kept_site: Site) -> Site:
    """The same, running."""
    if not kept_site.runs:
        kept_site.start()
    return kept_site


def test_ready_means_that_everything_answers(own_site: Site) -> None:
    assert httpx.get(f"{own_site.web}/readyz").status_code == 200
    assert httpx.get(own_site.endpoints["temporal_ui"], follow_redirects=True).status_code == 200
    assert httpx.get(f"{own_site.model}/models").status_code == 200
    assert httpx.get(own_site.payments).status_code == 200
    with psycopg.connect(own_site.database) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM django_migrations").fetchone() == (True,)
    assert own_site.web == f"http://127.0.0.1:{own_site.port}"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", own_site.temporal)


def test_the_endpoints_are_for_their_owner_alone(own_site: Site) -> None:
    assert stat.S_IMODE((own_site.home / "endpoints.json").stat().st_mode) == 0o600


def test_children_are_below_up_in_the_process_tree(own_site: Site) -> None:
    assert set(own_site.children()) == {"web", "bridge", "worker", "temporal", "postgres", "demo"}


def test_the_home_says_which_processes_run(own_site: Site) -> None:
    assert own_site.process
    children = {role: child.pid for role, child in own_site.children().items()}
    assert Home(own_site.home).processes() == {"up": own_site.process.pid, **children}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_secrets_are_not_in_command_lines(own_site: Site) -> None:
    password = (own_site.home / "database_password").read_text()
    assert not any(password in " ".join(process.cmdline()) for process in own_site.family())


def test_the_printed_link_signs_in_the_owner_once(own_site: Site) -> None:
    found = re.search(r"Sign in +(\S+)", own_site.output())
    assert found
    link = found[1]
    assert link.startswith(own_site.web)
    assert "sign" in link.removeprefix(own_site.web)
    assert httpx.get(link, follow_redirects=True).status_code == 200


def test_the_doctor_finds_nothing(own_site: Site) -> None:
    assert own_site.manage("doctor").startswith("ok    disk")


@pytest.mark.parametrize("role", ["web", "bridge", "worker", "temporal", "postgres", "demo"])
def test_a_killed_child_comes_back_and_the_console_says_so(own_site: Site, role: str) -> None:
    killed = own_site.kill(role)
    wait_until(lambda: f"{role} died (SIGKILL), starting it again" in own_site.output(), "the console tells")
    own_site.wait_ready()
    assert own_site.children()[role].pid != killed


def test_a_second_up_on_the_same_home_is_refused(own_site: Site) -> None:
    done = run_up(own_site.env)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert own_site.process
    assert f"another `manage.py up` (pid {own_site.process.pid}) runs on {own_site.home}" in line
    assert httpx.get(f"{own_site.web}/readyz").status_code == 200


def test_sigterm_stops_everything_within_eight_seconds_and_a_new_start_finds_it_all(own_site: Site) -> None:
    before = own_site.endpoints
    family = own_site.family()
    assert own_site.stop() < 8
    assert own_site.process and own_site.process.returncode == 0
    assert alive(family) == []
    assert not (own_site.home / "endpoints.json").exists()
    assert not (own_site.home / "processes.json").exists()
    assert "died" not in own_site.output().rsplit("Stopping", 1)[1]

    own_site.start()
    assert own_site.endpoints == before


def test_a_drill_ends_with_its_site_also_while_temporal_is_frozen(own_site: Site) -> None:
    with Visitor(own_site) as visitor:
        page = visitor.send("/drills/", 'value="temporal"').url.path
        wait_until(lambda: "answers nobody for 30 s" in visitor.get(page).text, "it is frozen", 60)
    drill = [process for process in own_site.family() if "drill" in process.cmdline()]
    assert len(drill) == 1
    family = own_site.family()
    assert own_site.stop() < 8
    assert alive(family) == []
    own_site.start()
    with Visitor(own_site) as visitor:
        wait_until(lambda: _says_how_the_drill_ended(visitor.get(page).text), "its end is told", 100)


def test_sigkill_of_up_leaves_nothing_and_a_new_start_works(own_site: Site) -> None:
    family = own_site.family()
    assert own_site.process
    own_site.process.kill()
    own_site.process.wait()
    wait_until(lambda: alive(family) == [], "all have ended", 8)
    ports = own_site.endpoints

    (own_site.home / "endpoints.json").unlink()
    own_site.start()
    assert own_site.endpoints == ports


def test_an_end_during_the_start_leaves_nothing_either() -> None:
    site = Site()
    try:
        for moment in ("Starting Agentsite", "postgres ready", "web ready"):
            site.console.write_bytes(b"")
            site.launch()
            assert site.process
            wait_until(partial(_has_said, site, moment), moment, 60)
            family = site.family()
            assert site.stop() < 8
            assert alive(family) == []
            assert site.process.returncode == 0
    finally:
        site.close()


def _has_said(site: Site, words: str) -> bool:
    return words in site.output()


def _says_how_the_drill_ended(page: str) -> bool:
    """By the drill's last words, or by its silence where the database was gone before it had a moment."""
    return SITE_ENDED in page or SILENT in page


def test_two_sites_side_by_side_share_nothing(own_site: Site) -> None:
    other = Site()
    try:
        other.start()
        assert not set(filter(None, other.endpoints.values())) & set(own_site.endpoints.values())
        mine, theirs = (_cookie_names(site) for site in (own_site, other))
        assert mine
        assert theirs
        assert not mine & theirs
        other.stop()
        assert httpx.get(f"{own_site.web}/readyz").status_code == 200
    finally:
        other.close()


def _cookie_names(site: Site) -> set[str]:
    with httpx.Client(follow_redirects=True) as client:
        client.get(f"{site.web}/accounts/login/")
        return set(client.cookies)


def test_ctrl_c_at_a_terminal_goes_the_same_way_and_a_second_one_kills_at_once(own_site: Site) -> None:
    family = own_site.family()
    assert own_site.process
    own_site.children()["web"].suspend()  # one that cannot end by itself
    began = time.monotonic()
    os.killpg(own_site.process.pid, signal.SIGINT)
    time.sleep(0.5)
    assert own_site.process.poll() is None
    os.killpg(own_site.process.pid, signal.SIGINT)
    own_site.process.wait(5)
    assert time.monotonic() - began < 4
    assert alive(family) == []


def test_make_up_passes_the_end_on(kept_site: Site) -> None:
    """`make` is what people start; its SIGTERM must reach the site."""
    if kept_site.runs:
        kept_site.stop()
    kept_site.console.write_bytes(b"")
    with kept_site.console.open("ab") as console:
        make = subprocess.Popen(["make", "up"], cwd=ROOT, env=kept_site.env, stdout=console, stderr=console)
    try:
        wait_until(lambda: (kept_site.home / "endpoints.json").exists(), "ready", 60)
        family = psutil.Process(make.pid).children(recursive=True)
        assert any("manage.py up" in " ".join(process.cmdline()) for process in family)
        make.terminate()
        make.wait(9)
        wait_until(lambda: alive(family) == [], "all have ended", 8)
    finally:
        make.kill()
