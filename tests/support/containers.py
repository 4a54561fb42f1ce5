"""PostgreSQL and Redis in containers, for who has Docker and wants the very images of production."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["container_servers"]


@contextmanager
def container_servers() -> Iterator[tuple[str, str]]:
    """Yield the two URLs; skip, saying so, where no Docker engine answers."""
    docker = pytest.importorskip("docker", reason="MATCHCUT_TEST_SERVERS=containers needs testcontainers")
    try:
        docker.from_env().ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"MATCHCUT_TEST_SERVERS=containers, but no Docker engine answers: {error}")
    from testcontainers.postgres import PostgresContainer
    from testcontainers.redis import RedisContainer

    with (
        PostgresContainer("postgres:17-alpine", username="matchcut", dbname="matchcut", driver=None) as postgres,
        RedisContainer("redis:7-alpine") as redis,
    ):
        host, port = redis.get_container_host_ip(), redis.get_exposed_port(6379)
        yield postgres.get_connection_url(), f"redis://{host}:{port}/0"
