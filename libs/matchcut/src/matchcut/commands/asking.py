"""Asking the services themselves: their own command lines, with the environment they run with."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matchcut.exits import UsageFault
from matchcut.launcher import DataFolder, read_state
from matchcut.launcher.environment import SERVICES, inherited, service_environment

__all__ = ["ask", "running_environments", "some_environments"]


def running_environments(folder: DataFolder) -> dict[str, Mapping[str, str]]:
    """What each service of the launcher in ``folder`` was started with. Raises UsageFault when none runs."""
    state = read_state(folder.state)
    if state is None:
        raise UsageFault(f"no Matchcut runs in {folder.root}: start it with `matchcut up`")
    return {name: service.environment for name, service in state.services.items()}


def some_environments(folder: DataFolder) -> dict[str, Mapping[str, str]]:
    """The running ones, or ones good enough for questions that need no server."""
    if read_state(folder.state):
        return running_environments(folder)
    folder.make()
    nowhere = {"postgres_url": "postgresql://nobody:none@127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1/0"}
    return {name: service_environment(name, folder, **nowhere, http_port=1) for name in SERVICES}


def ask(environments: Mapping[str, Mapping[str, str]], words: Sequence[str]) -> Iterator[tuple[str, Any, int]]:
    """Run ``python -m <service>.main <words> --json`` for each; its name, its JSON answer and its exit code."""
    for name, environment in environments.items():
        command = [sys.executable, "-m", f"{name}.main", *words, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=inherited(environment), check=False)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = {"error": (done.stderr or done.stdout).strip()[-2000:]}
        yield name, answer, done.returncode
