"""What is said of PostgreSQL when a connection to it cannot be had."""

from typing import Any

import pytest
from sqlalchemy import event as hook

from chassis._failures import is_outage
from chassis.database import Database
from support.chassis_running import Toy
from support.chassis_toy import TENANT

pytestmark = pytest.mark.servers


async def test_a_session_that_ends_while_it_is_being_set_up_is_an_outage(toy: Toy) -> None:
    database = Database(str(toy.settings.database_url), service="toy")

    def end(connection: Any, _record: Any) -> None:
        connection.driver_connection.terminate()

    hook.listen(database._engine.sync_engine, "connect", end, insert=True)

    with pytest.raises(ConnectionError) as raised:
        async with database.begin(TENANT):
            pass

    hook.remove(database._engine.sync_engine, "connect", end)
    async with database.begin(TENANT) as unit:
        assert unit.tenant_id == TENANT
    await database.close()
    assert is_outage(raised.value)
