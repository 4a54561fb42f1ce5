"""The API as methods."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel

from matchcut.client.compliance import Compliance
from matchcut.client.errors import ApiError, Unreachable, raise_for_problem
from matchcut.client.films import Films, given
from matchcut.client.findings import FoundThings
from matchcut.client.held import HeldThings
from matchcut.client.library import Library
from matchcut.client.live import LiveEvent, follow_events
from matchcut.client.logos import OwnLogos
from matchcut.client.people import People
from matchcut.client.resources import Job, Me, Page, ResultFile, Script, Video
from matchcut.client.runners import OwnRunners
from matchcut.client.script_body import script_body
from matchcut.client.search import Search
from matchcut.client.sign_on import IdentityProviders
from matchcut.client.tokens import Credentials, TokenAuth, revoke
from matchcut.client.transfers import OnBytes, receive
from matchcut.client.unchanged import tagged
from matchcut.client.unfinished import Unfinished
from matchcut.client.usage import Usage
from matchcut.client.watching import follow
from matchcut.client.webhooks import Webhooks

__all__ = ["Matchcut"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
_PASSING = frozenset({408, 423, 429, 502, 503, 504})


class Matchcut(Films, Library, People, Compliance, FoundThings, HeldThings, OwnLogos, OwnRunners):
    """One gateway, one person. Not for several threads at once; close it, or use it in a ``with`` block.

    ``patience_s`` is how long a gateway that does not answer, or has no place for more, is waited for: one that is
    being restarted is back soon. Where it says when to ask again, it is not asked before. ``unfinished`` is a folder
    for notes of large uploads under way: who uploads the same file after this process was killed goes on with it.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        patience_s: float = 30,
        timeout_s: float = 60,
        unfinished: Path | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._direct_offered = True
        self._unfinished = Unfinished(unfinished)
        self._who = credentials.username or hashlib.sha256((credentials.token or "").encode()).hexdigest()
        self._auth = TokenAuth(self.url, credentials)
        self._http = httpx.Client(
            base_url=self.url,
            auth=self._auth,
            timeout=httpx.Timeout(timeout_s, connect=5),
            trust_env=False,
            headers={"User-Agent": "matchcut-client"},
        )

    @property
    def identity_providers(self) -> IdentityProviders:
        """Who else says who our people are."""
        return IdentityProviders(_Requests(self))

    @property
    def usage(self) -> Usage:
        """What was used, what it costs, and how much there may be."""
        return Usage(_Requests(self))

    @property
    def webhooks(self) -> Webhooks:
        """Who is told of what."""
        return Webhooks(_Requests(self))

    @property
    def search(self) -> Search:
        """What was said and written: ``matchcut.search("coriolanus")``."""
        return Search(_Requests(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def sign_out(self) -> None:
        """End our session on the gateway; the next call signs in anew."""
        token = self._auth.forget()
        if token:
            self._patiently(lambda: revoke(self.url, token))

    def me(self) -> Me:
        """Who we are to the gateway."""
        return self._get(Me, "/v1/me")

    def video(self, video_id: UUID) -> Video:
        """One video."""
        return self._get(Video, f"/v1/videos/{video_id}")

    def videos(self) -> Iterator[Video]:
        """All videos, newest first."""
        return self._pages(Video, "/v1/videos")

    def add_script(self, path: Path, *, format: str | None = None, columns: Mapping[str, str] | None = None) -> Script:
        """Send a script of any format. ``columns`` say what a table's hold: ``{"text": "Line", "speaker": "2"}``."""
        said = given(filename=path.name, format=format, columns=dict(columns) if columns else None)
        return self._post(Script, "/v1/scripts", said | script_body(path.read_bytes()))

    def start_job(
        self,
        video_id: UUID,
        *,
        steps: Sequence[str],
        script_id: UUID | None = None,
        options: Mapping[str, Any] | None = None,
        priority: str | None = None,
        passthrough: str | None = None,
    ) -> Job:
        """Ask for steps of a video. ``options`` are those of the reference; ``logos`` name some of ``self.logos``."""
        wanted = given(
            video_id=video_id,
            script_id=script_id,
            steps=list(steps),
            options=dict(options) if options else None,
            priority=priority,
            passthrough=passthrough,
        )
        return self._post(Job, "/v1/jobs", wanted)

    def job(self, job_id: UUID) -> Job:
        """One job as it stands."""
        return self._get(Job, f"/v1/jobs/{job_id}")

    def jobs(
        self,
        *,
        state: str | None = None,
        video_id: UUID | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[Job]:
        """All jobs, or those in a state, of a video or of a time; newest first. Times need a time zone."""
        times = {"created_from": created_from, "created_before": created_before}
        said = {name: time.isoformat() for name, time in times.items() if time}
        return self._pages(Job, "/v1/jobs", **given(state=state, video_id=video_id), **said)

    def cancel(self, job_id: UUID) -> Job:
        """Stop a job's work."""
        return self._post(Job, f"/v1/jobs/{job_id}/cancel", {})

    def retry(self, job_id: UUID, *, steps: Sequence[str] = ()) -> Job:
        """Do the failed steps of a job once more, or those of them named. Raises Conflict when none failed."""
        return self._post(Job, f"/v1/jobs/{job_id}/retry", {"steps": list(steps)})

    def watch(self, job_id: UUID) -> Iterator[Job]:
        """A job as it stands now and at every change, until it is finished. Survives broken connections."""
        return follow(self._http, job_id, poll=lambda: self.job(job_id), patience_s=self._patience_s)

    def events(
        self,
        *,
        after: str | None = None,
        types: Sequence[str] = (),
        job_id: UUID | None = None,
        video_id: UUID | None = None,
    ) -> Iterator[LiveEvent]:
        """All that happens from now on, or behind the event ``after`` (``"0"``: all that is kept), without end.

        Survives broken connections: what happened meanwhile is told when it is back.
        """
        query = given(type=list(types) or None, job_id=job_id, video_id=video_id)
        return follow_events(self._http, query, after=after, patience_s=self._patience_s)

    def results(self, job_id: UUID) -> tuple[ResultFile, ...]:
        """The files a job has made so far."""
        return tuple(self._pages(ResultFile, f"/v1/jobs/{job_id}/results"))

    def download(self, url: str, target: Path, on_bytes: OnBytes | None = None) -> Path:
        """Fetch a result, a proxy or another file of the API to ``target``, atomically."""
        return self._patiently(lambda: receive(self._http, url, target, on_bytes))

    def read_bytes(self, url: str) -> bytes:
        """A small file of the API."""
        return self._send("GET", url).content

    def _get(self, kind: type[M], path: str, **query: Any) -> M:
        return tagged(kind, self._send("GET", path, params=query))

    def _post(self, kind: type[M], path: str, body: Mapping[str, Any]) -> M:
        # The key makes a repeat harmless, so that a POST may be retried like a GET.
        response = self._send("POST", path, json=body, headers={"Idempotency-Key": str(uuid4())})
        return kind.model_validate_json(response.content)

    def _pages(self, kind: type[M], path: str, **query: str) -> Iterator[M]:
        cursor: str | None = None
        while True:
            asked = {**query, "cursor": cursor} if cursor else query
            page = Page[kind].model_validate_json(self._send("GET", path, params=asked).content)  # type: ignore[valid-type]
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        def once() -> httpx.Response:
            response = self._http.request(method, path, **request)
            raise_for_problem(response)
            return response

        return self._patiently(once)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Repeat what a passing absence of the gateway spoiled."""
        end, pause = time.monotonic() + self._patience_s, 0.2
        while True:
            try:
                return attempt()
            except (httpx.TransportError, ApiError) as fault:
                wait_s = pause
                if isinstance(fault, ApiError):
                    if fault.status not in _PASSING:
                        raise
                    wait_s = max(pause, fault.retry_after_s or 0.0)
                if time.monotonic() + wait_s > end:
                    if isinstance(fault, ApiError):
                        raise
                    raise Unreachable(f"no answer from {self.url}: {fault}") from fault
            time.sleep(wait_s)
            pause = min(pause * 1.6, 2.0)


class _Requests:
    """What the resources with a module of their own are given: our requests, and nothing else."""

    def __init__(self, client: Matchcut) -> None:
        self.get = client._get
        self.post = client._post
        self.pages = client._pages
        self.send = client._send
