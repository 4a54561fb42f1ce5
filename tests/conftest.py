"""Markers and real servers for the suites; nothing else, and nobody imports it."""

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def evaluation_data() -> Path:
    """The folder of real media with ground truth: ``MATCHCUT_DATA``, or ``shared/data`` beside the repository."""
    folder = Path(os.environ.get("MATCHCUT_DATA") or REPOSITORY.parent / "shared" / "data")
    if (folder / "MANIFEST.md").is_file():
        return folder
    reason = f"no evaluation data: {folder.name}/MANIFEST.md is absent; set MATCHCUT_DATA to the folder that has it"
    if os.environ.get("MATCHCUT_EVALUATION") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def _servers(worker_id: str) -> Iterator[tuple[str, str]]:
    """PostgreSQL and Redis for one test process: private ones, or containers when those are asked for."""
    if os.environ.get("MATCHCUT_TEST_SERVERS") == "containers":
        from support.containers import container_servers

        with container_servers() as urls:
            yield urls
        return
    from matchcut.servers import private_servers

    with (
        tempfile.TemporaryDirectory(prefix=f"matchcut-tests-{worker_id}-", ignore_cleanup_errors=True) as folder,
        private_servers(Path(folder), durable=False, keep=False) as servers,
    ):
        yield servers.postgres_url, servers.redis_url


@pytest.fixture(scope="session")
def postgres_url(_servers: tuple[str, str]) -> str:
    """Superuser URL of a real PostgreSQL that lives as long as the test run."""
    return _servers[0]


@pytest.fixture(scope="session")
def redis_url(_servers: tuple[str, str]) -> str:
    """URL of a real Redis that lives as long as the test run."""
    return _servers[1]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Half characters in a test's log or failure, which pytest-xdist cannot send and would end the whole run over."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _sendable(entry) for key, entry in value.items()}
    return type(value)(map(_sendable, value)) if type(value) in (list, tuple) else value
