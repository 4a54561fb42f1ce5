"""A private Redis (or Valkey): appended to disk, never evicting, password only."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from matchcut.lifeline import spawn, stop
from matchcut.servers.binaries import Binary, pick_redis
from matchcut.servers.fault import ServerFault
from matchcut.servers.ports import free_port, tail, wait_until

__all__ = ["Redis"]

_START_S = 30.0


class Redis:
    """Start, watch and stop one server on one folder; what it held before is there again."""

    def __init__(self, home: Path, *, password: str, durable: bool = True, binary: Binary | None = None) -> None:
        self.home = home.absolute()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log = self.home / "redis.log"
        self._password = password
        self._durable = durable
        self._binary = binary or pick_redis()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """With its password; only while it runs."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def version(self) -> str:
        """For people: ``Redis 7 (system)``."""
        name = "Valkey" if "valkey" in self._binary.path.name else "Redis"
        return f"{name} {self._binary.major} ({self._binary.origin})"

    @property
    def pid(self) -> int | None:
        """Of the server, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, *, port: int | None = None) -> None:
        """Listen on ``port`` when it is free, else on another. Raises ServerFault."""
        for _ in range(5):
            self.port = free_port(port)
            with self._log.open("ab") as log:
                self._process = spawn(
                    [self._binary.path, self._configure()],
                    log=log,
                    cwd=self.home,
                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                    when_we_die=signal.SIGTERM,
                )
            if wait_until(self._is_ready, self._process, self._log, limit_s=_START_S):
                return
            if "bind" not in tail(self._log):
                break
        raise ServerFault(f"{self.version} ended at once; its log ({self._log}) ends with:\n{tail(self._log)}")

    def stop(self) -> None:
        """Write what is not on disk yet and end."""
        if self._process:
            stop(self._process, patience_s=10)

    def delete(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.home, ignore_errors=True)

    def _configure(self) -> Path:
        """The password goes by file: the command line is for everybody to see."""
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "protected-mode": "yes",
            "requirepass": self._password,
            "daemonize": "no",
            "dir": f'"{self.home}"',
            "save": '""',
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "databases": "16",
        }
        path = self.home / "redis.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return path

    def _is_ready(self) -> bool:
        """PING, in the server's own protocol; while it loads its file the answer is an error."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2 and (more := connection.recv(1024)):
                    said += more
        except OSError:
            return False
        return said.endswith(b"+PONG\r\n")
