"""A good request for every route, made of what OpenAPI says of it, with the ids of one tenant put in.

A new route is walked without a word being added here. A new kind of id is not: ``UnknownId`` names it, and
``someones_things`` has to make one.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from contracts import uuid7
from gateway.adapters.postgres.single_sign_on import PostgresSignOnRecords
from gateway.api.app import OPEN_TO_ALL, describe, routes
from gateway.api.openapi import operations
from gateway.domain.single_sign_on import IdentityProvider
from support.findings_rig import a_picture, everything_found
from support.gateway_rig import PASSWORD, Gateway, json_of

__all__ = ["GUARDED", "WALKED", "Asked", "UnknownId", "ask", "asked_of", "someones_things", "strangers_ids"]

DOCUMENT = describe()
_OPERATIONS = {(method, path): operation for method, path, operation in operations(DOCUMENT)}
_PLAIN = {"name": "scenes.json", "slug": "not-found", "frame": "0000.jpg", "token": "AZNj", "kind": "results"}
"""Parameters of paths that are no ids."""
_FOUND = {
    "scenes": "scenes",
    "transcript": "transcripts",
    "alignment": "alignments",
    "watermarks": "watermarks",
    "rendition": "renditions",
}
_PUBLIC = "https://8.8.8.8/"
"""An address that needs no resolver and that nothing is sent to."""
_ADDRESSES = {"url": _PUBLIC, "issuer": "https://127.0.0.1"}
"""What stands in for addresses in bodies: nobody is asked for their name."""

WALKED = sorted(
    ((method, route) for route in routes() for method in route.methods or ()), key=lambda one: (one[1].path, one[0])
)
"""Every route there is, with its method."""
GUARDED = [(method, route) for method, route in WALKED if (method, route.path) not in OPEN_TO_ALL]


class UnknownId(LookupError):
    """A route takes the id of a kind of thing that the walk does not make."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    url: str
    body: Mapping[str, Any] = field(default_factory=dict)
    """What httpx takes: ``json=``, ``data=`` or ``content=``."""
    named: frozenset[str] = frozenset()
    """The ids in path and body: a thing of another tenant must look as if it did not exist."""
    filtered: frozenset[str] = frozenset()
    """The ids in the query, which may lead to an empty list instead."""
    streams: bool = False
    """Whether the answer goes on until somebody hangs up."""


def asked_of(method: str, route: APIRoute, ids: Mapping[str, str]) -> Asked:
    """A request that would be fine for whoever owns these ids. Raises UnknownId."""
    operation = _OPERATIONS.get((method, route.path_format), {})
    where = f"{method} {route.path_format}"
    parameters = re.findall(r"{(\w+)}", route.path_format)
    values = {name: _PLAIN[name] if name in _PLAIN else _id(name, ids, where) for name in parameters}
    url = route.path_format.format(**values)
    query = {}
    for parameter in operation.get("parameters", ()):
        name, schema = parameter["name"], parameter.get("schema", {})
        if parameter["in"] == "query" and ("uuid" in str(schema) or parameter.get("required")):
            query[name] = _id(name, ids, where) if "uuid" in str(schema) else str(schema.get("examples", ["x"])[0])
    used: set[str] = set()
    body = _body(operation, ids, used, where)
    headers = _headers(operation) | body.get("headers", {})
    produced = operation.get("responses", {}).get("200", {}).get("content", {})
    return Asked(
        method=method,
        url=str(httpx.URL(url, params=query)) if query else url,
        body={**body, "headers": headers} if headers else body,
        named=frozenset(name for name in parameters if name not in _PLAIN) | used,
        filtered=frozenset(name for name in query if name in ids),
        streams="text/event-stream" in produced,
    )


def strangers_ids(ids: Mapping[str, str]) -> dict[str, str]:
    """Ids of nobody's things."""
    return {name: str(uuid4()) for name in ids}


async def ask(client: httpx.AsyncClient, app: FastAPI, asked: Asked) -> httpx.Response:
    """Send it. Of a stream only the beginning is waited for."""
    if asked.streams:
        return await _opened(client, app, asked)
    return await client.request(asked.method, asked.url, **asked.body)


def _id(name: str, ids: Mapping[str, str], where: str) -> str:
    if name not in ids:
        raise UnknownId(f"{where} takes a {name}: let someones_things in tests/support/route_walk.py make one")
    return ids[name]


def _body(operation: Mapping[str, Any], ids: Mapping[str, str], used: set[str], where: str) -> Mapping[str, Any]:
    """The example of the request body, with our ids."""
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if media_type == "application/json":
            return {"json": _with_ids(_example(content), ids, used, where)}
        if media_type == "application/x-www-form-urlencoded":
            return {"data": _with_ids(_example(content), ids, used, where)}
        return {"content": b"bytes", "headers": {"Content-Type": media_type}}
    return {}


def _headers(operation: Mapping[str, Any]) -> dict[str, str]:
    """The headers that say by an example what they hold."""
    said = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "header"}
    return {name: str(schema["examples"][0]) for name, schema in said.items() if "examples" in schema}


