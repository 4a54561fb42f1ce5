"""The parts of a runner, with a server that answers as told: what it does when net or lease end, or it must go."""

import asyncio
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typing_extensions import override

from chassis.child.runner import ChildDied
from support.upscale_plans import a_plan
from upscale.api import schemas
from upscale.domain.plan import cut_into_chunks
from upscale.ports import ChunkMade, ChunkOrder, OutOfMemory, Workshop
from upscale.runner.chunk import Tools, Work
from upscale.runner.display import Display
from upscale.runner.identity import Identity, IdentityFile
from upscale.runner.server import Refused, Server, Stale
from upscale.runner.tiles import SMALLEST_TILE, TileMemory
from upscale.runner.transfers import BadSource, Sources, upload

SOURCE = bytes(range(256)) * 40
DIGEST = hashlib.sha256(SOURCE).hexdigest()
FRAMES = 30
Answer = Callable[[httpx.Request], httpx.Response]


class Plan:
    """A server by its answers: a list for each last word of a path; the last answer of a list stays."""

    def __init__(self, **answers: list[httpx.Response | Exception | Answer]) -> None:
        self.answers = answers
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        queue = self.answers[request.url.path.rpartition("/")[2]]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def words(self) -> list[str]:
        return [request.url.path.rpartition("/")[2] for request in self.asked]


def a_server(plan: Plan) -> Server:
    server = Server("http://matchcut.example")
    server.client = httpx.AsyncClient(base_url="http://matchcut.example", transport=httpx.MockTransport(plan))
    server.secret = "mcr_hidden"
    return server


def ranged(request: httpx.Request) -> httpx.Response:
    start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
    return httpx.Response(206, content=SOURCE[start:])


async def no_address() -> str:
    raise AssertionError("the address was good")


# --- transfers


async def test_a_download_that_was_cut_goes_on_and_is_kept_by_its_hash(tmp_path: Path) -> None:
    plan = Plan(film=[httpx.ReadError("cut"), ranged])
    server, sources = a_server(plan), Sources(tmp_path)
    (tmp_path / f"{DIGEST}.part").write_bytes(SOURCE[:1000])

    first = await sources.get(server.client, "/film", DIGEST, no_address)
    again = await sources.get(server.client, "/film", DIGEST, no_address)
    await server.close()

    assert first == again
    assert first.read_bytes() == SOURCE
    assert [request.headers["range"] for request in plan.asked] == ["bytes=1000-", "bytes=1000-"]


async def test_bytes_that_are_not_the_source_are_no_source(tmp_path: Path) -> None:
    server = a_server(Plan(film=[httpx.Response(200, content=b"another film")]))

    with pytest.raises(BadSource):
        await Sources(tmp_path).get(server.client, "/film", DIGEST, no_address)

    await server.close()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


async def test_an_upload_asks_where_it_was_cut_and_takes_a_fresh_address_when_its_own_is_old(tmp_path: Path) -> None:
    chunk = tmp_path / "chunk.mp4"
    chunk.write_bytes(SOURCE)
    total = len(SOURCE)
    plan = Plan(
        old=[httpx.ReadError("cut"), httpx.Response(403)],
        new=[httpx.Response(308, headers={"Range": "bytes=0-4095"}), httpx.Response(200)],
    )
    server = a_server(plan)

    async def fresh() -> str:
        return "/new"

    await upload(server.client, "/old", chunk, fresh)
    await server.close()

    sent = [(request.url.path, request.headers["content-range"]) for request in plan.asked]
    assert sent == [
        ("/old", f"bytes 0-{total - 1}/{total}"),
        ("/old", f"bytes */{total}"),
        ("/new", f"bytes */{total}"),
        ("/new", f"bytes 4096-{total - 1}/{total}"),
    ]
    assert not any("authorization" in request.headers for request in plan.asked)


# --- words with the server


async def test_what_passes_is_asked_again_and_what_does_not_is_said() -> None:
    problem = {"type": "/problems/runner/protocol-too-old", "detail": "install the newest"}
    plan = Plan(
        renew=[httpx.Response(503), httpx.ConnectError("away"), httpx.Response(409, json={"detail": "over"})],
        claims=[httpx.Response(426, json=problem)],
    )
    server = a_server(plan)

    with pytest.raises(Stale, match="over"):
        await server.renew(uuid4(), schemas.RenewRequest(fencing_token=1), within_s=30)
    with pytest.raises(Refused, match="install the newest") as refused:
        await server.claim(schemas.ClaimRequest(protocol=0))
    await server.close()

    assert plan.words() == ["renew", "renew", "renew", "claims"]
    assert refused.value.status == 426


