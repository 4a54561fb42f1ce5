"""The engine of this process: loaded for the first chunk, and there for those after it."""

from dataclasses import replace
from functools import lru_cache

from chassis.models import ModelUnavailable
from upscale.adapters.engines import enhancer_for
from upscale.adapters.weights import model_named
from upscale.domain.plan import Plan
from upscale.ports import Enhancer, Workshop

__all__ = ["kept_enhancer"]


def kept_enhancer(plan: Plan, workshop: Workshop) -> Enhancer:
    """The engine for the chunks of a plan; loaded only when something else is wanted than the last time.

    Raises ModelUnavailable where this machine's weights are others than those that were planned with.
    """
    return _enhancer(plan.model, plan.model_sha256, plan.scale, replace(workshop, tile_pixels=0))


@lru_cache(maxsize=1)  # two engines at once might not fit
def _enhancer(model: str, sha256: str, scale: int, workshop: Workshop) -> Enhancer:
    here = model_named(model, models_dir=workshop.models_dir).sha256
    if here != sha256:
        raise ModelUnavailable(
            f"the weights of {model} have the digest {here[:12]}... here, and {sha256[:12]}... where it was planned"
        )
    return enhancer_for(model, scale=scale, workshop=workshop)
