"""How root runs PostgreSQL, which refuses to be root: as another user, in folders that user can reach."""

import os
import pwd
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from matchcut.servers.fault import ServerFault

__all__ = ["Person", "hand_over", "home_for", "may_reach", "reachable_copy", "somebody_unprivileged"]

_OWNER_NOTE = "belongs-to"
_PREFIX = "matchcut-postgres-"


@dataclass(frozen=True)
class Person:
    """A user to drop to."""

    user: int
    group: int


def somebody_unprivileged() -> Person | None:
    """Whom to run PostgreSQL as; None when we are not root and it can run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Person(entry.pw_uid, entry.pw_gid)
    raise ServerFault("PostgreSQL refuses to run as root and there is no user `nobody`: run as an ordinary user")


def may_reach(path: Path, person: Person) -> bool:
    """Whether ``person`` can pass through every folder above ``path`` (which need not exist)."""
    for folder in path.absolute().parents:
        if not folder.exists():
            continue
        status = folder.stat()
        owned = status.st_uid == person.user and status.st_mode & 0o100
        if not owned and not status.st_mode & 0o001:
            return False
    return True


def home_for(wanted: Path, person: Person | None) -> Path:
    """``wanted``, made and handed to ``person``; or a private folder under the temp folder when it is out of reach.

    Such a folder notes which one it stands for, and is swept away by a later call once that one is gone.
    """
    wanted = wanted.absolute()
    if person is None or may_reach(wanted, person):
        home = wanted
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    else:
        _sweep()
        home = _stand_in(wanted) or Path(tempfile.mkdtemp(prefix=_PREFIX))
        (home / _OWNER_NOTE).write_text(str(wanted.parent))
    if person:
        hand_over(home, person)
    return home


def hand_over(path: Path, person: Person) -> None:
    """Make ``person`` the owner of ``path``."""
    os.chown(path, person.user, person.group)


def reachable_copy(program: Path, home: Path, person: Person | None) -> Path:
    """``program``, or a copy of its installation inside ``home`` when ``person`` cannot reach it."""
    if person is None or may_reach(program, person):
        return program
    installation = program.parent.parent  # pginstall, with bin, lib and share
    copy = home / "installation"
    if not copy.exists():
        shutil.copytree(installation, copy / installation.parent.name / installation.name)
        libraries = installation.parent.parent / f"{installation.parent.name}.libs"
        if libraries.exists():  # the programs look for these by a relative path
            shutil.copytree(libraries, copy / libraries.name)
        for folder, _, _ in os.walk(copy):
            os.chmod(folder, 0o755)
    return copy / installation.parent.name / installation.name / "bin" / program.name


def _stand_ins() -> list[Path]:
    found = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_OWNER_NOTE}")
    return [note.parent for note in found if note.stat().st_uid == os.geteuid()]


def _stand_in(wanted: Path) -> Path | None:
    for folder in _stand_ins():
        if (folder / _OWNER_NOTE).read_text() == str(wanted.parent):
            return folder
    return None


def _sweep() -> None:
    for folder in _stand_ins():
        if not Path((folder / _OWNER_NOTE).read_text()).exists():
            shutil.rmtree(folder, ignore_errors=True)
