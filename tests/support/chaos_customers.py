"""The customers: they upload, ask, call off, ask again and erase, over the real API, and keep asking until answered."""

import asyncio
import json
import random
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

import httpx

from chassis.database import Database
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.usecases.bootstrap import Bootstrap
from support.chaos_engines import FATES
from support.chaos_journal import AcceptedJob, AcceptedVideo, Journal

__all__ = ["Customers", "Tenant", "make_tenants"]

_WEIGHTS = (91.5, 1.5, 0.5, 3.0, 2.0, 1.5)
"""How often each of the fates is drawn."""
_FILMS = 80
_SCRIPTS = 30
_ORDERS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (25, ("scenes",)),
    (20, ("transcript",)),
    (18, ("scenes", "watermarks")),
    (17, ("alignment",)),
    (10, ("upscale",)),
    (10, ("scenes", "watermarks", "transcript", "alignment", "upscale")),
)
_PATIENCE_S = 180.0
_TROUBLE = {"flaky", "moody", "hopeless"}
_ENGINE_OF = {"scenes": "look", "watermarks": "look", "transcript": "listen", "upscale": "upscale"}


class Tenant:
    """A tenant's owner, signed in."""

    def __init__(self, id_: UUID, email: str, password: str) -> None:
        self.id = id_
        self.email = email
        self.password = password
        self.token = ""
        self.videos: list[AcceptedVideo] = []
        self.scripts: list[tuple[UUID, str]] = []


async def make_tenants(database_url: str, count: int) -> list[Tenant]:
    """So many tenants with an owner each, straight in the database as ``gateway bootstrap`` does it."""
    database = Database(database_url, service="gateway")
    ensure = Bootstrap(database, PostgresRecords, Argon2Passwords())
    tenants = []
    for number in range(count):
        email, password = f"owner{number}@chaos.example", secrets.token_hex(8)
        tenant_id, _ = await ensure(tenant=f"tenant {number}", email=email, password=password)
        tenants.append(Tenant(tenant_id, email, password))
    await database.close()
    return tenants


