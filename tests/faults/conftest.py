"""A site of its own for the tests that hurt it: whatever dies there comes back, and each test leaves it ready."""

import os
import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.faults.failpoints import Failpoints
from tests.faults.reviewer import Reviewer
from tests.support.site import Site


@pytest.fixture(scope="session")
def failpoints(tmp_path_factory: pytest.TempPathFactory) -> Failpoints:
    return Failpoints(tmp_path_factory.mktemp("failpoints"))


@pytest.fixture(scope="session")
def site(failpoints: Failpoints) -> Iterator[Site]:
    """A whole site in which failpoints can be armed; started once a process."""
    site = Site(AGENTSITE_FAILPOINTS=str(failpoints.folder))
    try:
        site.start(timeout=240)
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def owner(site: Site) -> Iterator[Reviewer]:
    """The owner of the demo workspace, who may start runs and decide."""
    with Reviewer(site.web, site.token("owner")) as reviewer:
        yield reviewer


@pytest.fixture(scope="session")
def browser(site: Site) -> Iterator[httpx.Client]:
    """The owner, signed in by the one-time link, without a script."""
    with httpx.Client(base_url=site.web, follow_redirects=True, timeout=30) as client:
        link = site.signin_link("owner")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(link).text)
        assert token
        signed_in = client.post(link, data={"csrfmiddlewaretoken": token[1]}, headers={"Referer": link})
        assert signed_in.status_code == 200, signed_in.text
        yield client


@pytest.fixture(autouse=True)
def ready(site: Site, failpoints: Failpoints) -> Iterator[None]:
    """Each test finds a site that works, with nothing armed."""
    failpoints.disarm()
    site.wait_ready()
    yield
    failpoints.disarm()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure that `make soak` is read for; it is part of a failure's report too."""

    def say(text: str) -> None:
        print(text)
        if "PYTEST_XDIST_WORKER" not in os.environ:
            with capsys.disabled():
                print(f"\n  {text}", flush=True)

    return say