def _example(content: Mapping[str, Any]) -> Any:
    several = [example["value"] for example in content.get("examples", {}).values()]
    return several[0] if several else content["example"]


def _with_ids(value: Any, ids: Mapping[str, str], used: set[str], where: str) -> Any:
    if isinstance(value, list):
        return [_with_ids(item, ids, used, where) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for name, item in value.items():
        kind = re.sub(r"_ids$", "_id", name)
        if kind.endswith("_id") and kind != "client_id":
            used.add(kind)
            known = _id(kind, ids, where)
            changed[name] = [known] if isinstance(item, list) else known
        else:
            changed[name] = _ADDRESSES[name] if name in _ADDRESSES else _with_ids(item, ids, used, where)
    return changed


async def _opened(client: httpx.AsyncClient, app: FastAPI, asked: Asked) -> httpx.Response:
    """The beginning of an answer, or the whole of one that ends; then we hang up."""
    request = client.build_request(asked.method, asked.url, **asked.body)
    begun, body = asyncio.Event(), bytearray()
    answer: dict[str, Any] = {}
    asks = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.update(status=message["status"], headers=message["headers"])
            if message["status"] == 200:
                begun.set()
        else:
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                begun.set()

    async def receive() -> Any:
        """The request, once; then we hang up, but not before the answer has begun."""
        for message in asks:
            return message
        await begun.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": request.url.query,
        "server": ("gateway", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    served = asyncio.create_task(app(scope, receive, send))
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({served, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (served, waiting):
        task.cancel()
    await asyncio.gather(served, waiting, return_exceptions=True)
    return httpx.Response(answer["status"], headers=answer["headers"], content=bytes(body), request=request)


async def someones_things(gateway: Gateway) -> dict[str, str]:
    """The ids of one of each kind, of a tenant of its own: by the name a route gives it."""
    caller = await gateway.user(await gateway.tenant("somebody"), email="somebody@example.org")
    client = await gateway.client(caller)
    form = {"grant_type": "password", "username": "somebody@example.org", "password": PASSWORD}
    json_of(await client.post("/v1/auth/token", data=form), 200)
    [session] = json_of(await client.get("/v1/me/sessions"), 200)["items"]
    key = json_of(await client.post("/v1/api-keys", json={"name": "a", "scopes": ["me:read"]}), 201)
    video = await gateway.ingested(client)
    upload = await client.post("/v1/uploads/tus", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5"})
    job = await everything_found(gateway, client)
    said, whatever = {"lines": [{"line_id": "L01", "confirmed": True}]}, {"If-Match": "*"}
    json_of(await client.patch(f"/v1/alignments/{job['id']}", json=said, headers=whatever), 200)
    logo = json_of(await client.post("/v1/logos", content=a_picture(), headers={"Content-Type": "image/png"}), 201)
    wanted = {"url": _PUBLIC, "events": ["webhook.ping"]}
    webhook = json_of(await client.post("/v1/webhooks", json=wanted), 201)
    ping = json_of(await client.post(f"/v1/webhooks/{webhook['id']}/ping"), 202)
    doomed = await gateway.script(client)
    erasure = json_of(await client.delete(f"/v1/scripts/{doomed['id']}"), 202)
    found = {
        f"{name}_id": json_of(await client.get(f"/v1/{kind}/{job['id']}"), 200)["id"] for name, kind in _FOUND.items()
    }
    runner = json_of(await client.post("/v1/runners", json={}), 201)
    export = json_of(await client.post("/v1/exports", json={"media": False}), 202)
    return {
        **found,
        "export_id": export["id"],
        "line_id": "L01",
        "logo_id": logo["id"],
        "runner_id": runner["runner"]["id"],
        "erasure_id": erasure["id"],
        "webhook_id": webhook["id"],
        "delivery_id": ping["id"],
        "upload_id": upload.headers["location"].rpartition("/")[2],
        "video_id": video["id"],
        "script_id": (await gateway.script(client))["id"],
        "job_id": job["id"],
        "user_id": str(caller.user_id),
        "tenant_id": str(caller.tenant_id),
        "session_id": session["id"],
        "key_id": key["api_key"]["id"],
        "provider_id": str(await _provider(gateway, caller.tenant_id)),
        "resource_id": job["id"],
    }


async def _provider(gateway: Gateway, tenant_id: UUID) -> UUID:
    """An identity provider; by the API it would be asked who it is."""
    provider = IdentityProvider(
        id=uuid7(),
        name="login",
        issuer="https://login.example",
        client_id="matchcut",
        sealed_secret=None,
        scopes=("openid",),
        groups_claim="groups",
        group_roles=(),
        default_role=None,
        email_domains=(),
        return_urls=("https://app.example/",),
        owners=False,
        enabled=True,
        created_at=datetime.now(UTC),
    )
    async with gateway.harness.database.begin(tenant_id) as work:
        await PostgresSignOnRecords(work.connection).providers.add(provider)
    return provider.id
