"""The chromium that the browser tests drive. `python -m tests.support.chromium` installs one if there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ELSEWHERE = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)


def find_chromium() -> str | None:
    """The path of an installed chromium, playwright's own among them; None when there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or next((str(path) for path in (*ELSEWHERE, _playwrights()) if path.exists()), None)


def install_chromium() -> None:
    """Install one by the system's packages (as root or by sudo without a password), else by playwright."""
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not rights or shutil.which("sudo")):
        print("chromium: installing it with apt-get", flush=True)
        _run([*rights, "apt-get", "update", "-qq"])
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"]
        if _run([*rights, "env", "DEBIAN_FRONTEND=noninteractive", *install]):
            return
    print("chromium: downloading playwright's", flush=True)
    _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _playwrights() -> Path:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def _run(command: list[str]) -> bool:
    """Whether it succeeded; what it says is shown only when it did not."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout.strip(), flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    if find_chromium() is None:
        install_chromium()
    if find_chromium() is None:
        sys.exit("chromium: none is installed and none could be; install one, then run this again")
