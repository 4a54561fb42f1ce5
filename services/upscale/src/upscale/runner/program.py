"""The loop of a runner: register once, then ask, make, hand in, until somebody says that it is enough."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from upscale.adapters.weights import ANIME_VIDEO
from upscale.api import schemas
from upscale.domain.runners import PROTOCOL
from upscale.runner.chunk import Outcome, Tools, Work
from upscale.runner.identity import Identity, IdentityFile
from upscale.runner.machine import capabilities_here
from upscale.runner.server import Away, Refused, Stale

__all__ = ["Program", "Wanted"]

_INVITED_S = 10.0
"""An invitation may be a moment younger than the server that hears of it."""
_QUARANTINE_S = 30.0


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    url: str
    name: str
    token: str | None
    ephemeral: bool
    folder: Path
    most_chunks: int | None = None


class Program:
    """One runner, from its first question to its last."""

    def __init__(self, wanted: Wanted, tools: Tools) -> None:
        self._wanted = wanted
        self._tools = tools
        self._file = IdentityFile(wanted.folder, url=wanted.url, name=wanted.name)
        self._outcomes: Counter[Outcome] = Counter()
        self._drain = asyncio.Event()
        self._pace: float | None = None
        """Frames a second, as of the last chunk that was made whole."""

    def leave(self) -> None:
        """Hand back what is held, and end."""
        self._drain.set()

    async def run(self) -> int:
        """Run until told to leave; returns the exit code."""
        display = self._tools.display
        try:
            await self._be_known()
            display.say(f"{self._wanted.name} is ready at {self._wanted.url}")
            await self._loop()
        except Refused as refused:
            display.say(f"refused: {refused}")
            return 4
        finally:
            self._sum_up()
            with suppress(Away, Refused, Stale):
                if self._tools.server.secret:
                    await self._tools.server.sign_off()
            if self._wanted.ephemeral:
                self._file.forget()
            display.close()
            await self._tools.server.close()
        return 0

    async def _be_known(self) -> None:
        """By the secret that is kept from before, or by registering. Raises Refused."""
        kept = None if self._wanted.ephemeral else self._file.read()
        if kept is not None:
            self._tools.server.secret = kept.secret
            return
        await self._register()

    async def _register(self) -> None:
        if not self._wanted.token:
            raise Refused(401, "not-invited", "this machine is not registered: ask the operator for a token (--token)")
        body = schemas.RegisterRequest(
            token=self._wanted.token,
            name=self._wanted.name,
            protocol=PROTOCOL,
            ephemeral=self._wanted.ephemeral,
            capabilities=await self._capabilities(),
        )
        clock = asyncio.get_running_loop().time
        until = clock() + _INVITED_S
        while True:
            try:
                registered = await self._tools.server.register(body)
                break
            except Refused as refused:
                if refused.slug != "not-invited" or clock() > until:
                    raise
                await asyncio.sleep(1)
        if not self._wanted.ephemeral:
            self._file.write(Identity(str(registered.runner_id), registered.secret))

    async def _loop(self) -> None:
        while not self._drain.is_set() and not self._enough():
            lease = await self._claimed()
            if self._tools.server.rotate:
                await self._rotate()
            if lease is None:
                continue
            if self._drain.is_set():
                await self._give_back(lease)
                return
            self._tools.display.another()
            work = Work(lease, self._tools, self._drain)
            outcome = await work.run()
            self._outcomes[outcome] += 1
            if outcome == "done":
                self._pace = round(work.pace, 3)
                self._tools.display.say(f"{work.what}: done, {lease.chunk.frames} frames")

    async def _claimed(self) -> schemas.Lease | None:
        """The next chunk; None when there was none for a while, or it is time to leave."""
        self._tools.display.idle("waiting for a chunk …")
        asking = asyncio.create_task(self._ask())
        leaving = asyncio.create_task(self._drain.wait())
        await asyncio.wait([asking, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not asking.done():
            asking.cancel()  # should a lease be on its way, it lapses, or falls back when we sign off
            await asyncio.gather(asking, return_exceptions=True)
            return None
        return await asking

    async def _ask(self) -> schemas.Lease | None:
        try:
            body = schemas.ClaimRequest(protocol=PROTOCOL, wait_s=25, capabilities=await self._capabilities())
            return await self._tools.server.claim(body)
        except Refused as refused:
            if refused.slug == "in-quarantine":
                self._tools.display.say(f"in quarantine: {refused}")
                await asyncio.sleep(_QUARANTINE_S)
                return None
            if refused.status == 401 and self._wanted.token and not self._wanted.ephemeral:
                self._file.forget()
                self._tools.server.secret = ""
                await self._register()
                return None
            raise

    async def _give_back(self, lease: schemas.Lease) -> None:
        body = schemas.FailRequest(fencing_token=lease.fencing_token, reason="preempted", detail="about to leave")
        with suppress(Stale, Away, Refused):
            await self._tools.server.fail(lease.chunk.id, body, within_s=5)

    async def _rotate(self) -> None:
        """Another secret, kept before the one of today ends."""
        with suppress(Away):
            secret = await self._tools.server.replace_secret()
            kept = self._file.read()
            if kept is not None:
                self._file.write(replace(kept, secret=secret))

    async def _capabilities(self) -> schemas.Capabilities:
        tiles = self._tools.tiles.pixels(ANIME_VIDEO.name)
        folder, pace = self._wanted.folder, self._pace
        models = self._tools.models
        return await asyncio.to_thread(
            capabilities_here, folder, models=models, tile_pixels=tiles, frames_per_second=pace
        )

    def _enough(self) -> bool:
        most = self._wanted.most_chunks
        return most is not None and self._outcomes["done"] >= most

    def _sum_up(self) -> None:
        made = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self._outcomes.items()))
        self._tools.display.say(f"left; chunks: {made or 'none'}")
