"""A real server on a loopback address that takes webhooks and, if told so, misbehaves."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Answer", "Heard", "Receiver", "a_receiver", "certificates", "listening"]

Answer = int | str | tuple[int, dict[str, str]]
"""A status, with or without headers; or a way to misbehave: ``hang drip giant endless_headers close half``."""


@dataclass(frozen=True)
class Heard:
    """A request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """What the server heard, and what it answers next."""

    host: str
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    """By path; of a list the first is taken and the last stays. Without an entry: 204."""
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    names: list[str | None] = field(default_factory=list)
    """What the clients called us in the TLS handshake."""
    sent: int = 0
    """Bytes of the giant answers that went out."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the requests that hang."""

    def bodies(self, path: str) -> list[str]:
        """What came to one path."""
        return [one.body for one in self.heard if one.target == path]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once it holds."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 (what is waited for knows nothing of tests)
                await asyncio.sleep(0.005)

    def _next(self, path: str) -> Answer:
        planned = self.answers.get(path, 204)
        if isinstance(planned, list):
            return planned.pop(0) if len(planned) > 1 else planned[0]
        return planned

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.connections += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self.at_once -= 1
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.heard.append(Heard(method, target, headers, body.decode()))
        answer = self._next(target)
        if isinstance(answer, str):
            await self._misbehave(answer, writer)
            return
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        lines = [f"HTTP/1.1 {status} X", "Content-Length: 0", *(f"{name}: {value}" for name, value in more.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()

    async def _misbehave(self, how: str, writer: asyncio.StreamWriter) -> None:
        if how == "hang":
            await self.let_go.wait()
        elif how == "half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await writer.drain()
        elif how in ("giant", "drip", "endless_headers"):
            begin = b"" if how == "endless_headers" else b"Content-Length: 100000000000\r\n\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + begin)
            chunk = {"giant": b"x" * 65536, "drip": b"x", "endless_headers": b"X-More: " + b"x" * 1000 + b"\r\n"}[how]
            while not self.let_go.is_set():
                writer.write(chunk)
                await writer.drain()
                self.sent += len(chunk)
                await asyncio.sleep(0.01 if how == "drip" else 0)


R = TypeVar("R", bound=Receiver)


@asynccontextmanager
async def a_receiver(
    *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """The server, listening."""
    async with listening(Receiver(host), port=port, tls=tls) as receiver:
        yield receiver


@asynccontextmanager
async def listening(receiver: R, *, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[R]:
    """This one, listening."""
    if tls is not None:

        def note(_socket: Any, name: str | None, _context: Any) -> None:
            receiver.names.append(name)

        tls.sni_callback = note
    server = await asyncio.start_server(receiver.serve, receiver.host, port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.close()
        await server.wait_closed()
        await receiver.until(lambda: receiver.at_once == 0)


def certificates(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for ``name``, and that of a client who trusts it and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(public, private)
    client = ssl.create_default_context(cafile=str(public))
    return server, client
