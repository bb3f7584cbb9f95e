"""Arming the places in the product where a process dies as by ``kill -9`` (reviews/failpoints.py)."""

from pathlib import Path

from tests.support.processes import wait_until


class Failpoints:
    """A folder that the processes of a site look into; a file there kills the first that passes its place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arm(self, name: str) -> None:
        (self.folder / name).touch()

    def wait_for(self, name: str, timeout: float = 30.0) -> None:
        """Until a process has died there."""
        wait_until(lambda: not (self.folder / name).exists(), f"a process dies at {name}", timeout)

    def disarm(self) -> None:
        for file in self.folder.iterdir():
            file.unlink(missing_ok=True)
