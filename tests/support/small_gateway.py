"""A small real HTTP server that speaks enough of the gateway's API to try the client against, faults included."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

__all__ = ["JOB_ID", "VIDEO_ID", "SmallGateway", "a_job", "small_gateway"]

JOB_ID = "019363a0-0000-7000-8000-000000000001"
VIDEO_ID = "019363a0-0000-7000-8000-000000000002"
UPLOAD_ID = "019363a0-0000-7000-8000-000000000003"


def a_job(state: str, fraction: float, **more: Any) -> dict[str, Any]:
    """A job as the API shows it."""
    step = {"step": "scenes", "state": state, "fraction": fraction}
    job = {"id": JOB_ID, "video_id": VIDEO_ID, "state": state, "fraction": fraction, "steps": [step]}
    return job | {"created_at": "2026-01-02T03:04:05Z"} | more


class SmallGateway:
    """What the server knows, counts, and does wrong on purpose."""

    def __init__(self) -> None:
        self.url = ""
        self.password = "secret"
        self.tokens = 0
        self.good_tokens: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.uploaded = b""
        self.video: dict[str, Any] = {"id": VIDEO_ID, "state": "ready", "filename": "film.mp4"}
        self.streams: list[list[dict[str, Any]]] = []
        """One list of jobs for each time the events are asked for; a stream breaks off after its list."""
        self.polled: list[dict[str, Any]] = []
        self.faults: list[int | str | tuple[int, int]] = []
        """What to answer next instead: a status, ``drop`` to hang up, or a status with its Retry-After."""
        self.break_download_after: int | None = None

    def count(self, method: str, path: str) -> int:
        """How often something was asked for."""
        return sum(1 for each in self.requests if each == (method, path))


@contextmanager
def small_gateway() -> Iterator[SmallGateway]:
    """The server on a free port."""
    gateway = SmallGateway()

    class Handler(_Handler):
        known = gateway

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    known: SmallGateway

    @override
    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        known, path = self.known, urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        known.requests.append((method, path))
        known.headers.append({name.lower(): value for name, value in self.headers.items()})
        if path == "/v1/auth/token":
            self._token(body)
            return
        if known.faults:
            self._fault(known.faults.pop(0))
            return
        if self.headers.get("authorization", "").removeprefix("Bearer ") not in known.good_tokens:
            self._problem(401, "/problems/unauthenticated", "Sign in first", "this token is worn out")
            return
        routes: list[tuple[str, Callable[..., None]]] = [
            (r"/v1/me", self._me),
            (r"/v1/uploads", self._upload),
            (r"/v1/uploads/[^/]+(/content)?", self._content),
            (r"/v1/videos(/[^/]+)?", self._video),
            (r"/v1/videos/[^/]+/media", self._file),
            (r"/v1/jobs", self._jobs),
            (r"/v1/jobs/[^/]+/events", self._events),
            (r"/v1/jobs/[^/]+/results", self._results),
            (r"/files/.+", self._file),
            (r"/v1/jobs/[^/]+(/cancel|/retry)?", self._job),
        ]
        for pattern, route in routes:
            if re.fullmatch(pattern, path):
                route(body)
                return
        self._problem(404, "/problems/not-found", "There is no such thing", f"no {path}")

    def _token(self, body: bytes) -> None:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form["grant_type"] == "password" and form["password"] != self.known.password:
            self._problem(400, "/problems/invalid-grant", "No token for this", "wrong password")
            return
        self.known.tokens += 1
        token = f"token-{self.known.tokens}"
        self.known.good_tokens = {token}
        self._json(200, {"access_token": token, "expires_in": 900, "refresh_token": f"refresh-{token}"})

    def _fault(self, fault: int | str | tuple[int, int]) -> None:
        if isinstance(fault, tuple):
            status, wait_s = fault
            self._problem(status, "/problems/quota-exceeded", "Too many jobs of yours at once", "wait", wait_s=wait_s)
        elif fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault == 422:
            errors = [{"field": "options.upscale.scale", "detail": "must be 2, 3 or 4"}]
            self._problem(422, "/problems/invalid-request", "The request is not acceptable", "see errors", errors)
        else:
            self._problem(int(fault), "/problems/fault", "A fault", "made on purpose")

    def _me(self, _body: bytes) -> None:
        self._json(200, {"id": VIDEO_ID, "email": "me@example.org", "role": "owner", "tenant": "t"})

    def _upload(self, _body: bytes) -> None:
        self._json(201, {"id": UPLOAD_ID, "state": "waiting", "content_url": f"/v1/uploads/{UPLOAD_ID}/content"})

    def _content(self, body: bytes) -> None:
        if self.command == "PUT":
            self.known.uploaded = body
        digest = hashlib.sha256(self.known.uploaded).hexdigest()
        size = len(self.known.uploaded)
        self._json(200, {"id": UPLOAD_ID, "state": "received", "size_bytes": size, "sha256": digest})

    def _video(self, _body: bytes) -> None:
        self._json(200, self.known.video)

    def _jobs(self, _body: bytes) -> None:
        if self.command == "POST":
            self._json(202, a_job("queued", 0.0))
            return
        cursor = parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0]
        following = None if cursor == "2" else str(int(cursor) + 1)
        self._json(200, {"items": [a_job("queued", int(cursor) / 10)], "next_cursor": following})

    def _job(self, _body: bytes) -> None:
        polled = self.known.polled
        self._json(200, polled.pop(0) if len(polled) > 1 else polled[0] if polled else a_job("running", 0.5))

    def _events(self, _body: bytes) -> None:
        if not self.known.streams:
            self._problem(503, "/problems/unavailable", "Not now", "events are off")
            return
        jobs = self.known.streams.pop(0)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": still here\n\n")
        for number, job in enumerate(jobs):
            self.wfile.write(f"event: job\nid: {job.get('run', 1)}-{number}\ndata: {json.dumps(job)}\n\n".encode())
        self.close_connection = True

    def _results(self, _body: bytes) -> None:
        items = [
            {"name": name, "url": f"/files/{name}", "size_bytes": len(data)} for name, data in self.known.files.items()
        ]
        self._json(200, {"items": items})

    def _file(self, _body: bytes) -> None:
        data = self.known.files.get(urlsplit(self.path).path.removeprefix("/files/"))
        if data is None:
            self._problem(404, "/problems/not-ready", "There is no such thing yet", "not there")
            return
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(match.group(1)) if match else 0
        self.send_response(206 if match else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.known.break_download_after is not None:
            self.wfile.write(data[start : start + self.known.break_download_after])
            self.known.break_download_after = None
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(data[start:])

    def _problem(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        errors: list[Any] | None = None,
        wait_s: int | None = None,
    ) -> None:
        problem = {"type": kind, "title": title, "status": status, "detail": detail, "trace_id": "trace-1"}
        self._json(status, problem | {"errors": errors or []}, "application/problem+json", wait_s=wait_s)

    def _json(
        self, status: int, value: Any, content_type: str = "application/json", *, wait_s: int | None = None
    ) -> None:
        packed = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(packed)))
        if wait_s is not None:
            self.send_header("Retry-After", str(wait_s))
        self.end_headers()
        self.wfile.write(packed)
