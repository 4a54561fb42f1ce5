"""Matchcut's own chunk: decoded, enhanced and encoded at once, then decoded again and proved; or the bare network."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.peers.upscaling import Job, job, say
from support.upscale_films import planned
from upscale.adapters.engines import enhancer_for
from upscale.adapters.extracting import frames_between
from upscale.adapters.making import make_chunk_with
from upscale.adapters.reading import picture_of
from upscale.domain.plan import ChunkSpan, Encoding, Plan
from upscale.ports import ChunkOrder, Enhancer, Workshop


def main() -> None:
    """Do it and say how long it took; plan, weights and compiled network are ready when the clock starts."""
    wanted = job()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        shop = Workshop("openvino", wanted.precision, "cpu", 600_000, wanted.threads, None, Path(folder), wanted.still)
        engine = enhancer_for("realesr-animevideov3", scale=wanted.scale, workshop=shop)
        plan = planned(wanted.source, scale=wanted.scale, encoding=Encoding())
        plan = plan.model_copy(update={"chunks": (ChunkSpan(start=plan.first, end=plan.first + wanted.frames),)})
        engine.enhance(np.zeros((1, 3, wanted.height, wanted.width), np.uint8))
        seconds = bare(engine, plan, wanted) if wanted.bare else whole(engine, plan, wanted, shop)
    say(wanted, seconds, engine=engine.engine)


def whole(engine: Enhancer, plan: Plan, wanted: Job, shop: Workshop) -> float:
    """From the first frame asked for to the proof that the chunk is right."""
    began = time.perf_counter()
    make_chunk_with(engine, ChunkOrder(wanted.source, plan, 0, wanted.target, shop, attempt=1))
    return time.perf_counter() - began


def bare(engine: Enhancer, plan: Plan, wanted: Job) -> float:
    """The network alone."""
    first, end = plan.chunks[0].start, plan.chunks[0].end
    pictures = [picture_of(frame, plan.color)[None] for frame in frames_between(wanted.source, plan, first, end)]
    began = time.perf_counter()
    for picture in pictures:
        engine.enhance(picture)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
