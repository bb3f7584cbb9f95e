"""What the environment says, as the settings take it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


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
