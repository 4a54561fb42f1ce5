"""What is said of PostgreSQL when a connection to it cannot be had."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event as hook

from chassis._failures import is_outage
from chassis.database import Database
from support.chassis_running import Toy
from support.chassis_toy import TENANT
from support.cutting_proxy import CuttingProxy

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


async def test_a_statement_that_is_never_answered_is_an_outage_and_the_next_one_connects_anew(toy: Toy) -> None:
    async with CuttingProxy(str(toy.settings.database_url)) as proxy:
        database = Database(proxy.url, service="toy", answer_s=0.3)
        async with database.begin(TENANT):
            pass
        proxy.black_hole = True  # it takes every byte and passes on none

        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(20) as patience, database.begin(TENANT):
                pass

        assert not patience.expired()
        proxy.heal()
        async with asyncio.timeout(20), database.begin(TENANT) as unit:
            assert unit.tenant_id == TENANT
        await database.close()
    assert is_outage(raised.value)


async def test_a_commit_that_is_never_answered_does_not_hold_its_caller(toy: Toy) -> None:
    async with CuttingProxy(str(toy.settings.database_url)) as proxy:
        database = Database(proxy.url, service="toy", answer_s=0.3)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20) as patience, database.begin(TENANT):
                proxy.black_hole = True

        assert not patience.expired()
        proxy.heal()
        await database.close()
