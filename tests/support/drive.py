"""Google Drive's API, as far as fetching a file goes: what it is, and its bytes, with ranges and refusals."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

__all__ = ["FILE_ID", "KEY", "TOKEN", "Drive", "a_drive"]

FILE_ID = "1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g"
TOKEN = "ya29.a-token-of-theirs"
KEY = "AIza-a-key-of-ours"


@dataclass
class Drive:
    """One file, and what was asked."""

    content: bytes
    port: int = 0
    name: str = "Scene 12.mp4"
    mime_type: str = "video/mp4"
    public: bool = False
    """Whether a key opens it, or a token alone."""
    resource_key: str | None = None
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    """``metadata`` or ``media``: status and reason."""
    breaks: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """``metadata`` or ``media``, and the headers, of each request."""

    def media(self) -> list[str | None]:
        """The ranges asked for."""
        return [headers.get("range") for what, headers in self.asked if what == "media"]

    def about(self) -> dict[str, Any]:
        """What it says of the file."""
        digest = md5(self.content, usedforsecurity=False).hexdigest()
        sized = {"size": str(len(self.content)), "md5Checksum": digest}
        return {
            "name": self.name,
            "mimeType": self.mime_type,
            **({} if self.mime_type.startswith("application/vnd.google-apps") else sized),
        }


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    drive: Drive

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        what = "media" if query.get("alt") == "media" else "metadata"
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.drive.asked.append((what, headers))
        assert query.get("supportsAllDrives") == "true"
        status, reason = self._refusal(what, parts.path, headers)
        if status != 200:
            said = {"error": {"code": status, "message": "of project 4711", "errors": [{"reason": reason}]}}
            self._answer(status, json.dumps(said).encode(), "application/json")
        elif what == "metadata":
            wanted = set(query["fields"].split(","))
            about = {name: value for name, value in self.drive.about().items() if name in wanted}
            self._answer(200, json.dumps(about).encode(), "application/json")
        else:
            self._send(headers.get("range"))

    def _refusal(self, what: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        drive = self.drive
        if what in drive.refuses:
            return drive.refuses[what]
        known = headers.get("authorization") == f"Bearer {TOKEN}"
        if "authorization" in headers and not known:
            return 401, "authError"
        open_ = known or (drive.public and headers.get("x-goog-api-key") == KEY)
        keyed = drive.resource_key in (None, headers.get("x-goog-drive-resource-keys", "").partition("/")[2])
        if path != f"/drive/v3/files/{FILE_ID}" or not open_ or not keyed:
            return 404, "notFound"
        return 200, ""

    def _send(self, ranged: str | None) -> None:
        whole = self.drive.content
        start = int(ranged.removeprefix("bytes=").removesuffix("-")) if ranged else 0
        body = whole[start:]
        until = self.drive.breaks.pop(0) - start if self.drive.breaks else len(body)
        more = {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"} if ranged else {}
        self._answer(206 if ranged else 200, body, self.drive.mime_type, until=until, **more)

    def _answer(self, status: int, body: bytes, kind: str, until: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:until])
        if until is not None and until < len(body):
            self.close_connection = True


@contextmanager
def a_drive(content: bytes) -> Iterator[Drive]:
    """It listens on a loopback address."""
    drive = Drive(content)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("_Drive", (_Asked,), {"drive": drive})) as server:
        drive.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield drive
        finally:
            server.shutdown()
            thread.join()
