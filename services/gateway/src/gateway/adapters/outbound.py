"""Requests to addresses that customers name, over httpcore, guarded against server-side request forgery.

The guard sits where the connection is made. A name is resolved once, every address it has is held against the rules,
and the connection goes to the very address that passed: there is no second resolution in which the name could say
something else. Host header, SNI and certificate stay those of the name. What the socket is really connected to is asked
once more before a byte is sent. Proxies of the environment are not used, and redirects are answers like any other.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
from typing_extensions import override

from gateway.domain.destinations import Destination, ForbiddenDestination, OutboundRules

__all__ = ["FAULTS", "Answer", "Outbound", "Resolve", "Unreached", "in_words", "system_resolver"]

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name to its IP addresses; raises OSError if it has none."""
_RESOLVE_S = 5.0
FAULTS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, TimeoutError)
"""What a request may come to nothing by."""


class Unreached(Exception):
    """No whole answer came: no such name, no connection, no valid certificate, broken off, or too slow."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as far as we read it."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of several headers of one name the last."""
    body: bytes


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses that the operating system finds."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outbound:
    """A client whose every connection is held against the rules. Connections are not kept: each is checked anew."""

    def __init__(
        self, rules: OutboundRules, *, resolve: Resolve = system_resolver, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._rules = rules
        self._backend = _GuardedBackend(rules, resolve)
        self._ssl_context = ssl_context or httpcore.default_ssl_context()

    async def check(self, destination: Destination) -> None:
        """Raise ForbiddenDestination if we would not connect there now; a name that does not resolve passes."""
        self._rules.require(destination)
        try:
            await self._backend.addresses(destination.host, destination.port)
        except (OSError, TimeoutError):
            return

    async def send(
        self,
        method: str,
        destination: Destination,
        *,
        headers: Mapping[str, str],
        content: bytes,
        timeout_s: float,
        most_bytes: int,
    ) -> Answer:
        """Send a request and read at most ``most_bytes`` of its answer. Raises ForbiddenDestination, Unreached.

        ``timeout_s`` is for all of it together, so that an answer that drips in byte by byte ends too.
        """
        try:
            async with (
                asyncio.timeout(timeout_s),
                self.stream(method, destination, headers=headers, content=content) as response,
            ):
                body = await _beginning(response.aiter_stream(), most_bytes)
                return Answer(response.status, _plain(response.headers), body)
        except FAULTS as fault:
            raise Unreached(in_words(fault)) from fault

    @asynccontextmanager
    async def stream(
        self, method: str, destination: Destination, *, headers: Mapping[str, str], content: bytes = b""
    ) -> AsyncIterator[httpcore.Response]:
        """An answer to read piece by piece. Raises ForbiddenDestination, and what httpcore raises; set time limits."""
        self._rules.require(destination)
        url = httpcore.URL(
            scheme=destination.scheme, host=destination.host, port=destination.port, target=destination.target
        )
        sent = [("Host", destination.authority), *headers.items(), ("Connection", "close")]
        if content:
            sent.append(("Content-Length", str(len(content))))
        # A pool for one request: a kept connection would outlive the rules and the address it was checked against.
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._ssl_context, max_connections=1, network_backend=self._backend
            ) as pool,
            pool.stream(method, url, headers=sent, content=content) as response,
        ):
            yield response


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects by TCP where the rules permit, and nowhere else."""

    def __init__(self, rules: OutboundRules, resolve: Resolve) -> None:
        self._rules = rules
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name. Raises ForbiddenDestination if any of them is not permitted: a mix is an attack."""
        async with asyncio.timeout(_RESOLVE_S):
            found = await self._resolve(host, port)
        if not found:
            raise OSError("the name has no address")
        if not all(self._rules.permits(address) for address in found):
            raise ForbiddenDestination(f"{host} does not lead to a public address")
        return found

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        fault: Exception = OSError("the name has no address")
        for address in await self.addresses(host, port):
            try:
                stream = await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                fault = refused
                continue
            peer = stream.get_extra_info("server_addr")
            if peer is None or not self._rules.permits(str(peer[0])):
                await stream.aclose()
                raise ForbiddenDestination(f"{host} does not lead to a public address")
            return stream
        raise fault

    @override
    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise ForbiddenDestination("sockets of this machine are not for customers")

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _beginning(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk[: most_bytes - len(body)]
        if len(body) >= most_bytes:
            break
    return body


def _plain(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def in_words(fault: BaseException) -> str:
    """What happened, without our addresses: the customer reads it."""
    if isinstance(fault, TimeoutError | httpcore.TimeoutException):
        return "no answer in time"
    if isinstance(fault, socket.gaierror):
        return "the name does not resolve"
    if "certificate" in str(fault).lower() or isinstance(fault, ssl.SSLError):
        return "the certificate is not valid"
    if isinstance(fault, httpcore.ConnectError | OSError):
        return "no connection"
    return "the connection broke before the answer was whole"
