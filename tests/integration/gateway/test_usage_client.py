"""The Python client and the command line about rates, usage, budgets and estimates, on a gateway that really serves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from redis.asyncio import Redis
from typer.testing import CliRunner

from gateway.domain.access import Caller, Role
from matchcut.client import Changed, Credentials, Forbidden, Matchcut, NotFound, TooMany
from matchcut.main import app
from support.gateway_rig import PASSWORD, Gateway, a_gateway
from support.ingest_clips import make_clip

OWNER = "anna@example.org"
PRICES = {"currency": "EUR", "prices": {"ingested_minutes": "12", "upscaled_megapixels": "0.001"}}


@asynccontextmanager
async def served(postgres_url: str, **settings: Any) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway with an owner, and where it answers."""
    async with a_gateway(postgres_url, **settings) as gateway:
        await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)
        server = uvicorn.Server(uvicorn.Config(gateway.app, port=0, lifespan="off", log_level="error"))
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.02)
        try:
            yield gateway, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def test_everything_about_usage_can_be_done_with_the_client_and_the_command_line(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2.0, click_s=None)
    async with served(postgres_url, **PRICES) as (gateway, url):
        with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as anna:
            anna_s = await gateway.client(await caller_of(gateway, anna))
            video = await gateway.ingested(anna_s)
            await asyncio.to_thread(books, anna, UUID(video["id"]))
        monkeypatch.setenv("MATCHCUT_URL", url)
        monkeypatch.setenv("MATCHCUT_USER", OWNER)
        monkeypatch.setenv("MATCHCUT_PASSWORD", PASSWORD)
        monkeypatch.setenv("COLUMNS", "120")
        await asyncio.to_thread(commands, clip)


async def caller_of(gateway: Gateway, client: Matchcut) -> Any:
    me = await asyncio.to_thread(client.me)
    assert me.id is not None
    assert me.tenant_id is not None
    return Caller(me.id, me.tenant_id, Role.OWNER, UUID(int=1))


def books(anna: Matchcut, video_id: UUID) -> None:
    with pytest.raises(NotFound):
        anna.usage.budget()
    made = anna.usage.set_budget(Decimal("1.00"), hard=True)
    changed = anna.usage.set_budget(Decimal("1.05"), hard=True, etag=made.etag)
    with pytest.raises(Changed):
        anna.usage.set_budget(Decimal("3"), etag=made.etag)
    with pytest.raises(Forbidden) as refused:
        anna.start_job(video_id, steps=["scenes"])
    assert refused.value.type == "/problems/budget-exhausted"
    standing = anna.usage.standing()
    assert (standing.budget, standing.spent) == (changed.model_copy(update={"etag": None}), Decimal("1.059996"))
    anna.usage.drop_budget(etag=changed.etag)
    report = anna.usage.report(by="day")
    assert [(line.kind, line.amount) for line in report.items] == [("ingested_minutes", Decimal("1.059996"))]
    assert anna.usage.csv().splitlines()[0] == "kind,quantity,amount,currency"
    estimate = anna.usage.estimate(video_id=video_id, steps=["upscale"], options={"upscale": {"scale": 2}})
    assert estimate.amount == Decimal("0.4902912")


def commands(clip: Path) -> None:
    runner = CliRunner()
    shown = runner.invoke(app, ["usage", "--by", "day"])
    as_json = runner.invoke(app, ["usage", "--json"])
    as_csv = runner.invoke(app, ["usage", "--csv"])
    wrong = runner.invoke(app, ["usage", "--by", "year"])
    dry = ["process", str(clip), "--out", str(clip.parent / "out"), "--upscale", "x2", "--dry-run"]
    estimated, told = runner.invoke(app, dry), runner.invoke(app, [*dry, "--json"])
    not_a_film = runner.invoke(app, ["process", __file__, "--out", "x", "--dry-run"])

    assert (shown.exit_code, as_json.exit_code, as_csv.exit_code, wrong.exit_code) == (0, 0, 0, 2), shown.output
    assert "ingested minutes" in shown.stdout
    assert "1.06 EUR" in shown.stdout
    assert "jobs under way" in shown.stdout
    assert json.loads(as_json.stdout)["usage"]["totals"] == [{"amount": "1.059996", "currency": "EUR"}]
    assert as_csv.stdout.splitlines()[1:] == ["ingested_minutes,0.088333,1.059996,EUR"]
    assert (estimated.exit_code, told.exit_code, not_a_film.exit_code) == (0, 0, 2), estimated.output
    assert "upscaled megapixels" in estimated.stdout
    assert "0.41 EUR" in estimated.stdout, "2 s to take in, and 50 frames of 640 by 360"
    assert [step["step"] for step in json.loads(told.stdout)["steps"]] == [
        *("ingest", "scenes", "watermarks", "transcript", "upscale")
    ]
    assert not (clip.parent / "out").exists()


async def test_the_client_waits_as_long_as_it_is_told_and_then_goes_on(postgres_url: str, redis_url: str) -> None:
    ours = f"{redis_url.rpartition('/')[0]}/7" if redis_url.count("/") > 2 else f"{redis_url}/7"
    redis = Redis.from_url(ours)
    await redis.flushdb()
    await redis.aclose()
    async with served(postgres_url, redis_url=ours, rate_reads=60) as (_, url):
        many, hasty = await asyncio.to_thread(hurry, url)

    assert many == 62, "two more than there were at once: each took a second to come back"
    assert hasty.type == "/problems/rate-limited"
    assert hasty.retry_after_s is not None


def hurry(url: str) -> tuple[int, TooMany]:
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=30) as patient:
        many = sum(patient.me().email == OWNER for _ in range(62))
    with Matchcut(url, Credentials(OWNER, PASSWORD), patience_s=0) as hasty, pytest.raises(TooMany) as refused:
        sum(hasty.me().email == OWNER for _ in range(100))
    return many, refused.value
