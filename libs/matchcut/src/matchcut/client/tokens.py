"""Signing in, and staying signed in."""

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx
from typing_extensions import override

from matchcut.client.errors import Invalid, Unauthorised, raise_for_problem
from matchcut.client.resources import Token

__all__ = ["Credentials", "TokenAuth", "revoke"]

_EARLY_S = 30.0
"""Refresh this long before the end, so that a slow upload does not outlive its token."""


@dataclass(frozen=True)
class Credentials:
    """An e-mail and a password; or, as ``token``, an API key or an access token somebody else got; or, as
    ``refresh_token``, what a sign-in by an identity provider brought.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


class TokenAuth(httpx.Auth):
    """Buys a token when the first request needs one, refreshes it before it ends, and signs in again when refused."""

    def __init__(self, base_url: str, credentials: Credentials) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/auth/token"
        self._credentials = credentials
        self._token = Token(access_token=credentials.token) if credentials.token else None
        if credentials.refresh_token:
            self._token = Token(access_token="", refresh_token=credentials.refresh_token)
        self._good_until = float("inf") if credentials.token else 0.0
        self._lock = threading.Lock()

    @override
    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        with self._lock:
            if time.monotonic() > self._good_until:
                yield from self._renew()
            token = self._current()
        request.headers["Authorization"] = f"Bearer {token.access_token}"
        response = yield request
        if response.status_code != 401 or self._credentials.token or not isinstance(request.stream, httpx.ByteStream):
            return  # nothing else to offer, or a body that cannot be sent twice
        with self._lock:
            if self._token is token:
                yield from self._renew()
        request.headers["Authorization"] = f"Bearer {self._current().access_token}"
        yield request

    @property
    def renews(self) -> bool:
        """Whether our tokens wear out; a key or token somebody else got is used as it is."""
        return self._credentials.token is None

    def forget(self) -> str | None:
        """Drop the tokens we bought; returns the refresh token, if there was one."""
        with self._lock:
            if self._credentials.token or self._token is None:
                return None
            token, self._token, self._good_until = self._token, None, 0.0
        return token.refresh_token

    def _current(self) -> Token:
        assert self._token is not None, "renewing either keeps a token or raises"
        return self._token

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        """With the refresh token, and with the password when that no longer serves."""
        if self._token and self._token.refresh_token:
            refresh = {"grant_type": "refresh_token", "refresh_token": self._token.refresh_token}
            response = yield httpx.Request("POST", self._url, data=refresh)
            response.read()
            if response.status_code < 400:
                self._keep(response)
                return
        form = {"grant_type": "password", "username": self._credentials.username}
        response = yield httpx.Request("POST", self._url, data=form | {"password": self._credentials.password})
        response.read()
        try:
            raise_for_problem(response)
        except Invalid as refusal:  # OAuth2 calls a wrong password a bad request (RFC 6749, section 5.2)
            detail = refusal.detail or "e-mail or password is wrong"
            raise Unauthorised(status=401, type=refusal.type, title="Sign-in refused", detail=detail) from refusal
        self._keep(response)

    def _keep(self, response: httpx.Response) -> None:
        self._token = Token.model_validate_json(response.content)
        self._good_until = time.monotonic() + max(1.0, self._token.expires_in - _EARLY_S)


def revoke(url: str, refresh_token: str) -> None:
    """End the session of a refresh token (RFC 7009)."""
    raise_for_problem(httpx.post(f"{url}/v1/auth/revoke", data={"token": refresh_token}, trust_env=False))