# --- one chunk


def a_lease(**changes: Any) -> schemas.Lease:
    plan = a_plan(
        first=0, pts=tuple(range(0, FRAMES * 10, 10)), end_pts=FRAMES * 10, checks=tuple(range(FRAMES)),
        chunks=cut_into_chunks(0, FRAMES, longest=FRAMES), source_sha256=DIGEST,
    )  # fmt: skip
    values: dict[str, Any] = {
        "chunk": schemas.Chunk(id=uuid4(), index=0, frames=FRAMES, start_s=0, end_s=1),
        "attempt": 1,
        "fencing_token": 3,
        "lease_until": datetime.now(UTC) + timedelta(seconds=9),
        "intervals": schemas.Intervals(lease_s=9, renew_s=0.05, grace_s=1, poll_s=1),
        "input_url": "/film",
        "output_url": "/out",
        "source_sha256": DIGEST,
        "parameters": schemas.Parameters(plan=plan),
    }
    return schemas.Lease(**{**values, **changes})


def renewed(command: str) -> httpx.Response:
    return httpx.Response(200, json={"command": command, "lease_until": "2026-01-01T00:00:00Z"})


def once_begun(maker: "Maker", answer: httpx.Response | Exception) -> Answer:
    """What the server says when the work has begun, however long that took on this machine."""

    def said(_request: httpx.Request) -> httpx.Response:
        if maker.begun and isinstance(answer, Exception):
            raise answer
        return answer if maker.begun and isinstance(answer, httpx.Response) else renewed("continue")

    return said


class Maker:
    """Makes a frame when asked, looks at the control as the real one does, and says what happened to it."""

    def __init__(self, *, pause_s: float = 0.0, error: Exception | None = None) -> None:
        self.pause_s = pause_s
        self.error = error
        self.begun = False
        self.stopped = False
        self.held = 0

    async def __call__(self, _function: Any, order: ChunkOrder, *, on_progress: Any) -> ChunkMade:
        self.begun = True
        try:
            return await self._make(order, on_progress)
        except asyncio.CancelledError:
            self.stopped = True
            raise

    async def _make(self, order: ChunkOrder, on_progress: Any) -> ChunkMade:
        if self.error:
            raise self.error
        done = 0
        while done < FRAMES:
            said = order.control.read_text() if order.control and order.control.is_file() else ""
            if said == "stop":
                break
            if said == "pause":
                self.held += 1
            else:
                done += 1
                await on_progress(done / FRAMES, "")
            await asyncio.sleep(self.pause_s)
        order.target.write_bytes(SOURCE)
        return ChunkMade(done, DIGEST, "engine", "here", 1.0)


def tools(plan: Plan, maker: Maker, folder: Path, out: io.StringIO | None = None) -> Tools:
    kit = Workshop("openvino", "f32", "cpu", 1000, None, None, None)
    tiles = TileMemory(folder.parent / f"{folder.name}-memory", machine="here", most=1_000_000)
    display = Display(out or io.StringIO())
    return Tools(a_server(plan), Sources(folder), kit, display, maker, tiles, {"a model": "0" * 64}, part_s=20)


def said_in(plan: Plan, word: str) -> dict[str, Any]:
    (request,) = [request for request in plan.asked if request.url.path.endswith(f"/{word}")]
    said: dict[str, Any] = json.loads(request.content)
    return said


async def test_a_chunk_is_renewed_before_it_is_begun_and_handed_in_with_what_was_made(tmp_path: Path) -> None:
    plan = Plan(film=[ranged], renew=[renewed("continue")], out=[httpx.Response(200)], complete=[httpx.Response(202)])
    kit = tools(plan, Maker(), tmp_path)

    outcome = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    report = said_in(plan, "complete")
    assert outcome == "done"
    assert plan.words()[:2] == ["renew", "film"]
    assert (report["fencing_token"], report["frames"], report["partial"]) == (3, FRAMES, False)
    assert (report["first_pts"], report["last_pts"], report["bytes"]) == (0, 290, len(SOURCE))


@pytest.mark.parametrize("answer", [renewed("cancel"), httpx.Response(409, json={"detail": "over"})])
async def test_work_is_dropped_when_nobody_wants_it_any_more(tmp_path: Path, answer: httpx.Response) -> None:
    maker = Maker(pause_s=0.05)
    plan = Plan(film=[ranged], renew=[once_begun(maker, answer)])
    kit = tools(plan, maker, tmp_path)

    outcome = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    assert outcome == "dropped"
    assert maker.stopped
    assert not {"complete", "fail", "out"} & set(plan.words())


