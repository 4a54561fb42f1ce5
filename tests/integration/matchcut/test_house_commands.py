"""Scripts, logos, findings, corrections, people and keys at the command line, against a gateway that really serves."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.domain.access import Role
from matchcut.client import Credentials, Matchcut
from matchcut.main import app
from support.findings_rig import MOVIE, a_picture, everything_found
from support.gateway_rig import PASSWORD
from support.served_gateway import served_gateway

OWNER = "anna@example.org"


def run(*words: str, code: int = 0, typed: str | None = None) -> Result:
    """What the command says, which must end with this exit code."""
    result = CliRunner().invoke(app, list(words), input=typed)
    assert result.exit_code == code, result.output
    return result


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def cells(*words: str) -> Iterator[list[str]]:
    """The lines that are printed, taken apart where two spaces or more stand."""
    for line in filter(str.strip, run(*words).stdout.splitlines()):
        yield [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("USER", OWNER), ("PASSWORD", PASSWORD), ("HOME", str(tmp_path / "home"))):
        monkeypatch.setenv(f"MATCHCUT_{name}", value)


async def test_a_house_is_run_from_the_command_line(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served_gateway(postgres_url) as (gateway, url):
        monkeypatch.setenv("MATCHCUT_URL", url)
        caller = await gateway.user(await gateway.tenant("studio"), Role.OWNER, OWNER)
        async with await gateway.client(caller) as client:
            job = await everything_found(gateway, client)
            await asyncio.to_thread(look_at_what_was_found, job, tmp_path)
            await asyncio.to_thread(correct, job["id"])
            await asyncio.to_thread(delete_a_class, job["video_id"])
        await asyncio.to_thread(hand_in_a_script, tmp_path)
        await asyncio.to_thread(keep_logos, tmp_path)
        await asyncio.to_thread(invite_somebody, url)
        await asyncio.to_thread(make_and_revoke_a_key, url)
        await asyncio.to_thread(erase_it_all)


def delete_a_class(video_id: str) -> None:
    before = {row[0]: row[1:] for row in cells("video", "held", video_id)}
    assert (before["transcripts"][0], before["transcripts"][2]) == ("1", "never")

    run("video", "delete", video_id, "transcripts", typed="n\n", code=1)
    unmeant = {row[0]: row[1:] for row in cells("video", "held", video_id)}
    erasure = told("video", "delete", video_id, "transcripts", "--yes")
    after = {row[0]: row[1:] for row in cells("video", "held", video_id)}

    assert (erasure["kind"], erasure["subject_id"], erasure["reason"]) == ("transcripts", video_id, "asked")
    assert (after["transcripts"][0], after["transcripts"][-1]) == ("0", "asked")
    assert (unmeant, after["results"]) == (before, before["results"])


def hand_in_a_script(folder: Path) -> None:
    file = folder / "a [b] script.txt"
    file.write_text("ANNA\nHello there.\n")
    added = told("script", "add", str(file))

    assert [added["id"], "text", "18 B", file.name] in [[row[0], *row[2:]] for row in cells("script", "list")]
    assert run("script", "text", added["id"]).stdout == file.read_text()
    assert told("script", "show", added["id"])["sha256"] == added["sha256"]
    file = folder / "dub.csv"
    file.write_bytes("Wer;Satz\r\nANNA;Grüß dich.\r\n".encode("utf-16"))
    table = told("script", "add", str(file), "--columns", "text=Satz,speaker=1")
    run("script", "text", table["id"], "--to", str(folder / "copy.csv"))
    assert (table["format"], table["columns"]) == ("csv", {"text": "Satz", "speaker": "1"})
    assert (folder / "copy.csv").read_bytes() == file.read_bytes()
    assert "columns text=Satz, speaker=1" in " ".join(run("script", "show", table["id"]).stdout.split())
    assert "--format is one of text, markdown" in run("script", "add", str(file), "--format", "pdf", code=2).stderr
    assert "no file absent.txt" in run("script", "add", "absent.txt", code=2).stderr


def keep_logos(folder: Path) -> None:
    (folder / "logo.png").write_bytes(a_picture())
    logo = told("logo", "add", str(folder / "logo.png"), "--name", "house")
    run("logo", "download", logo["id"], str(folder / "back.png"))

    assert [logo["id"], "32x16", "house"] in [[row[0], row[2], row[-1]] for row in cells("logo", "list")]
    assert (folder / "back.png").read_bytes() == a_picture()
    run("logo", "remove", logo["id"])
    assert told("logo", "list") == []


def look_at_what_was_found(job: dict[str, Any], folder: Path) -> None:
    of, video = job["id"], job["video_id"]
    for group, what in (
        ("scenes", "2 shots"),
        ("transcript", "0 words, en"),
        ("watermarks", "0 marks"),
        ("alignment", "yes, 70% heard"),
    ):
        assert [of, what] in [[row[0], row[2]] for row in cells(group, "list", "--video", video)], group
        assert told(group, "list")[0]["job_id"] == of

    shots = list(cells("scenes", "show", of))
    assert shots[-1] == ["1", "0:06.0", "0:16.0", "150", "400", "cut"]
    assert "nothing is said" in run("transcript", "show", of).stdout
    assert "no mark" in run("watermarks", "show", of).stdout
    assert ["checks", "passed"] in list(cells("rendition", "show", of))
    run("rendition", "download", of, str(folder / "film.mp4"))
    assert (folder / "film.mp4").read_bytes() == MOVIE
    assert ["L03", "omitted", "ANNA", "Good bye."] in list(cells("alignment", "show", of))
    assert ["L02", "repeated", "0:08.0", "0:09.4", "2", "ANNA", "Come in, please."] in list(
        cells("alignment", "show", of)
    )
    assert [row[0] for row in cells("alignment", "show", of, "--status", "omitted") if row[0][:2] == "L0"] == ["L03"]
    assert "scenes.json" in run("job", "results", of).stdout
    assert of in run("job", "list", "--state", "succeeded").stdout
    run("job", "download", of, "scenes.json", str(folder / "scenes.json"))
    assert json.loads((folder / "scenes.json").read_bytes())["engine"] == "TransNetV2"


def correct(of: str) -> None:
    corrected = told("alignment", "correct", of, "L02", "--take", "1", "--note", "the first one is better")
    assert [take["chosen"] for take in corrected["lines"][2]["takes"]] == [True, False]
    run("alignment", "correct", of, "L01", "L02", "--confirm")
    run("alignment", "ad-lib", of, "12.0")
    assert "--forget" in run("alignment", "correct", of, "L01", code=2).stderr

    revisions = list(cells("alignment", "history", of))
    assert [row[0] for row in revisions[1:]] == ["3", "2", "1"]
    assert "“the first one is better”" in revisions[3][-1]
    assert told("alignment", "undo", of)["undoes"] == 3
    assert told("alignment", "show", of)["lines"][1]["review"] == "confirmed"
    run("alignment", "correct", of, "L01", "--forget")
    assert told("alignment", "show", of)["lines"][1]["review"] == "open"


def invite_somebody(url: str) -> None:
    made = told("user", "invite", "bert@example.org", "viewer")
    words = ("user", "accept", url, "--invitation", made["invitation"], "--password", PASSWORD)
    run(*words)
    bert = made["user"]["id"]

    assert [bert, "active", "viewer", "bert@example.org"] in [[*row[:3], row[-1]] for row in cells("user", "list")]
    with Matchcut(url, Credentials("bert@example.org", PASSWORD)) as matchcut:
        assert matchcut.me().role == "viewer"
    assert len(told("user", "sessions", bert)) == 1
    run("user", "sign-out", bert)
    assert told("user", "sessions", bert) == []
    assert told("user", "role", bert, "editor")["role"] == "editor"
    assert told("user", "disable", bert)["state"] == "disabled"
    assert told("user", "enable", bert)["state"] == "active"
    assert told("user", "invite-again", bert)["user"]["id"] == bert


def make_and_revoke_a_key(url: str) -> None:
    made = told("key", "make", "a robot", "-s", "videos:read,me:read", "--days", "30")
    key = made["api_key"]["id"]

    with Matchcut(url, Credentials(token=made["secret"])) as matchcut:
        assert set(matchcut.me().rights) == {"videos:read", "me:read"}
    assert [key, "active", "a robot"] in [[*row[:2], row[-2]] for row in cells("key", "list")]
    run("key", "revoke", key)
    assert told("key", "list")[0]["state"] == "revoked"
    assert "videos:erase" in told("key", "scopes")


def erase_it_all() -> None:
    another = run("erase", "tenant", "studios", code=2)
    hesitant = run("erase", "tenant", "studio", code=2, typed="studios\n")
    unattended = run("erase", "tenant", "studio", code=1, typed="")
    assert "signed in to the tenant 'studio'" in another.stderr
    assert "nothing was erased" in hesitant.stderr
    assert told("user", "list"), unattended.output

    begun = run("erase", "tenant", "studio", typed="studio\n")

    assert "its people (2)" in " ".join(begun.stderr.split())
    assert "receipt token" in begun.stdout
