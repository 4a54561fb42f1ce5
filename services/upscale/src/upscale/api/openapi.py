"""The OpenAPI document of what runners ask. ``python -m upscale.api.openapi docs`` writes it; a test compares."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from upscale.api import schemas
from upscale.api.problems import MEDIA_TYPE, PROBLEMS
from upscale.api.program import ProgramFile

__all__ = ["FILE", "document"]

FILE = "runner-openapi.json"
_LEASE = "/v1/runner/leases/{chunk_id}"
_ABOUT = """What a machine that lends itself to Matchcut says and hears. `matchcut runner` speaks it; any program may.

1. `register` with the one-time token of an operator; keep the secret. Intervals are the server's.
2. `claims` waits for a chunk. **Renew before you begin**, then every `renew_s`, and do as the answer says.
3. Fetch `input_url` by Range and compare its sha256; make the chunk; send it to `output_url` piece by piece.
4. `complete`. It is answered at once and checked behind. `fail` gives the chunk back, with a reason.

Every word about a lease carries its `fencing_token`; 409 means: drop the work. When the network is away go on until
`lease_until` + `grace_s`, then stop. Whatever is answered 5xx or 429 may be asked again after `Retry-After`."""


@dataclass(frozen=True)
class _Operation:
    method: str
    path: str
    name: str
    about: str
    body: type[BaseModel] | None
    answers: dict[int, tuple[str, type[BaseModel] | None]]
    problems: tuple[str, ...]
    open: bool = False


_HELD = ("unknown-runner", "stale-lease", "invalid-request")
_OPERATIONS = (
    _Operation(
        *("post", "/v1/runner/register", "register", "Become a runner."),
        schemas.RegisterRequest,
        {201: ("A runner, and its secret, which is shown this once", schemas.Registered)},
        ("not-invited", "protocol-too-old", "invalid-request"),
        open=True,
    ),
    _Operation(
        *("post", "/v1/runner/secret", "replace_secret", "Replace the secret; the one before ends soon after."),
        None,
        {201: ("The new one", schemas.NewSecret)},
        ("unknown-runner",),
    ),
    _Operation(
        *("delete", "/v1/runner", "sign_off", "Go. A runner of one session is void."),
        None,
        {204: ("Gone", None)},
        ("unknown-runner",),
    ),
    _Operation(
        *("post", "/v1/runner/claims", "claim", "Ask for a chunk, and wait for one. What was held before is given up."),
        schemas.ClaimRequest,
        {200: ("A chunk, for a while", schemas.Lease), 204: ("Nothing to do; ask again", None)},
        ("unknown-runner", "in-quarantine", "protocol-too-old", "invalid-request"),
    ),
    _Operation(
        *("post", f"{_LEASE}/renew", "renew", "Say that you live and how far you are."),
        schemas.RenewRequest,
        {200: ("What to do now", schemas.Renewed)},
        _HELD,
    ),
    _Operation(
        *("post", f"{_LEASE}/urls", "urls", "Ask for fresh addresses."),
        schemas.TokenRequest,
        {200: ("Both", schemas.Addresses)},
        _HELD,
    ),
    _Operation(
        *("post", f"{_LEASE}/complete", "complete", "Say that a chunk is handed in. A repeat is harmless."),
        schemas.CompleteRequest,
        {202: ("Taken; it is checked behind", None)},
        (*_HELD, "not-handed-in", "invalid-report"),
    ),
    _Operation(
        *("post", f"{_LEASE}/fail", "fail", "Give a chunk back. `preempted` and `cancelled` cost it no try."),
        schemas.FailRequest,
        {204: ("Taken back", None)},
        _HELD,
    ),
    _Operation(
        *("get", "/v1/runner/bytes/{claim}/{proof}", "read_bytes", "Bytes behind a signed address. Takes `Range`."),
        None,
        {200: ("The whole", None), 206: ("The range that was asked for", None)},
        ("address-expired", "not-found", "range-not-satisfiable"),
        open=True,
    ),
    _Operation(
        *("put", "/v1/runner/bytes/{claim}/{proof}", "write_bytes", "Send a chunk in pieces, by `Content-Range`."),
        None,
        {200: ("All of it is there", None), 308: ("Go on behind the `Range` that this answer names", None)},
        ("address-expired", "stale-lease", "too-large", "no-room", "busy", "invalid-request"),
        open=True,
    ),
    _Operation(
        *("get", "/v1/runner/program", "program", "What runners run, and where to install it from."),
        None,
        {200: ("The program of this server", ProgramFile)},
        (),
        open=True,
    ),
    _Operation(
        *("get", "/v1/runner/program/{file}", "program_file", "The program, as a wheel that pip installs."),
        None,
        {200: ("The wheel", None)},
        ("not-found",),
        open=True,
    ),
)


def document() -> dict[str, Any]:
    """The document."""
    kinds = [schemas.Problem, *(kind for operation in _OPERATIONS for kind in _kinds(operation))]
    wanted: list[Any] = [(kind, "validation") for kind in dict.fromkeys(kinds)]
    _, defined = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in _OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Matchcut runners", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": defined["$defs"],
            "securitySchemes": {"secret": {"type": "http", "scheme": "bearer", "bearerFormat": "mcr_…"}},
        },
    }


def _kinds(operation: _Operation) -> list[type[BaseModel]]:
    answered = [kind for _, kind in operation.answers.values() if kind is not None]
    return [*([operation.body] if operation.body else []), *answered]


def _described(operation: _Operation) -> dict[str, Any]:
    said: dict[str, Any] = {"operationId": operation.name, "summary": operation.about, "responses": {}}
    if not operation.open:
        said["security"] = [{"secret": []}]
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    if names:
        kinds = {"chunk_id": {"type": "string", "format": "uuid"}}
        said["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": kinds.get(name, {"type": "string"})}
            for name in names
        ]
    if operation.body:
        said["requestBody"] = {"required": True, "content": _content(operation.body)}
    elif operation.method == "put":
        said["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    for status, (about, kind) in operation.answers.items():
        said["responses"][str(status)] = {"description": about, **({"content": _content(kind)} if kind else {})}
    for slug in (*operation.problems, "unavailable"):
        status, title = PROBLEMS[slug]
        before = said["responses"].get(str(status), {}).get("description")
        about = f"{title} (`/problems/runner/{slug}`)"
        said["responses"][str(status)] = {
            "description": f"{before}; {about}" if before else about,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return said


def _content(kind: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}


if __name__ == "__main__":
    Path(sys.argv[1], FILE).write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
