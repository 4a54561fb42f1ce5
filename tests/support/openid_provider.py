"""A small OpenID provider on a loopback address: real keys and signatures, and wrong on purpose when told so.

It speaks what a relying party meets: discovery, authorization with PKCE, the token endpoint with client authentication,
its key set, and userinfo. People sign in by its decision, without a page.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from typing_extensions import override

__all__ = ["OpenIdProvider", "a_provider"]

CLIENT, SECRET = "matchcut", "s3cr3t: of the provider"


@dataclass(frozen=True)
class _Key:
    kid: str
    algorithm: str
    private: Any

    @property
    def public(self) -> dict[str, Any]:
        kind: Any = RSAAlgorithm if self.algorithm.startswith("RS") else ECAlgorithm
        jwk: dict[str, Any] = json.loads(kind.to_jwk(self.private.public_key()))
        return {**jwk, "kid": self.kid, "use": "sig", "alg": self.algorithm}


def _new_key(algorithm: str) -> _Key:
    rsa_ = algorithm.startswith("RS")
    private = rsa.generate_private_key(65537, 2048) if rsa_ else ec.generate_private_key(ec.SECP256R1())
    return _Key(uuid4().hex, algorithm, private)


@dataclass
class OpenIdProvider:
    """What the provider knows, and what it does wrong."""

    algorithm: str = "ES256"
    port: int = 0
    host: str = "127.0.0.1"
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "anna-at-the-provider",
            "email": "anna@studio.example",
            "email_verified": True,
            "groups": ["film-editors"],
        }
    )
    """Who signs in, as the claims say it."""
    public_client: bool = False
    secret_in_body: bool = False
    claims_in_userinfo: bool = False
    names_itself: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    """Overrides of what discovery says."""
    twist: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    """Changes the claims of an ID token before it is signed."""
    sign: Callable[[dict[str, Any]], str] | None = None
    """Signs instead of us."""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """By path: what to answer instead."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and form of every request."""
    keys: list[_Key] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """What we call ourselves."""
        return f"http://{self.host}:{self.port}/realm"

    def change_keys(self) -> None:
        """Sign with a new key, and publish no other."""
        self.keys = [_new_key(self.algorithm)]

    def consent(self, url: str) -> dict[str, str]:
        """What the browser is sent back with once the person has signed in at this authorization address."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        assert asked["client_id"] == CLIENT
        code = uuid4().hex
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        return back | ({"iss": self.issuer} if self.names_itself else {})

    def id_token(self, asked: dict[str, str]) -> str:
        """A token for whoever asked."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **({"sub": self.person["sub"]} if self.claims_in_userinfo else self.person),
        }
        claims = self.twist(claims)
        if self.sign is not None:
            return self.sign(claims)
        key = self.keys[0]
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid})

    def discovery(self) -> dict[str, Any]:
        """What we say of ourselves."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post" if self.secret_in_body else "client_secret_basic"
            ],
            "authorization_response_iss_parameter_supported": self.names_itself,
            **self.metadata,
        }

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint, as strict as a real one."""
        if not self._knows_client(form, authorization):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "at-the-provider", "token_type": "Bearer", "id_token": self.id_token(asked)}

    def _knows_client(self, form: dict[str, str], authorization: str) -> bool:
        if self.public_client:
            return form.get("client_id") == CLIENT and "client_secret" not in form and not authorization
        if self.secret_in_body:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        user, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return (unquote(user), unquote(secret)) == (CLIENT, SECRET)


class _Handler(BaseHTTPRequestHandler):
    provider: OpenIdProvider

    @override
    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.removeprefix("/realm")
        self.provider.asked.append(("GET", path, {}))
        if path in self.provider.answers:
            self._send(*self.provider.answers[path])
        elif path == "/.well-known/openid-configuration":
            self._json(200, self.provider.discovery())
        elif path == "/jwks":
            self._json(200, {"keys": [key.public for key in self.provider.keys]})
        elif path == "/userinfo" and self.headers["Authorization"] == "Bearer at-the-provider":
            self._json(200, self.provider.person)
        else:
            self._json(404, {"error": "not_found"})

    def do_POST(self) -> None:
        path = urlsplit(self.path).path.removeprefix("/realm")
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.provider.asked.append(("POST", path, form))
        if path in self.provider.answers:
            self._send(*self.provider.answers[path])
            return
        self._json(*self.provider.tokens(form, self.headers.get("Authorization", "")))

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header(
                "Location", f"{self.provider.issuer}/.well-known/openid-configuration?{urlencode({'a': 1})}"
            )
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def a_provider(*, host: str = "127.0.0.1", **wanted: Any) -> Iterator[OpenIdProvider]:
    """The provider, listening; ``host`` is what it is called."""
    provider = OpenIdProvider(host=host, **wanted)

    class Handler(_Handler):
        pass

    Handler.provider = provider
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.port = int(server.server_address[1])
    provider.change_keys()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
