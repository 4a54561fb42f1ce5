"""A server that knows nothing but the OpenAPI document: it holds requests against it, and answers with its examples."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator
from typing_extensions import override

from gateway.api.app import describe
from gateway.api.openapi import operations

__all__ = ["DOCUMENT", "ID", "OPERATIONS", "DocumentedGateway", "documented_gateway", "schema_of"]

DOCUMENT = describe()
OPERATIONS = {operation["operationId"]: operation for _, _, operation in operations(DOCUMENT)}
ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
"""Whatever has an id has this one."""
_ROUTES = sorted(
    (
        (
            method,
            re.compile(re.sub(r"{\w+}", "[^/]+", path.replace("{name}", ".+"))),
            operation,
        )
        for method, path, operation in operations(DOCUMENT)
    ),
    key=lambda route: route[1].pattern.count("[^/]+"),  # a fixed path before one with a parameter
)


@dataclass
class DocumentedGateway:
    """Where it answers, and what it was asked."""

    url: str = ""
    asked: set[str] = field(default_factory=set)
    said: dict[str, set[str]] = field(default_factory=dict)
    """By operation: names in queries, bodies and headers."""
    wrong: list[str] = field(default_factory=list)
    arrived: int = 0

    def heard(self, name: str, *said: str) -> None:
        """One operation was asked for, with these names."""
        self.asked.add(name)
        self.said.setdefault(name, set()).update(said)


@contextmanager
def documented_gateway() -> Iterator[DocumentedGateway]:
    """The server, for as long as the block lasts."""
    known = DocumentedGateway()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gateway": known}))
    known.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def schema_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a body, with what it refers to put in; of several the first."""
    schema = dict(content.get("schema", {}))
    while {"$ref", "anyOf", "allOf"} & set(schema):
        inner = schema.get("$ref") or next(iter(schema.get("anyOf") or schema["allOf"]))
        schema = DOCUMENT["components"]["schemas"][inner.rpartition("/")[2]] if isinstance(inner, str) else inner
    return schema


class _Handler(BaseHTTPRequestHandler):
    gateway: DocumentedGateway
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is sent at once, not head and body by themselves

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if place.path == "/bucket":
            self._answer(200, b"", {})
            return
        found = [one for one in _ROUTES if one[0] == self.command and one[1].fullmatch(place.path)]
        if not found:
            self.gateway.wrong.append(f"there is no {self.command} {place.path}")
            self._answer(404, b"", {})
            return
        operation = found[0][2]
        self._hold(operation, dict(parse_qsl(place.query)), body)
        self._answer(*self._example(operation, body))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def _hold(self, operation: dict[str, Any], query: dict[str, str], body: bytes) -> None:
        """Hold a request against what the document says of it."""
        name, parameters = operation["operationId"], operation.get("parameters", ())
        known = {one["name"] for one in parameters if one["in"] == "query"}
        headers = {one["name"].lower() for one in parameters if one["in"] == "header"}
        if set(query) - known:
            self.gateway.wrong.append(f"{name} has no {sorted(set(query) - known)}")
        said = {*query, *(header for header in headers if header in self.headers)}
        content = operation.get("requestBody", {}).get("content", {})
        media_type = self.headers.get("Content-Type", "").partition(";")[0]
        if media_type == "application/x-www-form-urlencoded":
            said |= dict(parse_qsl(body.decode())).keys()
        elif media_type == "multipart/form-data":
            said |= set(re.findall(r'form-data; name="(\w+)"', body.decode("latin-1")))
        elif "application/json" in content and body:
            value = json.loads(body)
            whole = {**content["application/json"]["schema"], "components": DOCUMENT["components"]}
            errors = Draft202012Validator(whole).iter_errors(value)
            self.gateway.wrong += [f"{name}: {error.json_path}: {error.message}" for error in errors]
            said |= value.keys()
        self.gateway.heard(name, *said)

    def _example(self, operation: dict[str, Any], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """The first good answer there is, as the document shows it."""
        name = operation["operationId"]
        status = min(int(status) for status in operation["responses"] if status.startswith("2"))
        content = operation["responses"][str(status)].get("content", {})
        headers = {"ETag": '"a state"', "Location": self._place(name)}
        if name == "append_piece":
            self.gateway.arrived += len(body)
        if name in ("append_piece", "read_offset"):
            return status, b"", {"Upload-Offset": str(self.gateway.arrived), "Tus-Resumable": "1.0.0"}
        if name == "watch_job":
            ended = {**_shown(OPERATIONS["read_job"], 200), "state": "succeeded"}
            return status, f"id: 1\nevent: job\ndata: {json.dumps(ended)}\n\n".encode(), {"Content-Type": _EVENTS}
        if name == "watch_events":
            event = json.dumps({"type": "job.finished", "timestamp": "2026-11-22T16:30:00Z", "data": {}})
            return status, f"id: 1\nevent: job.finished\ndata: {event}\n\n".encode(), {"Content-Type": _EVENTS}
        if name == "create_upload" or "application/json" not in content:
            return status, b"" if status == 204 else b"bytes", headers
        shown = self._as_it_would_be(name, _shown(operation, status))
        return status, json.dumps(shown).encode(), headers | {"Content-Type": "application/json"}

    def _place(self, name: str) -> str:
        return {"create_upload": f"/v1/uploads/tus/{ID}"}.get(name, f"/v1/erasures/{ID}")

    def _as_it_would_be(self, name: str, shown: Any) -> Any:
        """An example with what a client acts upon: where it may go, and that lists end."""
        if isinstance(shown, dict) and "next_cursor" in shown:
            shown = {**shown, "next_cursor": None}
        if name in ("receive_content", "read_upload", "announce_upload", "complete_upload"):
            direct = {"url": f"{self.gateway.url}/bucket", "headers": {}, "expires_at": "2026-11-22T16:30:00Z"}
            shown = {**shown, "id": ID, "state": "received", "sha256": None, "failure": None}
            shown["direct"] = {**direct, "complete_url": f"/v1/uploads/{ID}/complete"}
            shown["content_url"] = f"/v1/uploads/{ID}/content"
        return shown

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if headers.get("Content-Type") == _EVENTS:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


_EVENTS = "text/event-stream"


def _shown(operation: Mapping[str, Any], status: int) -> Any:
    content = operation["responses"][str(status)]["content"]["application/json"]
    several = [example["value"] for example in content.get("examples", {}).values()]
    return several[0] if several else content["example"]