async def test_without_a_first_renewal_nothing_is_begun(tmp_path: Path) -> None:
    plan, maker = Plan(renew=[httpx.ConnectError("away")]), Maker()
    kit = tools(plan, maker, tmp_path)
    short = schemas.Intervals(lease_s=0.5, renew_s=0.2, grace_s=0.5, poll_s=1)

    outcome = await Work(a_lease(intervals=short), kit, asyncio.Event()).run()
    await kit.server.close()

    assert (outcome, maker.begun) == ("dropped", False)


async def test_when_the_net_is_away_for_longer_than_lease_and_grace_the_work_stops(tmp_path: Path) -> None:
    maker = Maker(pause_s=0.2)
    plan = Plan(film=[ranged], renew=[once_begun(maker, httpx.ConnectError("away"))])
    kit = tools(plan, maker, tmp_path)
    short = schemas.Intervals(lease_s=0.6, renew_s=0.2, grace_s=0.4, poll_s=1)

    outcome = await Work(a_lease(intervals=short), kit, asyncio.Event()).run()
    await kit.server.close()

    assert outcome == "dropped"
    assert maker.stopped


async def test_a_machine_that_must_go_hands_in_the_frames_that_are_done(tmp_path: Path) -> None:
    plan = Plan(film=[ranged], renew=[renewed("continue")], out=[httpx.Response(200)], complete=[httpx.Response(202)])
    kit, drain = tools(plan, Maker(pause_s=0.02), tmp_path), asyncio.Event()
    work = Work(a_lease(), kit, drain)

    running = asyncio.create_task(work.run())
    while work.frames_done < 15:  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.01)
    drain.set()
    outcome = await running
    await kit.server.close()

    report = said_in(plan, "complete")
    assert outcome == "part"
    assert report["partial"]
    assert 15 <= report["frames"] < FRAMES
    assert report["last_pts"] == (report["frames"] - 1) * 10


async def test_a_machine_that_must_go_with_few_frames_done_gives_the_chunk_back(tmp_path: Path) -> None:
    maker = Maker(pause_s=1)
    plan = Plan(film=[ranged], renew=[once_begun(maker, renewed("drain"))], fail=[httpx.Response(204)])
    kit = tools(plan, maker, tmp_path)

    outcome = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    assert outcome == "handed back"
    assert maker.stopped
    assert said_in(plan, "fail")["reason"] == "preempted"


async def test_a_machine_that_is_told_to_hold_still_keeps_its_chunk_and_goes_on_later(tmp_path: Path) -> None:
    plan = Plan(
        film=[ranged], out=[httpx.Response(200)], complete=[httpx.Response(202)],
        renew=[renewed("continue"), renewed("pause"), renewed("pause"), renewed("continue")],
    )  # fmt: skip
    maker = Maker(pause_s=0.02)
    kit = tools(plan, maker, tmp_path)

    outcome = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    assert outcome == "done"
    assert maker.held > 0


async def test_a_failure_goes_back_with_its_reason(tmp_path: Path) -> None:
    plan = Plan(film=[ranged], renew=[renewed("continue")], fail=[httpx.Response(204)])
    kit = tools(plan, Maker(error=OutOfMemory("no tile fits")), tmp_path)

    outcome = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    said = said_in(plan, "fail")
    assert outcome == "failed"
    assert (said["reason"], said["detail"]) == ("oom", "OutOfMemory: no tile fits")


# --- memory


class Cramped(Maker):
    """Is killed, as the kernel does it, whenever tiles are larger than fits."""

    def __init__(self, *, fits: int) -> None:
        super().__init__()
        self.fits = fits
        self.tried: list[int] = []

    @override
    async def _make(self, order: ChunkOrder, on_progress: Any) -> ChunkMade:
        self.tried.append(order.workshop.tile_pixels)
        if order.workshop.tile_pixels > self.fits:
            raise ChildDied(9, None)
        made = await super()._make(order, on_progress)
        return replace(made, tile_pixels=order.workshop.tile_pixels)


