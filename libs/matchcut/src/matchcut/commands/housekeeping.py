"""``matchcut up|down|status|env|version``."""

import importlib.metadata
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import Annotated, Any

import psutil
import typer
from rich.markup import escape
from rich.text import Text

from matchcut.commands.choices import AsJson, Data
from matchcut.console import Console
from matchcut.exits import Exit, UsageFault, exit_codes
from matchcut.launcher import DataFolder, Launcher, LaunchFault, State, read_state
from matchcut.logs import LogFollower
from matchcut.tables import Cell, Record, Rows

__all__ = ["down", "env", "status", "up", "version"]

_DETACHED_READY_S = 180.0
_DOWN_S = 40.0


def up(
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Port of the API.", show_default="8400, or a free one")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the services' logs here.")] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave it running in the background.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine: PostgreSQL, Redis and six services. Ctrl-C stops all of it."""
    console, folder = Console(as_json=as_json), DataFolder.at(data)
    with exit_codes(console):
        if detach:
            _announce(console, _start_detached(folder, port))
            return
        launcher = Launcher(folder, gateway_port=port, on_stage=lambda stage: console.say(f"[dim]{stage} …[/]"))
        followed = LogFollower(folder.logs, console) if verbose else None
        try:
            launcher.start()
            _announce(console, launcher.state)
            while True:
                time.sleep(0.25)
                for name in launcher.heal():
                    console.say(f"[yellow]{name} had ended and was started again[/]")
                if followed:
                    followed.print_new()
        finally:
            console.say("[dim]stopping …[/]")
            launcher.stop()


def down(data: Data = None, as_json: AsJson = False) -> None:
    """Stop what `matchcut up` started."""
    console, folder = Console(as_json=as_json), DataFolder.at(data)
    with exit_codes(console):
        state = read_state(folder.state)
        if state is None:
            console.show({"stopped": False, "folder": str(folder.root)}, f"nothing runs in {folder.root}")
            return
        launcher = psutil.Process(state.launcher_pid)
        launcher.send_signal(signal.SIGTERM)
        try:
            launcher.wait(_DOWN_S)
        except psutil.TimeoutExpired:
            launcher.kill()  # its processes die with it
        console.show({"stopped": True, "folder": str(folder.root)}, f"stopped; the data stays in {folder.root}")


def status(data: Data = None, as_json: AsJson = False) -> None:
    """Show what runs, where, and how much memory it takes. Exit code 1 when something is missing."""
    console, folder = Console(as_json=as_json), DataFolder.at(data)
    with exit_codes(console):
        state = read_state(folder.state)
        if state is None:
            console.show({"running": False, "folder": str(folder.root)}, f"nothing runs in {folder.root}")
            raise typer.Exit(Exit.FAILED)
        rows = _measure(state)
        console.show({"running": True, "url": state.url, "folder": state.folder, "parts": rows}, *_parts(state, rows))
        for warning in sorted({warning for row in rows for warning in row["warnings"]}):
            console.say(f"[yellow]{escape(warning)}[/]")
        if not all(row["ready"] for row in rows):
            raise typer.Exit(Exit.FAILED)


def env(
    service: Annotated[str, typer.Argument(help="One of the six services.")],
    data: Data = None,
) -> None:
    """Print a running service's environment, to start it by hand: `eval "$(matchcut env vision)"`."""
    console, folder = Console(), DataFolder.at(data)
    with exit_codes(console):
        state = read_state(folder.state)
        if state is None or service not in state.services:
            raise UsageFault(f"no service {service!r} runs in {folder.root}")
        for name, value in state.services[service].environment.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    number = importlib.metadata.version("matchcut")
    Console(as_json=as_json).show({"version": number}, f"matchcut {number}")


def _parts(state: State, rows: list[dict[str, Any]]) -> tuple[Record, Rows]:
    cells: list[tuple[Cell, ...]] = []
    for row in rows:
        memory = f"{row['memory_mb']:.0f} MB" if row["memory_mb"] else ""
        answers = Text("yes", "green") if row["ready"] else Text("no", "red")
        cells.append(
            (row["name"], str(row["port"] or ""), str(row["pid"] or ""), memory, str(row["restarts"]), answers)
        )
    total = sum(row["memory_mb"] for row in rows)
    cells.append((Text("together", "bold"), "", "", Text(f"{total:.0f} MB", "bold"), "", ""))
    heading = ("part", "port", "process", "memory", "restarts", "answers")
    about = Record([("Matchcut at", state.url), ("data in", str(state.folder))])
    return about, Rows(heading, cells, right=heading[1:5])


def _announce(console: Console, state: State) -> None:
    facts = {"url": state.url, "docs": f"{state.url}/docs", "email": state.email, "folder": state.folder}
    text = f"[bold green]Matchcut is up:[/] {state.url}   (API docs at {state.url}/docs)\n"
    text += f"data and logs in {state.folder}; sign-in in {state.folder}/state.json"
    console.show(facts, text)


def _start_detached(folder: DataFolder, port: int | None) -> State:
    folder.make()
    log_path = folder.logs / "launcher.log"
    command = [sys.executable, "-m", "matchcut.main", "up", "--data", str(folder.root)]
    command += ["--port", str(port)] if port else []
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=dict(os.environ)
        )
    end = time.monotonic() + _DETACHED_READY_S
    while time.monotonic() < end:
        state = read_state(folder.state)
        if state and state.ready and state.launcher_pid == process.pid:
            return state
        if process.poll() is not None:
            break
        time.sleep(0.2)
    process.terminate()
    raise LaunchFault(f"it did not come up; see {log_path}:\n{log_path.read_text(errors='replace')[-1500:]}")


def _measure(state: State) -> list[dict[str, Any]]:
    # Only this command needs a web client of its own.
    import httpx

    def readiness(port: int) -> dict[str, Any]:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=3, trust_env=False)
            warnings = answer.json().get("warnings", {})
        except (httpx.HTTPError, ValueError):
            return {"ready": False, "warnings": []}
        return {"ready": answer.status_code == 200, "warnings": [f"{what}: {why}" for what, why in warnings.items()]}

    rows = [
        {
            "name": name,
            "port": None,
            "pid": pid,
            "restarts": 0,
            "ready": psutil.pid_exists(pid),
            "warnings": [],
            "memory_mb": _memory(pid),
        }
        for name, pid in state.servers.items()
    ]
    for name, service in state.services.items():
        memory = _memory(service.pid) if service.pid else 0.0
        one = {"name": name, "port": service.port, "pid": service.pid, "restarts": service.restarts}
        rows.append({**one, **readiness(service.port), "memory_mb": memory})
    return rows


def _memory(pid: int) -> float:
    """Proportional set size of a process and its children in MB: shared pages are counted once."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            full = one.memory_full_info()
            total += getattr(full, "pss", full.rss) / 1e6
    except psutil.Error:
        return total
    return total
