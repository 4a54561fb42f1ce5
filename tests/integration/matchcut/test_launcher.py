"""`matchcut up` for real: six services on their feet, healed when they die, and nothing left when it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from matchcut.client import Matchcut
from matchcut.launcher import State, read_state
from support.private_server_scripts import gone, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(280)]
MATCHCUT = [sys.executable, "-m", "matchcut.main"]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="matchcut-launcher-"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def launcher(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MATCHCUT, "up", "--data", str(home), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def matchcut(*words: str) -> tuple[int, Any]:
    run = subprocess.run([*MATCHCUT, *words], capture_output=True, text=True, check=False, timeout=120)
    return run.returncode, json.loads(run.stdout)


def ready(home: Path) -> State:
    assert wait_for(lambda: (found := read_state(home / "state.json")) is not None and found.ready, limit_s=150)
    state = read_state(home / "state.json")
    assert state is not None
    return state


def everything(state: State) -> list[int]:
    """Launcher, servers, services and their children."""
    known = [*state.servers.values(), *(service.pid for service in state.services.values() if service.pid)]
    family = [child.pid for pid in known for child in psutil.Process(pid).children(recursive=True)]
    return [state.launcher_pid, *known, *family]


def test_up_starts_everything_heals_a_killed_service_and_ends_cleanly(
    home: Path, launcher: subprocess.Popen[str]
) -> None:
    state = ready(home)
    pids = everything(state)

    code, told = matchcut("status", "--data", str(home), "--json")
    with Matchcut(state.url, state.credentials) as client:
        me = client.me()
    killed = state.services["vision"].pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    healed = wait_for(lambda: _restarted(home, "vision"), limit_s=60)
    after, told_after = matchcut("status", "--data", str(home), "--json")
    letters_code, letters = matchcut("dlq", "list", "--data", str(home), "--json")
    tasks_code, tasks = matchcut("work", "list", "--data", str(home), "--json")
    down, _ = matchcut("down", "--data", str(home), "--json")

    assert code == 0
    assert {part["name"] for part in told["parts"]} == {"postgres", "redis", *state.services}
    assert me.email == state.email
    assert healed
    assert after == 0
    assert next(part for part in told_after["parts"] if part["name"] == "vision")["restarts"] == 1
    assert (letters_code, {name: answer["letters"] for name, answer in letters.items()}) == (
        0,
        {name: [] for name in state.services},
    )
    assert (tasks_code, {name: answer["tasks"] for name, answer in tasks.items()}) == (
        0,
        {name: [] for name in state.services},
    )
    assert down == 0
    assert wait_for(lambda: gone(pids))
    assert not (home / "state.json").exists()
    assert json.loads(launcher.communicate()[0])["url"] == state.url


def test_kill_minus_nine_of_the_launcher_leaves_nothing_running_and_it_starts_again(
    home: Path, launcher: subprocess.Popen[str]
) -> None:
    pids = everything(ready(home))

    launcher.kill()

    assert wait_for(lambda: gone(pids))
    again, told = matchcut("up", "--data", str(home), "--detach", "--json")
    state = ready(home)
    assert again == 0
    assert told["url"] == state.url
    assert matchcut("down", "--data", str(home), "--json")[0] == 0
    assert wait_for(lambda: gone([state.launcher_pid]))


def _restarted(home: Path, service: str) -> bool:
    state = read_state(home / "state.json")
    return state is not None and state.services[service].restarts == 1 and _answers(state.services[service].port)


def _answers(port: int) -> bool:
    import httpx

    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
