"""``python -m gateway.main limits``: how much one tenant may have."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from chassis.database import Database
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.quotas import OwnQuotas
from gateway.domain.refusals import Refusal
from gateway.settings import Settings
from gateway.usecases.quotas import SetQuotas

__all__ = ["limits"]

_LARGEST = 2**62
_OPTIONS = {
    "jobs": "unfinished jobs at once",
    "storage_bytes": "bytes of uploads, videos and scripts",
    "video_minutes": "minutes of video in a month",
}


def limits(settings: Settings, arguments: Sequence[str]) -> int:
    """Say how much a tenant may have, or set it. What is not named stays; it holds from the next request on."""
    parser = argparse.ArgumentParser(prog="python -m gateway.main limits", description=limits.__doc__)
    parser.add_argument("--tenant", required=True, help="the tenant's name")
    for name, what in _OPTIONS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=_bound, help=f"{what}: a number, unlimited, or default", metavar="N")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = vars(parser.parse_args(arguments))
    changes = {name: asked[name][0] for name in _OPTIONS if asked[name] is not None}
    try:
        own = asyncio.run(_set(settings, asked["tenant"], changes))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.detail}\n")
        return 2
    said = {name: _shown(number) for name, number in asdict(own).items()}
    lines = "".join(f"{name}: {value}\n" for name, value in said.items())
    sys.stdout.write(f"{json.dumps(said)}\n" if asked["json"] else lines)
    return 0


async def _set(settings: Settings, tenant: str, changes: dict[str, int | None]) -> OwnQuotas:
    database = Database(str(settings.database_url), service="gateway")
    try:
        return await SetQuotas(database, PostgresRecords)(tenant, changes)
    finally:
        await database.close()


def _bound(said: str) -> tuple[int | None]:
    """In a tuple, since None means something here: as for all tenants."""
    if said in ("default", "unlimited"):
        return (None if said == "default" else -1,)
    number = int(said)
    if not 0 <= number <= _LARGEST:
        raise ValueError(said)
    return (number,)


def _shown(number: int | None) -> int | str:
    if number is None:
        return "default"
    return "unlimited" if number < 0 else number
