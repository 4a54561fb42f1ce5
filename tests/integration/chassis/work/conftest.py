"""Long work on each kind of Redis there is, and on a PostgreSQL that a test may hurt."""

from collections.abc import Iterator

import pytest

from matchcut.servers.postgres import Postgres
from support.chassis_running import Toy


@pytest.fixture
def toy(each_toy: Toy) -> Toy:
    return each_toy


@pytest.fixture(scope="session")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL that a test may stop, freeze and kill."""
    postgres = Postgres(tmp_path_factory.mktemp("own-postgres"), password="to-be-hurt", durable=False)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
        postgres.delete()
