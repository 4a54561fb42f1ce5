"""A runner that does as it is told, for tests of the protocol: it speaks to the service's own application."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from chassis.testing import Harness
from contracts.runners import RunnerInvited
from support.upscale_films import Repeating, workshop
from upscale.adapters.making import make_chunk_with
from upscale.adapters.weights import ANIME_VIDEO
from upscale.domain.plan import Plan
from upscale.domain.runners import PROTOCOL, token_for
from upscale.ports import ChunkMade, ChunkOrder

__all__ = ["ScriptedRunner", "invite"]


async def invite(service: Harness, *, tenant_id: UUID | None = None, scope: Any = "tenant", valid_s: float = 60) -> str:
    """A registration token, as the gateway would mint it."""
    runner_id = uuid4()
    token = token_for(runner_id, "r" * 43)
    fact = RunnerInvited(
        runner_id=runner_id,
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        scope=scope,
        expires_at=datetime.now(UTC) + timedelta(seconds=valid_s),
    )
    await service.hear(fact, subject=runner_id, tenant_id=tenant_id)
    return token


@dataclass
class ScriptedRunner:
    """One machine. Each method is one request, or a few that belong together."""

    client: httpx.AsyncClient
    folder: Path
    secret: str = ""
    runner_id: str = ""
    made: list[ChunkMade] = field(default_factory=list)

    @classmethod
    async def registered(
        cls, client: httpx.AsyncClient, folder: Path, token: str, *, name: str = "attic", **more: Any
    ) -> "ScriptedRunner":
        runner = cls(client, folder)
        answer = await runner.register(token, name=name, **more)
        assert answer.status_code == 201, answer.text
        runner.secret, runner.runner_id = answer.json()["secret"], answer.json()["runner_id"]
        return runner

    async def register(self, token: str, *, name: str = "attic", **more: Any) -> httpx.Response:
        capabilities = {"processor": "a test's", "models": {ANIME_VIDEO.name: ANIME_VIDEO.sha256}}
        body = {"token": token, "name": name, "protocol": PROTOCOL, "capabilities": capabilities, **more}
        return await self.client.post("/v1/runner/register", json=body)

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return await self.client.post(f"/v1/runner/{path}", json=body, headers=headers, timeout=40)

    async def claim(self, *, wait_s: float = 0) -> dict[str, Any] | None:
        answer = await self.post("claims", {"protocol": PROTOCOL, "wait_s": wait_s})
        assert answer.status_code in (200, 204), answer.text
        lease: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return lease

    async def tell(self, lease: dict[str, Any], verb: str, **body: Any) -> httpx.Response:
        token = {"fencing_token": lease["fencing_token"]}
        return await self.post(f"leases/{lease['chunk']['id']}/{verb}", {**token, **body})

    async def renew(self, lease: dict[str, Any], **body: Any) -> str:
        answer = await self.tell(lease, "renew", **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["command"])

    async def make(self, lease: dict[str, Any], *, frames: int | None = None) -> tuple[bytes, dict[str, Any]]:
        """Download the source and make the chunk by repeating pixels; with ``frames``, only so many of it."""
        source = self.folder / "source"
        source.write_bytes((await self.client.get(lease["input_url"])).content)
        plan = Plan.model_validate(lease["parameters"]["plan"])
        if frames is not None:
            (span,) = plan.chunks
            plan = plan.part(span.model_copy(update={"end": span.start + frames}))
        target = self.folder / "made.mp4"
        order = ChunkOrder(source, plan, 0, target, workshop(self.folder), 1)
        made = make_chunk_with(Repeating(plan.scale), order)
        chunk = target.read_bytes()
        report = {
            "sha256": made.sha256, "bytes": len(chunk), "frames": made.frames, "first_pts": plan.pts[0],
            "last_pts": plan.pts[-1], "encoder": made.engine, "model_sha256": plan.model_sha256,
            "seconds": made.seconds, "partial": frames is not None,
        }  # fmt: skip
        return chunk, report

    async def send(self, url: str, chunk: bytes, *, pieces: int = 2) -> Sequence[httpx.Response]:
        """Upload in pieces, as the answers say."""
        answers = []
        edges = [len(chunk) * number // pieces for number in range(pieces + 1)]
        for start, end in pairwise(edges):
            headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(chunk)}"}
            answers.append(await self.client.put(url, content=chunk[start:end], headers=headers))
        return answers

    async def do(self, lease: dict[str, Any]) -> httpx.Response:
        """The whole of one chunk."""
        assert await self.renew(lease) == "continue"
        chunk, report = await self.make(lease)
        await self.send(lease["output_url"], chunk)
        return await self.tell(lease, "complete", **report)
