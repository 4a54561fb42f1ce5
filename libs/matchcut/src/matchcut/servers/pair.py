"""Both servers together, on one folder that remembers their passwords and ports."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from matchcut.servers.fault import ServerFault
from matchcut.servers.postgres import Postgres
from matchcut.servers.redis import Redis

__all__ = ["Servers", "private_servers"]


class Servers:
    """PostgreSQL and Redis on ``directory``, which is made when absent and used again when not.

    ``durable=False`` is for tests: nothing is synced to disk. ``postgres_settings`` are for more than the small things
    it is set up for. Only one process may use a directory at a time.
    """

    def __init__(
        self, directory: Path, *, durable: bool = True, postgres_settings: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory.absolute()
        # Root's PostgreSQL runs as somebody else, who must be able to pass through; all that is inside is private.
        self.directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self._lock: IO[str] | None = None
        self._memory = _remembered(self.directory / "servers.json")
        secret = str(self._memory["password"])
        self.postgres = Postgres(
            self.directory / "postgres", password=secret, durable=durable, settings=postgres_settings
        )
        self.redis = Redis(self.directory / "redis", password=secret, durable=durable)

    @property
    def postgres_url(self) -> str:
        """Superuser ``matchcut``, database ``matchcut``."""
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        """Database 0."""
        return self.redis.url

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the servers that run."""
        pids = {"postgres": self.postgres.pid, "redis": self.redis.pid}
        return {name: pid for name, pid in pids.items() if pid}

    def start(self) -> None:
        """Start both, on the ports of last time when they are free. Raises ServerFault; then neither runs."""
        self._lock = _locked(self.directory)
        try:
            self.redis.start(port=self._memory.get("redis_port"))
            self.postgres.start(port=self._memory.get("postgres_port"))
        except BaseException:
            self.stop()
            raise
        self._memory |= {"redis_port": self.redis.port, "postgres_port": self.postgres.port}
        _remember(self.directory / "servers.json", self._memory)

    def heal(self) -> list[str]:
        """Start again, on the same port, what has died; their names."""
        dead = [server for server in (self.postgres, self.redis) if server.pid is None]
        for server in dead:
            server.start(port=server.port)
        return [server.version for server in dead]

    def stop(self) -> None:
        """Stop both, cleanly; what is not running is fine."""
        self.postgres.stop()
        self.redis.stop()
        if self._lock:
            self._lock.close()
            self._lock = None

    def delete(self) -> None:
        """Remove what both wrote."""
        self.postgres.delete()
        self.redis.delete()
        (self.directory / "servers.json").unlink(missing_ok=True)


@contextmanager
def private_servers(directory: Path, *, durable: bool = True, keep: bool = True) -> Iterator[Servers]:
    """Both servers for the length of a ``with`` block; ``keep=False`` deletes their data at the end."""
    servers = Servers(directory, durable=durable)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()
        if not keep:
            servers.delete()


def _remembered(path: Path) -> dict[str, Any]:
    try:
        memory: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        memory = {"password": secrets.token_urlsafe(24)}
        _remember(path, memory)
    return memory


def _remember(path: Path, memory: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(memory, indent=1))


def _locked(directory: Path) -> IO[str]:
    """The right to this directory; the system takes it back when the process ends, however it ends."""
    lock = (directory / "servers.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        lock.close()
        raise ServerFault(f"the servers on {directory} already run for another process: stop that one first") from taken
    return lock
