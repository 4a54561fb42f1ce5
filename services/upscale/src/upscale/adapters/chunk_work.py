"""Making a chunk, as child processes of the service and of runners do it. What it needs is loaded in the child."""

from upscale.ports import ChunkMade, ChunkOrder

__all__ = ["make_chunk"]


def make_chunk(order: ChunkOrder) -> ChunkMade:
    """Make and verify one chunk."""
    from upscale.adapters import making

    return making.make_chunk(order)
