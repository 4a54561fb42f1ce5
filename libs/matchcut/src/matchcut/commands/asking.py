"""Asking the services themselves: their own command lines, with the environment they run with."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from matchcut.exits import PartFailed, UsageFault
from matchcut.launcher import DataFolder, read_state
from matchcut.launcher.environment import SERVICES, inherited, service_environment

__all__ = ["age", "ask", "ask_each", "chosen_environments", "running_environments", "some_environments"]

_AT_ONCE = 6


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


def chosen_environments(folder: DataFolder, service: str | None) -> dict[str, Mapping[str, str]]:
    """Those of all running services, or of the one that was named. Raises UsageFault."""
    environments = running_environments(folder)
    if service is None:
        return environments
    if service not in environments:
        raise UsageFault(f"there is no service {service!r}: choose from {', '.join(environments)}")
    return {service: environments[service]}


def ask(environments: Mapping[str, Mapping[str, str]], words: Sequence[str]) -> Iterator[tuple[str, Any, int]]:
    """Run ``python -m <service>.main <words> --json`` for each; its name, its JSON answer and its exit code."""
    for name, environment in environments.items():
        yield name, *_ask_one(name, environment, words)


def ask_each(environments: Mapping[str, Mapping[str, str]], words: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Like ``ask``, side by side, with words for each; the answers by service. Raises UsageFault, PartFailed."""
    answers: dict[str, Any] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = {name: pool.submit(_ask_one, name, environments[name], words[name]) for name in words}
    for name, future in asked.items():
        answer, code = future.result()
        if isinstance(answer, dict) and "error" in answer:
            raise (UsageFault if code == 2 else PartFailed)(f"{name}: {answer['error']}")
        answers[name] = answer
    return answers


def age(span_s: float | None) -> str:
    """``42s``, ``3m``, ``5h``, ``2d``; nothing for nothing."""
    if span_s is None:
        return ""
    for unit, size, limit in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if span_s < limit:
            return f"{span_s / size:.0f}{unit}"
    return f"{span_s / 86_400:.0f}d"


def _ask_one(name: str, environment: Mapping[str, str], words: Sequence[str]) -> tuple[Any, int]:
    command = [sys.executable, "-m", f"{name}.main", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=inherited(environment), check=False)
    try:
        return json.loads(done.stdout), done.returncode
    except ValueError:
        said = (done.stderr or done.stdout).strip()
        if done.returncode == 2:  # argparse repeats the whole usage before it comes to the point
            said = said.rpartition(": error: ")[2] or said
        return {"error": said[-2000:]}, done.returncode
