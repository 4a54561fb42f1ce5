"""Searching, and what keeps the index."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from chassis.blobs import blobs_at
from chassis.database import Database
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.search import PostgresIndexQueue
from gateway.settings import Settings
from gateway.usecases.back_fill import BackFill
from gateway.usecases.indexing import Indexer

__all__ = ["index_search", "indexer_of"]


def indexer_of(settings: Settings, database: Database) -> Indexer:
    """Who indexes what waits."""
    blobs = blobs_at(settings.blobs_url)
    return Indexer(database, blobs, PostgresRecords, PostgresIndexQueue(), poll_s=settings.search_poll_s)


def index_search(settings: Settings, arguments: Sequence[str]) -> int:
    """Have the transcripts and scripts indexed that are not, as those from before there was an index.

    They are noted; the gateways that serve index them, one after the other.
    """
    parser = argparse.ArgumentParser(prog="python -m gateway.main index-search", description=index_search.__doc__)
    parser.add_argument("--again", action="store_true", help="index everything anew, also what is indexed or failed")
    parser.add_argument("--json", action="store_true", help="print the number as JSON")
    asked = parser.parse_args(arguments)
    count = asyncio.run(_note_missing(settings, again=asked.again))
    said = json.dumps({"documents": count}) if asked.json else f"{count} documents will be indexed"
    sys.stdout.write(f"{said}\n")
    return 0


async def _note_missing(settings: Settings, *, again: bool) -> int:
    database = Database(str(settings.database_url), service="gateway")
    try:
        return await BackFill(database, PostgresRecords)(again=again)
    finally:
        await database.close()
