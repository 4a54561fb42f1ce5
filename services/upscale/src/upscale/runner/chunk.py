"""One chunk in a runner's hands: held by renewals, made in a child process, handed in, or handed back."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import httpx

from chassis.child.runner import Call, ChildDied
from chassis.models import ModelUnavailable
from upscale.adapters.chunk_work import make_chunk
from upscale.api import schemas
from upscale.domain.refusals import MalformedModel, Refusal
from upscale.domain.runners import Reason, worth_a_part
from upscale.ports import ChunkMade, ChunkOrder, EngineMissing, Make, OutOfMemory, Workshop
from upscale.runner.display import Display
from upscale.runner.server import Away, Refused, Server, Stale
from upscale.runner.tiles import SMALLEST_TILE, TileMemory
from upscale.runner.transfers import BadSource, NotTaken, Sources, upload

__all__ = ["Outcome", "Tools", "Work"]

Outcome = Literal["done", "part", "handed back", "failed", "dropped"]
_LAST_WORDS_S = 10.0


@dataclass(frozen=True)
class Tools:
    """What chunks are made with."""

    server: Server
    sources: Sources
    workshop: Workshop
    display: Display
    call: Call
    tiles: TileMemory
    models: Mapping[str, str]
    """Digests, by name, of those this machine has."""
    make: Make = make_chunk
    part_s: float = 25.0
    """What a machine that must go has to end a frame and hand in what is done."""


class Work:
    """One lease, from its first renewal to its end."""

    def __init__(self, lease: schemas.Lease, tools: Tools, drain: asyncio.Event) -> None:
        self._lease = lease
        self._tools = tools
        self._drain = drain
        self._clock = asyncio.get_running_loop().time
        self._good_until = self._clock() + lease.intervals.lease_s + lease.intervals.grace_s
        self._began = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix="runner-", ignore_cleanup_errors=True)
        self._control = Path(self._folder.name) / "control"
        self.frames_done = 0
        chunk = lease.chunk
        self.what = f"{chunk.start_s:.1f}–{chunk.end_s:.1f} s"

    async def run(self) -> Outcome:
        """Do it. Nothing is begun before the first renewal succeeded."""
        with self._folder:
            try:
                await self._renewed()
                return await self._held()
            except Stale as stale:
                self._tools.display.say(f"{self.what}: dropped; {stale}")
            except Away:
                self._tools.display.say(f"{self.what}: dropped; the server was out of reach for too long")
            return "dropped"

    async def _held(self) -> Outcome:
        """Make it while the lease is renewed; whichever ends first decides."""
        keeping = asyncio.create_task(self._keep())
        making = asyncio.create_task(self._make())
        leaving = asyncio.create_task(self._leave(making))
        try:
            await asyncio.wait([keeping, making], return_when=asyncio.FIRST_COMPLETED)
            if making.done():
                return await making
            await keeping
            return "dropped"
        finally:
            for task in (keeping, making, leaving):
                task.cancel()
            await asyncio.gather(keeping, making, leaving, return_exceptions=True)

    async def _keep(self) -> None:
        """Renew until the lease is lost. Raises Stale, Away."""
        renew_s, took_s = self._lease.intervals.renew_s, 0.0
        while True:
            # From question to question: a slow answer makes the next question no later.
            await asyncio.sleep(max(renew_s / 4, renew_s - took_s))
            asked_at = self._clock()
            await self._renewed()
            took_s = self._clock() - asked_at

    async def _renewed(self) -> None:
        """One renewal, tried for as long as the lease may be alive; then do as the answer says."""
        asked_at = self._clock()
        body = schemas.RenewRequest(
            fencing_token=self._lease.fencing_token,
            frames_done=self.frames_done,
            frames_per_second=round(self.pace, 3),
            seconds=round(time.monotonic() - self._began, 1),
        )
        renewed = await self._tools.server.renew(self._lease.chunk.id, body, within_s=self._good_until - asked_at)
        self._good_until = asked_at + self._lease.intervals.lease_s + self._lease.intervals.grace_s
        match renewed.command:
            case "cancel":
                raise Stale("nobody waits for it any more")
            case "drain":
                self._drain.set()
            case "pause":
                self._tell("pause")
            case "continue":
                self._tell("")

    def _tell(self, word: str) -> None:
        """Word for the process that makes the chunk; ``stop`` is the last one."""
        with suppress(FileNotFoundError):
            if self._control.read_text() in (word, "stop"):
                return
        if word or self._control.exists():
            part = self._control.with_suffix(".part")
            part.write_text(word)
            part.replace(self._control)

    async def _leave(self, making: asyncio.Task[Outcome]) -> None:
        """When this machine must go: end early with what is done, if that is worth it; else hand back."""
        await self._drain.wait()
        if worth_a_part(self.frames_done, self._lease.chunk.frames):
            self._tools.display.say(f"{self.what}: handing in the frames that are done")
            self._tell("stop")
            await asyncio.sleep(self._tools.part_s)
        making.cancel()

    async def _make(self) -> Outcome:
        try:
            made, path = await self._made()
        except asyncio.CancelledError:
            if self._drain.is_set():
                await self._fail("preempted", "this machine must go")
                return "handed back"
            raise
        except (Stale, Away):
            raise
        except Exception as error:  # noqa: BLE001 (the boundary: whatever it was, the chunk goes back with a reason)
            await self._fail(_reason(error), f"{type(error).__name__}: {error}")
            return "failed"
        return await self._hand_in(made, path)

    async def _made(self) -> tuple[ChunkMade, Path]:
        lease, tools = self._lease, self._tools
        source = await tools.sources.get(tools.server.client, lease.input_url, lease.source_sha256, self._fresh("in"))
        target = Path(self._folder.name) / "chunk.mp4"
        model, ran_out = lease.parameters.plan.model, False
        while True:
            held = tools.tiles.pixels(model)
            pixels = min(held, lease.parameters.tile_pixels or held)  # what machines like this one had memory for
            workshop = replace(tools.workshop, tile_pixels=pixels)
            # The first attempt whatever others made of it: this machine knows its own memory.
            order = ChunkOrder(source, lease.parameters.plan, 0, target, workshop, 1, control=self._control)
            self._began = time.monotonic()
            try:
                made = await tools.call(tools.make, order, on_progress=self._on_progress)
            except (ChildDied, MemoryError) as error:  # the engine halves by itself where it can
                smaller = min(pixels, self._largest_window()) // 2
                if not _of_memory(error) or smaller < SMALLEST_TILE:
                    raise
                tools.tiles.learn(model, smaller)
                tools.display.say(f"{self.what}: out of memory; once more with tiles of {smaller} pixels")
                ran_out = True
                continue
            if made.tile_pixels:
                tools.tiles.learn(model, made.tile_pixels)
            return replace(made, tile_pixels=made.tile_pixels or (pixels if ran_out else None)), target

    def _largest_window(self) -> int:
        """Pixels of a frame: no tile is larger than that, whatever is allowed."""
        plan = self._lease.parameters.plan
        return plan.width * plan.height

    async def _on_progress(self, fraction: float, _message: str) -> None:
        frames = self._lease.chunk.frames
        self.frames_done = round(fraction * frames)
        self._tools.display.progress(self.what, self.frames_done, frames, per_s=self.pace)

    async def _hand_in(self, made: ChunkMade, path: Path) -> Outcome:
        lease, plan = self._lease, self._lease.parameters.plan
        partial = made.frames < lease.chunk.frames
        report = schemas.CompleteRequest(
            fencing_token=lease.fencing_token,
            sha256=made.sha256,
            bytes=os.stat(path).st_size,
            frames=made.frames,
            first_pts=plan.pts[0],
            last_pts=plan.pts[made.frames - 1],
            encoder=made.engine,
            model_sha256=plan.model_sha256,
            seconds=made.seconds,
            tile_pixels=made.tile_pixels,
            partial=partial,
        )
        try:
            await upload(self._tools.server.client, lease.output_url, path, self._fresh("out"))
            await self._tools.server.complete(lease.chunk.id, report, within_s=self._good_until - self._clock())
        except (NotTaken, Refused) as refused:
            await self._fail("upload", str(refused))
            return "failed"
        self.frames_done = made.frames
        return "part" if partial else "done"

    def _fresh(self, way: Literal["in", "out"]) -> Callable[[], "asyncio.Future[str]"]:
        async def ask() -> str:
            left_s = self._good_until - self._clock()
            chunk_id, token = self._lease.chunk.id, self._lease.fencing_token
            addresses = await self._tools.server.addresses(chunk_id, token, within_s=left_s)
            return addresses.input_url if way == "in" else addresses.output_url

        return lambda: asyncio.ensure_future(ask())

    async def _fail(self, reason: Reason, detail: str) -> None:
        self._tools.display.say(f"{self.what}: {reason}; {detail[:300]}")
        body = schemas.FailRequest(fencing_token=self._lease.fencing_token, reason=reason, detail=detail[:2000])
        with suppress(Stale, Away, Refused):
            await self._tools.server.fail(self._lease.chunk.id, body, within_s=_LAST_WORDS_S)

    @property
    def pace(self) -> float:
        """Frames a second, since work began."""
        return self.frames_done / max(0.001, time.monotonic() - self._began)


def _of_memory(error: Exception) -> bool:
    """Whether memory ended it: the engine said so, or the kernel killed the child for want of it."""
    return isinstance(error, OutOfMemory | MemoryError) or (
        isinstance(error, ChildDied) and error.signal == signal.SIGKILL
    )


def _reason(error: Exception) -> Reason:
    if _of_memory(error):
        return "oom"
    if isinstance(error, EngineMissing | ModelUnavailable | MalformedModel):
        return "model_missing"
    if isinstance(error, BadSource | Refusal):
        return "bad_input"
    return "upload" if isinstance(error, NotTaken | httpx.HTTPError) else "unknown"
