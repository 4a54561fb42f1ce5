"""The edge of a bucket: resumable sessions as Google's documentation says, in front of fake-gcs-server.

The server behind takes a question for the state of a session for its end, forgets what came when a connection breaks,
and composes without looking at the generation. So sessions live here, what is whole is handed on to it, and generations
are looked at here; everything else passes through.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import requests
from typing_extensions import override

from support.bucket import a_bucket_server

__all__ = ["BucketEdge", "a_bucket_edge"]

_KEPT = 256 * 1024
"""Of a piece that breaks off, so many bytes or a multiple of it are kept."""
_READ = 64 * 1024
_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "date", "server"}
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass
class Session:
    """One object on its way."""

    bucket: str
    name: str
    generation: str | None
    length: int | None
    origin: str | None
    content: bytearray = field(default_factory=bytearray)
    done: bytes | None = None
    """The answer to who sent the last byte."""


@dataclass
class BucketEdge:
    """Sessions, and what was asked of them."""

    behind: str
    url: str = ""
    sessions: dict[str, Session] = field(default_factory=dict)
    puts: list[tuple[str, int]] = field(default_factory=list)
    """``Content-Range`` of each PUT, and how many bytes came with it."""
    told: list[dict[str, str]] = field(default_factory=list)
    """Headers of each PUT."""
    breaks: list[int] = field(default_factory=list)
    """After how many bytes of their bodies the next pieces break off."""
    forgets: bool = False
    """Whether a piece that breaks off ends its session."""
    holds: threading.Event | None = None
    """If set, a piece that breaks off waits for it before the connection ends."""
    reads: list[str] = field(default_factory=list)
    """``Range`` of each GET of bytes, or nothing."""
    finds: int = 0
    """GETs of what there is to say of an object."""
    before_read: Callable[[int], int | None] | None = None
    """Called with how many were read; a status it returns is the answer."""
    composing: threading.Lock = field(default_factory=threading.Lock)
    cancelled: list[str] = field(default_factory=list)
    """Names of objects nobody may send any more."""

    def only(self) -> Session:
        """The session there is."""
        [session] = self.sessions.values()
        return session


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    edge: BucketEdge

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if query.get("uploadType") != "resumable":
            self._pass_on()
        elif self.command == "POST":
            self._begin(asked.path, query)
        elif self.command == "DELETE":
            self._cancel(query.get("upload_id", ""))
        elif self.command == "PUT":
            self._take(query.get("upload_id", ""))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _serve

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _pass_on(self) -> None:
        asked = urlsplit(self.path)
        wanted = parse_qs(asked.query).get("ifGenerationMatch")
        if wanted is None or not asked.path.endswith("/compose"):
            self._ask_behind()
            return
        # The server behind composes whatever the generation is; the real one looks first, and nobody comes between.
        with self.edge.composing:
            there = requests.get(self.edge.behind + asked.path.removesuffix("/compose"), timeout=30)
            if wanted[0] != (there.json()["generation"] if there.ok else "0"):
                self._body()
                self._answer(412, b'{"error": {"code": 412, "message": "conditionNotMet"}}')
                return
            self._ask_behind()

    def _ask_behind(self) -> None:
        if self.command == "GET" and "/o/" in self.path and "alt=media" not in self.path:
            self.edge.finds += 1
        if "alt=media" in self.path:
            self.edge.reads.append(self.headers.get("range", ""))
            status = self.edge.before_read(len(self.edge.reads)) if self.edge.before_read else None
            if status is not None:
                self._answer(status, b"")
                return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        answer = requests.request(
            self.command,
            self.edge.behind + self.path,
            data=self._body(),
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=30,
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        self._answer(answer.status_code, answer.content, **kept)

    def _begin(self, path: str, query: dict[str, str]) -> None:
        said = json.loads(self._body() or b"{}")
        length = self.headers.get("x-upload-content-length")
        key = uuid4().hex
        self.edge.sessions[key] = Session(
            bucket=path.split("/b/")[1].split("/")[0],
            name=query.get("name") or said["name"],
            generation=query.get("ifGenerationMatch"),
            length=None if length is None else int(length),
            origin=self.headers.get("origin"),
        )
        place = f"{self.edge.url}{path}?uploadType=resumable&upload_id={key}"
        self._answer(200, b"", Location=place)

    def _cancel(self, key: str) -> None:
        session = self.edge.sessions.pop(key, None)
        if session is None or session.done is not None:
            self._answer(404 if session is None else 400, b"")
            return
        self.edge.cancelled.append(session.name)
        self._answer(499, b"")

    def _take(self, key: str) -> None:
        session = self.edge.sessions.get(key)
        whole = int(self.headers.get("content-length") or 0)
        said = self.headers.get("content-range") or f"bytes 0-{whole - 1}/{whole}"
        self.edge.told.append(dict(self.headers.items()))
        if session is None:
            self._body()
            self._answer(404, b"no such session")
            return
        match = _RANGE.fullmatch(said)
        assert match is not None, said
        if match[1] is not None and session.done is None:
            start, total = int(match[1]), None if match[3] == "*" else int(match[3])
            if not self._read_piece(session, start, whole, said):
                return
            wrong = session.length is not None and (len(session.content) > session.length or total != session.length)
            if wrong or (len(session.content) % _KEPT and len(session.content) != total):
                session.content.clear()
                self._answer(400, b"not the announced length, or a piece of no multiple of 256 KiB")
                return
            if len(session.content) == total:
                self._finish(session)
        else:
            self.edge.puts.append((said, len(self._body())))
        self._tell(session)

    def _read_piece(self, session: Session, start: int, whole: int, said: str) -> bool:
        """Whether all of it came. What breaks off is kept by multiples of 256 KiB."""
        assert start <= len(session.content), "the piece leaves something out"
        until = min(self.edge.breaks.pop(0), whole) if self.edge.breaks else whole
        came = bytearray()
        while len(came) < until and (some := self.rfile.read1(min(_READ, until - len(came)))):
            came += some
        self.edge.puts.append((said, len(came)))
        broken = len(came) < whole
        kept = len(came) - len(came) % _KEPT if broken else len(came)
        session.content[start:] = came[:kept]
        if broken:
            if self.edge.forgets:
                self.edge.sessions.clear()
            if self.edge.holds is not None:
                self.edge.holds.wait(60)
            self.close_connection = True
            self.connection.close()
        return not broken

    def _finish(self, session: Session) -> None:
        query = {"uploadType": "media", "name": session.name}
        if session.generation is not None:
            query["ifGenerationMatch"] = session.generation
        answer = requests.post(
            f"{self.edge.behind}/upload/storage/v1/b/{session.bucket}/o?{urlencode(query)}",
            data=bytes(session.content),
            headers={"Content-Type": "application/octet-stream"},
            timeout=30,
        )
        session.done = b"%d" % answer.status_code + b"\n" + answer.content

    def _tell(self, session: Session) -> None:
        if session.done is not None:
            status, _, body = session.done.partition(b"\n")
            self._answer(int(status), body, **{"Content-Type": "application/json"})
        elif session.content:
            self._answer(308, b"", Range=f"bytes=0-{len(session.content) - 1}")
        else:
            self._answer(308, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def a_bucket_edge() -> Iterator[BucketEdge]:
    """A bucket server with such an edge, where Google's client and ``blobs_at`` find it."""
    with a_bucket_server() as behind:
        edge = BucketEdge(behind)
        serving = ThreadingHTTPServer(("127.0.0.1", 0), type("_Edge", (_Asked,), {"edge": edge}))
        serving.daemon_threads = True
        edge.url = f"http://127.0.0.1:{serving.server_port}"
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        before = os.environ.get("STORAGE_EMULATOR_HOST", behind)
        os.environ["STORAGE_EMULATOR_HOST"] = edge.url
        try:
            yield edge
        finally:
            os.environ["STORAGE_EMULATOR_HOST"] = before
            serving.shutdown()
            serving.server_close()
            thread.join()
