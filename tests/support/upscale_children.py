"""The making of a chunk, for child processes: without torch, but told by whom."""

import os
from dataclasses import replace

from support.upscale_films import Repeating
from upscale.adapters.making import make_chunk_with
from upscale.ports import ChunkMade, ChunkOrder

__all__ = ["made_by_whom"]


def made_by_whom(order: ChunkOrder) -> ChunkMade:
    """A chunk of repeated pixels, whose machine is the process that made it."""
    return replace(make_chunk_with(Repeating(order.plan.scale), order), machine=str(os.getpid()))
