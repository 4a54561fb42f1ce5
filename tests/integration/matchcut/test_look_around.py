"""Looking around at the command line: videos and events of a gateway that really serves."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.domain.access import Role
from matchcut.main import app
from support.gateway_rig import PASSWORD
from support.served_gateway import served_gateway

OWNER = "anna@example.org"


async def test_videos_and_events_are_seen_at_the_command_line(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served_gateway(postgres_url) as (gateway, url):
        async with await gateway.client(
            await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)
        ) as client:
            for name, value in (("URL", url), ("USER", OWNER), ("PASSWORD", PASSWORD)):
                monkeypatch.setenv(f"MATCHCUT_{name}", value)
            none_yet = await asyncio.to_thread(run, "video", "list")
            video = await gateway.ingested(client)

        await asyncio.to_thread(look, video, tmp_path)

    assert "matchcut process FILE" in none_yet


def run(*words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.output
    return done.stdout


def look(video: dict[str, Any], folder: Path) -> None:
    listed, shown = run("video", "list"), run("video", "show", video["id"])
    assert video["id"][:13] in listed
    assert "ready" in listed
    assert "0:05.3" in listed
    assert [line.split() for line in shown.splitlines() if line.startswith("width")] == [["width", "1280"]]
    assert json.loads(run("video", "show", video["id"], "--json"))["sha256"] == video["sha256"]
    run("video", "download", video["id"], str(folder / "film.mp4"))
    assert json.loads((folder / "film.mp4").read_bytes()) == {"it is": "original"}
    told = run("events", "--after", "0", "--type", "video.ready", "--limit", "1")
    assert "video.ready" in told
    assert video["id"] in told
    [line] = run("events", "--after", "0", "--limit", "1", "--video", video["id"], "--json").splitlines()
    assert json.loads(line)["data"]["video_id"] == video["id"]
