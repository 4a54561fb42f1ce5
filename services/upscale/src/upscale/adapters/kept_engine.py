"""The engine of this process: loaded for the first chunk, and there for those after it."""

from dataclasses import replace
from functools import lru_cache

from upscale.adapters.engines import enhancer_for
from upscale.ports import Enhancer, Workshop

__all__ = ["kept_enhancer"]


def kept_enhancer(model: str, *, scale: int, workshop: Workshop) -> Enhancer:
    """As ``enhancer_for``, which is asked only when something else is wanted than the last time."""
    return _enhancer(model, scale, replace(workshop, tile_pixels=0))


@lru_cache(maxsize=1)  # two engines at once might not fit
def _enhancer(model: str, scale: int, workshop: Workshop) -> Enhancer:
    return enhancer_for(model, scale=scale, workshop=workshop)