async def test_a_machine_whose_memory_runs_out_halves_its_tiles_tries_again_and_remembers(tmp_path: Path) -> None:
    plan = Plan(film=[ranged], renew=[renewed("continue")], out=[httpx.Response(200)], complete=[httpx.Response(202)])
    maker, out = Cramped(fits=100_000), io.StringIO()
    kit = tools(plan, maker, tmp_path, out)
    frame = a_lease().parameters.plan.width * a_lease().parameters.plan.height

    first = await Work(a_lease(), kit, asyncio.Event()).run()
    second = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    expected = [1_000_000, frame // 2]
    while expected[-1] > 100_000:
        expected.append(expected[-1] // 2)
    assert (first, second) == ("done", "done")
    assert maker.tried == [*expected, expected[-1]]
    assert "fail" not in plan.words()
    assert f"once more with tiles of {expected[-1]} pixels" in out.getvalue()


async def test_a_machine_that_cannot_hold_the_smallest_tile_gives_the_chunk_to_another(tmp_path: Path) -> None:
    plan = Plan(film=[ranged], renew=[renewed("continue")], fail=[httpx.Response(204)])
    maker = Cramped(fits=0)
    kit = tools(plan, maker, tmp_path)

    outcome = await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    assert outcome == "failed"
    assert said_in(plan, "fail")["reason"] == "oom"
    assert min(maker.tried) >= SMALLEST_TILE


def test_what_was_learnt_of_memory_outlives_the_program_and_is_of_one_machine_and_model(tmp_path: Path) -> None:
    TileMemory(tmp_path, machine="T4", most=600_000).learn("photo", 40_000)
    TileMemory(tmp_path, machine="T4", most=600_000).learn("photo", 90_000)  # less is known to be what fits

    assert TileMemory(tmp_path, machine="T4", most=600_000).pixels("photo") == 40_000
    assert TileMemory(tmp_path, machine="T4", most=10_000).pixels("photo") == 10_000
    assert TileMemory(tmp_path, machine="T4", most=600_000).pixels("video") == 600_000
    assert TileMemory(tmp_path, machine="A100", most=600_000).pixels("photo") == 600_000


@pytest.mark.parametrize("content", ["not json", "[]", '{"T4 / photo": "many"}'])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "tiles.json").write_text(content)

    assert TileMemory(tmp_path, machine="T4", most=600_000).pixels("photo") == 600_000


# --- the cache


async def test_a_source_that_was_damaged_on_disk_while_nobody_ran_is_fetched_anew(tmp_path: Path) -> None:
    plan = Plan(film=[ranged])
    server = a_server(plan)
    (tmp_path / DIGEST).write_bytes(SOURCE[:-1] + b"x")

    place = await Sources(tmp_path).get(server.client, "/film", DIGEST, no_address)
    await server.close()

    assert place.read_bytes() == SOURCE
    assert plan.words() == ["film"]


async def test_a_beginning_that_was_damaged_is_fetched_from_its_start(tmp_path: Path) -> None:
    plan = Plan(film=[ranged])
    server = a_server(plan)
    (tmp_path / f"{DIGEST}.part").write_bytes(b"x" * 1000)

    place = await Sources(tmp_path).get(server.client, "/film", DIGEST, no_address)
    await server.close()

    assert place.read_bytes() == SOURCE
    assert [request.headers["range"] for request in plan.asked] == ["bytes=1000-", "bytes=0-"]


async def test_two_runners_that_share_a_folder_download_a_source_once(tmp_path: Path) -> None:
    plan = Plan(film=[ranged])
    server = a_server(plan)

    places = await asyncio.gather(
        *(Sources(tmp_path).get(server.client, "/film", DIGEST, no_address) for _ in range(3))
    )
    await server.close()

    assert len(set(places)) == 1
    assert plan.words() == ["film"]


# --- what people see, and what is kept


async def test_plain_lines_come_at_every_quarter_and_tell_no_secret(tmp_path: Path) -> None:
    plan = Plan(film=[ranged], renew=[renewed("continue")], out=[httpx.Response(200)], complete=[httpx.Response(202)])
    out = io.StringIO()
    kit = tools(plan, Maker(), tmp_path, out)

    await Work(a_lease(), kit, asyncio.Event()).run()
    await kit.server.close()

    lines = out.getvalue().splitlines()
    assert [line.split("%")[0].rpartition(" ")[2] for line in lines] == ["3", "27", "50", "77", "100"]
    assert not any(hidden in out.getvalue() for hidden in ("mcr_hidden", "/film", "/out", "\x1b"))


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_moves_and_is_gone_at_the_end() -> None:
    out = Terminal()
    display = Display(out)

    display.progress("0.0–1.0 s", 30, 30, per_s=7.25)
    display.close()

    text = out.getvalue()
    assert "█" * 24 in text
    assert "30/30 frames   7.25/s" in text
    assert "\n" not in text
    assert text.endswith("\r\x1b[2K")


def test_a_secret_is_kept_where_only_its_user_reads_it(tmp_path: Path) -> None:
    file = IdentityFile(tmp_path, url="http://matchcut.example", name="attic")

    file.write(Identity("id", "mcr_hidden"))

    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert file.read() == Identity("id", "mcr_hidden")
    assert IdentityFile(tmp_path, url="http://other.example", name="attic").read() is None
