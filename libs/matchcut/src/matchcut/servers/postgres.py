"""A private PostgreSQL: one cluster in one folder, TCP on 127.0.0.1, password only."""

import contextlib
import locale
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from matchcut.lifeline import spawn, stop
from matchcut.servers.binaries import pick_postgres
from matchcut.servers.fault import ServerFault
from matchcut.servers.ports import free_port, tail, wait_until
from matchcut.servers.unprivileged import Person, hand_over, home_for, reachable_copy, somebody_unprivileged

__all__ = ["Postgres"]

_USER = _DATABASE = "matchcut"
_START_S = 60.0
"""A crash recovery after much work takes some seconds; longer than this something is wrong."""

_SMALL = {
    # Six services on one machine: a few dozen connections, little memory, nothing to replicate.
    "shared_buffers": "48MB",
    "max_connections": "150",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "shared_preload_libraries": "",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: faster, and worthless after a power cut."""


class Postgres:
    """Start, watch and stop one cluster. ``home`` is made when absent; an existing cluster in it is used again."""

    def __init__(
        self, home: Path, *, password: str, durable: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        self._person = somebody_unprivileged()
        self.home = home_for(home, self._person)
        """Where it really is: elsewhere than asked when we are root and the asked one is out of reach for others."""
        self._data = self.home / "cluster"
        self._log = self.home / "postgres.log"
        self._password = password
        self._settings = _SMALL | ({} if durable else _FORGETFUL) | dict(settings or {})
        self._binary = pick_postgres(wanted_major=self._major_on_disk())
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Of the superuser; only while it runs."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{_DATABASE}"

    @property
    def version(self) -> str:
        """For people: ``PostgreSQL 15 (system)``."""
        return f"PostgreSQL {self._binary.major} ({self._binary.origin})"

    @property
    def pid(self) -> int | None:
        """Of the postmaster, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, *, port: int | None = None) -> None:
        """Listen on ``port`` when it is free, else on another. Raises ServerFault."""
        self._clear_stale_pid()
        if self._major_on_disk() is None:
            self._create()
        for _ in range(5):
            self.port = free_port(port)
            self._process = self._launch()
            if wait_until(self._is_ready, self._process, self._log, limit_s=_START_S):
                return
            if "could not bind" not in tail(self._log):
                break
        raise ServerFault(f"{self.version} ended at once; its log ({self._log}) ends with:\n{tail(self._log)}")

    def stop(self) -> None:
        """Disconnect everybody, write everything, end."""
        if self._process:
            stop(self._process, first=signal.SIGINT, patience_s=20)  # "fast" in PostgreSQL's words

    def delete(self) -> None:
        """Remove the cluster and its folder."""
        shutil.rmtree(self.home, ignore_errors=True)

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = self._settings | {"port": str(self.port), "listen_addresses": "127.0.0.1"}
        if self._binary.major >= 18:
            settings["io_method"] = "sync"  # else three more processes
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            return spawn(
                [self._program("postgres"), "-D", self._data, *options],
                log=log,
                env=_plain_environment(),
                cwd=self.home,
                user=self._person.user if self._person else None,
                group=self._person.group if self._person else None,
                when_we_die=signal.SIGINT,
            )

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # Line 8 is the state (postmaster/miscinit.h); pg_ctl waits for the same word.
        return len(lines) >= 8 and lines[7].strip() == "ready" and int(lines[0]) == self.pid

    def _create(self) -> None:
        """Make the cluster aside and move it into place, so that a half-made one is never taken for whole."""
        fresh = self.home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        secret = self.home / f"password-{secrets.token_hex(4)}"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if self._person:
            hand_over(secret, self._person)
        try:
            self._ask(
                "initdb",
                *("-D", str(fresh), "--username", _USER, "--pwfile", str(secret), "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", _unicode_locale(), "--lc-messages", "C", "--no-sync"),
            )
        finally:
            secret.unlink()
        self._ask("postgres", "--single", "-D", str(fresh), "postgres", said=f"CREATE DATABASE {_DATABASE}\n")
        fresh.rename(self._data)

    def _ask(self, program: str, *arguments: str, said: str = "") -> None:
        person: Person | None = self._person
        done = subprocess.run(
            [self._program(program), *arguments],
            input=said,
            capture_output=True,
            text=True,
            env=_plain_environment(),
            cwd=self.home,
            user=person.user if person else None,
            group=person.group if person else None,
            extra_groups=[] if person else None,
            check=False,
        )
        if done.returncode or "ERROR:" in done.stderr:
            raise ServerFault(f"{program} of {self.version} failed:\n{(done.stdout + done.stderr).strip()}")

    def _program(self, name: str) -> Path:
        return reachable_copy(self._binary.path.parent / name, self.home, self._person)

    def _major_on_disk(self) -> int | None:
        try:
            return int((self._data / "PG_VERSION").read_text())
        except OSError:
            return None

    def _clear_stale_pid(self) -> None:
        """PostgreSQL heeds any process with the noted id, even one that has nothing to do with it: look closer."""
        note = self._data / "postmaster.pid"
        end = time.monotonic() + 15
        while note.exists() and (pid := _first_number(note)) and self._is_ours(pid):
            if time.monotonic() > end:
                raise ServerFault(f"another PostgreSQL (process {pid}) still runs on {self._data}: stop it first")
            time.sleep(0.1)  # most likely the last launcher was killed, and it is just ending
        with contextlib.suppress(FileNotFoundError):
            note.unlink()

    def _is_ours(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self._data.resolve()
        except psutil.AccessDenied:
            return True  # somebody else's process: leave the judgement to PostgreSQL
        except psutil.Error:
            return False


def _first_number(note: Path) -> int | None:
    try:
        return int(note.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _plain_environment() -> dict[str, str]:
    """No PG* variables of ours, no user's locale; the library path stays for systems that need one."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
    return {"LC_ALL": "C"} | {name: os.environ[name] for name in kept if name in os.environ}


def _unicode_locale() -> str:
    """One that folds the case of every alphabet, where the system has it: search needs that."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "en_US.UTF-8" if sys.platform == "darwin" else "C"
    locale.setlocale(locale.LC_CTYPE, before)
    return "C.UTF-8"
