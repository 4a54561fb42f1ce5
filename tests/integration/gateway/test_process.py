"""The gateway as an operator runs it: migrate, bootstrap, serve, stop."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
from redis.asyncio import Redis
from sqlalchemy.engine import make_url
from standardwebhooks import Webhook as Verifier

from chassis.bus import Bus
from chassis.database import Database
from chassis.testing import service_url
from contracts.event import Event
from contracts.steps import Step, StepProgressed
from support.gateway_rig import json_of
from support.webhook_receiver import a_receiver

PASSWORD = "correct horse battery staple"
GATEWAY = [sys.executable, "-m", "gateway.main"]
UPLOAD_MB = 64
MOST_GROWTH_MB = UPLOAD_MB / 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(postgres_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    # The role is one for the whole server: another password would lock out the suites beside this one.
    database = make_url(postgres_url).database or "postgres"
    return {
        "PATH": os.environ["PATH"],
        "GATEWAY_DATABASE_URL": service_url("gateway", postgres_url, database),
        "GATEWAY_ADMIN_DATABASE_URL": postgres_url,
        "GATEWAY_REDIS_URL": redis_url,
        "GATEWAY_BLOBS_URL": f"file://{folder}",
        "GATEWAY_HTTP_PORT": str(free_port()),
        "GATEWAY_SECRET": "a secret of the operator",
        "GATEWAY_GRACE_S": "5",
    }


def gateway(environ: Mapping[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GATEWAY, *arguments], env=environ, input=given, capture_output=True, text=True, timeout=120, check=False
    )


@asynccontextmanager
async def served(environ: Mapping[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    process = await asyncio.create_subprocess_exec(*GATEWAY, "serve", env=environ)
    url = f"http://127.0.0.1:{environ['GATEWAY_HTTP_PORT']}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            async with asyncio.timeout(60):
                while not await is_ready(client):
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def next_job(lines: AsyncIterator[str]) -> dict[str, Any]:
    async for line in lines:
        if line.startswith("data: "):
            return dict(json.loads(line.removeprefix("data: ")))
    raise AssertionError("the stream ended")


async def test_it_is_set_up_serves_hears_the_bus_and_stops_when_asked(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    environ = environment(postgres_url, redis_url, tmp_path)
    ask = ["bootstrap", "--tenant", "studio", "--email", "a@example.org", "--password-stdin", "--json"]
    await asyncio.to_thread(gateway, environ, "migrate")
    first = await asyncio.to_thread(gateway, environ, *ask, given=f"{PASSWORD}\n")
    again = await asyncio.to_thread(gateway, environ, *ask, given=f"{PASSWORD}\n")
    short = await asyncio.to_thread(gateway, environ, *ask, given="short\n")
    assert json.loads(first.stdout) == json.loads(again.stdout), first.stderr + again.stderr
    assert (short.returncode, short.stdout) == (2, "")
    tenant_id = UUID(json.loads(first.stdout)["tenant_id"])

    async with served(environ) as (process, client):
        form = {"grant_type": "password", "username": "a@example.org", "password": PASSWORD}
        grant = json_of(await client.post("/v1/auth/token", data=form), 200)
        client.headers["Authorization"] = f"Bearer {grant['access_token']}"
        upload = json_of(await client.post("/v1/uploads", json={"filename": "clip.mp4"}), 201)
        before_mb = psutil.Process(process.pid).memory_info().rss / 1e6
        json_of(await client.put(upload["content_url"], content=b"x" * UPLOAD_MB * 1_000_000), 200)
        grown_mb = psutil.Process(process.pid).memory_info().rss / 1e6 - before_mb
        traces = {(await client.get("/v1/me")).headers["x-request-id"] for _ in range(3)}
        video = json_of(await client.post("/v1/videos", json={"upload_id": upload["id"]}), 201)
        job = json_of(await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]}), 202)
        async with client.stream("GET", f"/v1/jobs/{job['id']}/events") as watched:
            lines = watched.aiter_lines()
            snapshot = await next_job(lines)
            await tell_progress(environ, tenant_id, video["id"], job["id"])
            moved = await asyncio.wait_for(next_job(lines), 20)
            requested = await streams(redis_url)
            process.send_signal(signal.SIGTERM)
            rest = [line async for line in lines]
        code = await asyncio.wait_for(process.wait(), 15)

    assert len(traces) == 3, "what comes on a connection after a long body is traced by itself"
    assert snapshot["state"] == "queued"
    assert (moved["state"], moved["steps"][1]["fraction"]) == ("running", 0.4)
    assert {"video.submitted.v1", "job.requested.v1"} <= requested
    assert not any(line.startswith("data") for line in rest)
    assert code == 0
    assert grown_mb < MOST_GROWTH_MB


async def tell_progress(environ: Mapping[str, str], tenant_id: UUID, video_id: str, job_id: str) -> None:
    """What vision says of the step, over the bus."""
    database = Database(environ["GATEWAY_DATABASE_URL"], service="gateway")
    bus = Bus("vision", environ["GATEWAY_REDIS_URL"], database)
    fact = StepProgressed(video_id=UUID(video_id), step=Step.SCENES, run=1, fraction=0.4)
    event = Event[StepProgressed].of(fact, source="vision", subject=video_id, tenant_id=tenant_id, job_id=UUID(job_id))
    await bus.tell(event)
    await bus.close()
    await database.close()


async def streams(redis_url: str) -> set[str]:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        return {key async for key in redis.scan_iter(_type="stream")}


async def test_a_message_that_a_killed_gateway_had_in_its_hands_arrives_by_the_next_one(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    ask = ["bootstrap", "--tenant", "told", "--email", "told@example.org", "--password-stdin", "--json"]
    async with a_receiver() as receiver:
        receiver.answers["/hook"] = ["hang", 204]
        environ = environment(postgres_url, redis_url, tmp_path) | {
            "GATEWAY_OUTBOUND_HTTP": "true",
            "GATEWAY_OUTBOUND_PORTS": f"[{receiver.port}]",
            "GATEWAY_OUTBOUND_NETWORKS": '["127.0.0.0/8"]',
            "GATEWAY_WEBHOOK_TIMEOUT_S": "4",  # time enough to be killed, on any machine
            "GATEWAY_LEASE_S": "1",
        }
        await asyncio.to_thread(gateway, environ, "migrate")
        await asyncio.to_thread(gateway, environ, *ask, given=f"{PASSWORD}\n")
        async with served(environ) as (process, client):
            form = {"grant_type": "password", "username": "told@example.org", "password": PASSWORD}
            grant = json_of(await client.post("/v1/auth/token", data=form), 200)
            authorization = {"Authorization": f"Bearer {grant['access_token']}"}
            client.headers.update(authorization)
            wanted = {"url": f"http://localhost:{receiver.port}/hook", "events": ["webhook.ping"]}
            webhook = json_of(await client.post("/v1/webhooks", json=wanted), 201)
            path = f"/v1/webhooks/{webhook['id']}"
            ping = json_of(await client.post(f"{path}/ping"), 202)
            await receiver.until(lambda: len(receiver.heard) == 1)
            process.kill()
            await process.wait()
        async with served(environ) as (_, client):
            client.headers.update(authorization)
            await receiver.until(lambda: len(receiver.heard) >= 2)
            async with asyncio.timeout(20):
                at = f"{path}/deliveries/{ping['id']}"
                while (delivery := await found(client, at))["state"] == "pending":  # noqa: ASYNC110 (it is over HTTP)
                    await asyncio.sleep(0.05)
            metrics = (await client.get("/metrics")).text

    assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
    for heard in receiver.heard:
        assert Verifier(webhook["secret"]).verify(heard.body, heard.headers) == ping["payload"]
        assert heard.headers["webhook-id"] == ping["message_id"]
    assert 'gateway_webhook_attempt_seconds_count{outcome="delivered"} 1.0' in metrics


async def found(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    return json_of(await client.get(path), 200)
