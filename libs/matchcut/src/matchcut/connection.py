"""Which gateway a command talks to: the one named by the environment, the one that runs here, or one of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matchcut.client import Credentials, Matchcut
from matchcut.console import Console
from matchcut.exits import UsageFault
from matchcut.launcher import DataFolder, read_state, running

__all__ = ["Connection", "connect", "connect_or_launch"]


@dataclass(frozen=True)
class Connection:
    """Where the gateway is and who we are to it."""

    url: str
    credentials: Credentials


def connect(folder: DataFolder) -> Matchcut:
    """A client of a gateway that runs already. Raises UsageFault when there is none."""
    found = _named() or _running_here(folder)
    if found is None:
        raise UsageFault(
            f"no Matchcut runs in {folder.root}: start it with `matchcut up`, or point to one with MATCHCUT_URL and"
            " MATCHCUT_TOKEN (or MATCHCUT_USER and MATCHCUT_PASSWORD)"
        )
    return Matchcut(found.url, found.credentials, unfinished=_notes())


@contextmanager
def connect_or_launch(folder: DataFolder, console: Console) -> Iterator[Matchcut]:
    """Like ``connect``, but starts one for the length of the block when there is none."""
    found = _named() or _running_here(folder)
    if found:
        with Matchcut(found.url, found.credentials, unfinished=_notes()) as client:
            yield client
        return
    console.say(f"[dim]no Matchcut runs here: starting one in {folder.root} for this run[/]")
    with (
        running(folder, on_stage=lambda stage: console.say(f"[dim]{stage} …[/]")) as launcher,
        Matchcut(launcher.url, launcher.credentials) as client,
    ):
        yield client


def _notes() -> Path | None:
    """Where notes of uploads under way are kept, as the XDG base directories say; nowhere without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return folder / "matchcut" / "uploads"


def _named() -> Connection | None:
    url = os.environ.get("MATCHCUT_URL")
    if not url:
        return None
    token = os.environ.get("MATCHCUT_TOKEN")
    user, password = os.environ.get("MATCHCUT_USER", ""), os.environ.get("MATCHCUT_PASSWORD", "")
    if not token and not (user and password):
        raise UsageFault("MATCHCUT_URL is set, but neither MATCHCUT_TOKEN nor MATCHCUT_USER with MATCHCUT_PASSWORD")
    return Connection(url, Credentials(user, password, token))


def _running_here(folder: DataFolder) -> Connection | None:
    state = read_state(folder.state)
    return Connection(state.url, state.credentials) if state and state.ready else None
