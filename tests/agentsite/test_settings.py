"""What the environment says, as the settings take it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django.fixtures import Settings


@pytest.mark.parametrize("address", ["https://agents.example", "https://agents.example/"])
def test_addresses_have_one_slash_between_site_and_page(tmp_path: Path, address: str) -> None:
    """In a process of its own: the settings of this one are in use."""
    told = subprocess.run(
        [sys.executable, "-c", "from agentsite import settings; print(settings.AGENTSITE_URL)"],
        env=os.environ | {"AGENTSITE_HOME": str(tmp_path), "AGENTSITE_URL": address},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "https://agents.example\n"


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("ours")


urlpatterns = [path("broken/", broken), path("away/", lambda request: HttpResponse(status=503))]


@pytest.mark.urls(__name__)
def test_what_pages_break_is_logged_and_what_they_refuse_is_not(
    client: Client, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates"}
    ]  # no pages of ours here
    client.raise_request_exception = False
    assert [client.get(address).status_code for address in ("/away/", "/absent/", "/broken/")] == [
        503,
        404,
        500,
    ]
    said = [record for record in caplog.records if record.name == "django.request"]
    assert [record.getMessage() for record in said] == ["Internal Server Error: /broken/"]
    assert "ValueError: ours" in caplog.text