class Customers:
    """All of them. ``unfinished`` says how many jobs are under way, so that they do not run ahead of the house.

    They ask for at least ``jobs``, and for more while ``wants_more`` says so.
    """

    def __init__(
        self,
        gateways: Sequence[str],
        tenants: Sequence[Tenant],
        journal: Journal,
        *,
        seed: int,
        jobs: int,
        unfinished: Callable[[], int],
        most_unfinished: int,
        wants_more: Callable[[], bool],
    ) -> None:
        self._gateways = list(gateways)
        self._tenants = tenants
        self._journal = journal
        self._seed = seed
        self._jobs = jobs
        self._unfinished = unfinished
        self._most = most_unfinished
        self._wants_more = wants_more
        self._claimed = 0
        self._errands: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=60, max_keepalive_connections=60)
        self._http = httpx.AsyncClient(trust_env=False, timeout=8, limits=limits)
        fates = random.Random(f"{seed}/fates")
        self._films = [self._film(number, fates) for number in range(_FILMS)]
        self._texts = [self._script(number, fates) for number in range(_SCRIPTS)]

    async def run(self, how_many: int) -> None:
        """Ask for all jobs, then see to the last errands; returns when every request had its answer."""
        async with asyncio.TaskGroup() as group:
            for number in range(how_many):
                group.create_task(self._customer(number))
        while self._errands:
            await asyncio.gather(*self._errands)
        await self._http.aclose()

    def _film(self, number: int, rng: random.Random) -> dict[str, Any]:
        engines = ("ingest", "look", "listen", "upscale")
        return {"film": number, **{engine: _fate(rng) for engine in engines}}

    def _script(self, number: int, rng: random.Random) -> dict[str, Any]:
        return {"script": number, "align": _fate(rng)}

    async def _customer(self, number: int) -> None:
        rng = random.Random(f"{self._seed}/customer/{number}")
        while self._claimed < self._jobs or self._wants_more():
            while self._unfinished() > self._most:  # noqa: ASYNC110 (a number that others change)
                await asyncio.sleep(0.1)
            self._claimed += 1
            tenant = self._tenants[rng.randrange(len(self._tenants))]
            if not await self._order(tenant, rng):
                self._claimed -= 1

    async def _order(self, tenant: Tenant, rng: random.Random) -> bool:
        """One job, and what comes of it; False when the video turned out to be of no use."""
        if len(tenant.videos) < 3 or rng.random() < 0.15:
            await self._upload(tenant, rng)
        if not tenant.scripts or rng.random() < 0.05:
            await self._hand_in(tenant, rng)
        video = rng.choice(tenant.videos)
        steps = rng.choices([order for _, order in _ORDERS], [weight for weight, _ in _ORDERS])[0]
        script, fate = rng.choice(tenant.scripts) if "alignment" in steps else (None, None)
        body = {
            "video_id": str(video.id),
            "script_id": str(script) if script else None,
            "steps": steps,
            "priority": rng.choices(("urgent", "normal", "bulk"), (1, 8, 2))[0],
        }
        answer = await self._ask(tenant, "POST", "/v1/jobs", body)
        if answer.status_code == 409:
            if video in tenant.videos:
                tenant.videos.remove(video)
            return False
        if answer.status_code == 404:  # somebody erased its script a moment ago
            return False
        job = AcceptedJob(UUID(answer.json()["id"]), video, steps, fate, script=script)
        self._journal.jobs[job.id] = job
        self._afterthoughts(tenant, job, rng)
        return True

    def _afterthoughts(self, tenant: Tenant, job: AcceptedJob, rng: random.Random) -> None:
        luck = rng.random()
        if luck < 0.06:
            self._errand(self._cancel(tenant, job, rng.uniform(0, 1.5)))
        elif luck < 0.072:
            self._errand(self._erase(tenant, job.video, rng.uniform(0, 2)))
        elif luck < 0.084 and job.script is not None:
            self._errand(self._erase_script(tenant, job.script, rng.uniform(0, 2)))
        elif luck < 0.11:
            kind = rng.choice(("copies", "intermediates", "results", "transcripts", "renditions"))
            self._errand(self._delete(tenant, job.video, kind, rng.uniform(1, 6)))
        elif luck < 0.12:
            self._errand(self._dismiss(tenant, rng.uniform(0, 2)))
        elif luck < 0.6 and _trouble(job):
            self._errand(self._retry(tenant, job))

    def _errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _upload(self, tenant: Tenant, rng: random.Random) -> None:
        film = rng.choice(self._films)
        content = json.dumps(film).encode() + b"\n" + b"frame " * 20
        announced = await self._ask(tenant, "POST", "/v1/uploads", {"filename": f"film{film['film']}.mp4"})
        upload = announced.json()
        while True:
            sent = await self._ask(tenant, "PUT", upload["content_url"], content)
            if sent.status_code == 200:
                break
            state = (await self._ask(tenant, "GET", f"/v1/uploads/{upload['id']}")).json()["state"]
            if state == "received":
                break
        made = await self._ask(tenant, "POST", "/v1/videos", {"upload_id": upload["id"]})
        video = AcceptedVideo(UUID(made.json()["id"]), tenant.id, film)
        self._journal.videos[video.id] = video
        tenant.videos.append(video)
        if len(tenant.videos) > 8:
            tenant.videos.pop(0)

    async def _hand_in(self, tenant: Tenant, rng: random.Random) -> None:
        script = rng.choice(self._texts)
        text = json.dumps(script) + "\nANNA\nWhat he said.\n"
        made = await self._ask(tenant, "POST", "/v1/scripts", {"filename": "script.txt", "text": text})
        script_id = UUID(made.json()["id"])
        self._journal.scripts[script_id] = tenant.id
        tenant.scripts.append((script_id, script["align"]))

    async def _cancel(self, tenant: Tenant, job: AcceptedJob, after_s: float) -> None:
        await asyncio.sleep(after_s)
        answer = await self._ask(tenant, "POST", f"/v1/jobs/{job.id}/cancel")
        job.cancelled = answer.status_code == 202

    async def _erase(self, tenant: Tenant, video: AcceptedVideo, after_s: float) -> None:
        if video in tenant.videos:
            tenant.videos.remove(video)
        await asyncio.sleep(after_s)
        answer = await self._ask(tenant, "DELETE", f"/v1/videos/{video.id}")
        video.erased = answer.status_code != 409

    async def _erase_script(self, tenant: Tenant, script: UUID, after_s: float) -> None:
        tenant.scripts = [one for one in tenant.scripts if one[0] != script]
        await asyncio.sleep(after_s)
        await self._ask(tenant, "DELETE", f"/v1/scripts/{script}")
        self._journal.erased_scripts.add(script)  # 404 is the answer to who did not hear the first one

    async def _delete(self, tenant: Tenant, video: AcceptedVideo, kind: str, after_s: float) -> None:
        """Delete a class of a video; while a job needs it, or there is none, the answer is no, and that is fine."""
        await asyncio.sleep(after_s)
        self._journal.tried.add((video.id, kind))
        answer = await self._ask(tenant, "DELETE", f"/v1/videos/{video.id}/held/{kind}")
        if answer.status_code == 202:
            self._journal.deleted.add((video.id, kind))

    async def _dismiss(self, tenant: Tenant, after_s: float) -> None:
        """Invite somebody, and have them erased."""
        wanted = {"email": f"{secrets.token_hex(6)}@chaos.example", "role": "editor"}
        invited = await self._ask(tenant, "POST", "/v1/users", wanted)
        user_id = UUID(invited.json()["user"]["id"])
        await asyncio.sleep(after_s)
        await self._ask(tenant, "DELETE", f"/v1/users/{user_id}")
        self._journal.erased_users.add(user_id)

    async def keep_for_a_day(self, tenant: Tenant, *kinds: str) -> None:
        """Let a tenant say that it keeps these classes no longer; what it says nothing of, it keeps for ever."""
        others: dict[str, int | None] = dict.fromkeys(("videos", "scripts", "audit", "webhook_deliveries", "exports"))
        await self._ask(tenant, "PUT", "/v1/retention", others | dict.fromkeys(kinds, 1))
        self._journal.keepers[tenant.id] = set(kinds)

    async def _retry(self, tenant: Tenant, job: AcceptedJob) -> None:
        for _ in range(60):
            await asyncio.sleep(1.5)
            known = (await self._ask(tenant, "GET", f"/v1/jobs/{job.id}")).json()
            if known["state"] in ("succeeded", "cancelled"):
                return
            if known["state"] == "failed":
                answer = await self._ask(tenant, "POST", f"/v1/jobs/{job.id}/retry")
                job.runs += answer.status_code == 202
                return

    async def _ask(self, tenant: Tenant, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask until there is an answer that is not about the moment; the same key each time, so that it counts once."""
        headers = {"Idempotency-Key": secrets.token_hex(12)} if method == "POST" else {}
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body} if body else {}
        end = asyncio.get_running_loop().time() + _PATIENCE_S
        turn = secrets.randbelow(len(self._gateways))
        while asyncio.get_running_loop().time() < end:
            turn += 1
            try:
                if not tenant.token:
                    await self._sign_in(tenant, turn)
                if not tenant.token:
                    continue
                headers["Authorization"] = f"Bearer {tenant.token}"
                address = self._gateways[turn % len(self._gateways)] + path
                answer = await self._http.request(method, address, headers=headers, **sent)
            except httpx.HTTPError as error:
                self._journal.answers[type(error).__name__] += 1
                await asyncio.sleep(0.2)
                continue
            self._journal.answers[str(answer.status_code)] += 1
            if answer.status_code < 429:
                if answer.status_code >= 400 and answer.status_code not in (404, 409):
                    self._journal.surprises.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                return answer
            if answer.status_code not in (429, 503):
                self._journal.surprises.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            await asyncio.sleep(float(answer.headers.get("Retry-After", 0.3)))
        raise TimeoutError(f"no answer to {method} {path} within {_PATIENCE_S:.0f} s")

    async def _sign_in(self, tenant: Tenant, turn: int) -> None:
        form = {"grant_type": "password", "username": tenant.email, "password": tenant.password}
        answer = await self._http.post(self._gateways[turn % len(self._gateways)] + "/v1/auth/token", data=form)
        if answer.status_code == 200:
            tenant.token = answer.json()["access_token"]
        else:
            await asyncio.sleep(float(answer.headers.get("Retry-After", 0.3)))


def _fate(rng: random.Random) -> str:
    return rng.choices(FATES, _WEIGHTS)[0]


def _trouble(job: AcceptedJob) -> bool:
    """Whether a step of the job may fail because its script says so."""
    fates = {job.video.fates[_ENGINE_OF[step]] for step in job.steps if step in _ENGINE_OF}
    if "alignment" in job.steps:
        fates |= {job.align_fate or "ok", job.video.fates["listen"]}
    return bool(fates & _TROUBLE)
