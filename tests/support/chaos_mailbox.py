"""Where the webhooks of a chaos run arrive: it verifies each message, and now and then it is not at home."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from standardwebhooks import Webhook, WebhookVerificationError
from typing_extensions import override

from support.chaos_customers import Tenant
from support.chaos_journal import Journal
from support.webhook_receiver import Answer, Receiver, listening

__all__ = ["ENDS", "Mailbox", "a_mailbox"]

ENDS = ("job.finished", "job.failed", "job.cancelled")
_NOT_AT_HOME = 0.08
_WAYS: tuple[Answer, ...] = (500, 429, "close", "half")


class Mailbox(Receiver):
    """Takes the messages of all tenants, each at a path of its own, and turns some away at their first try."""

    def __init__(self, journal: Journal, seed: int) -> None:
        super().__init__("127.0.0.1")
        self._journal = journal
        self._draws = random.Random(f"{seed}/mailbox")
        self._verifiers: dict[str, Webhook] = {}
        self._turned_away: Counter[str] = Counter()

    async def subscribe(self, gateways: list[str], tenants: Iterable[Tenant]) -> None:
        """Have every tenant told how its jobs end; before anything goes wrong."""
        async with httpx.AsyncClient(base_url=gateways[0], trust_env=False, timeout=30) as client:
            for tenant in tenants:
                form = {"grant_type": "password", "username": tenant.email, "password": tenant.password}
                token = (await client.post("/v1/auth/token", data=form)).json()["access_token"]
                wanted = {"url": f"http://127.0.0.1:{self.port}/{tenant.id}", "events": list(ENDS)}
                made = await client.post("/v1/webhooks", json=wanted, headers={"Authorization": f"Bearer {token}"})
                self._verifiers[f"/{tenant.id}"] = Webhook(made.json()["secret"])

    @override
    def _next(self, path: str) -> Answer:
        message = self.heard.pop()  # thousands come: what is kept of each is its id
        id_ = message.headers["webhook-id"]
        try:
            self._verifiers[path].verify(message.body, message.headers)
        except WebhookVerificationError as error:
            self._journal.surprises.append(f"message {id_} to {path}: {error}")
            return 400
        if not self._turned_away[id_] and self._draws.random() < _NOT_AT_HOME:
            self._turned_away[id_] += 1
            return self._draws.choice(_WAYS)
        self._journal.letters[id_] += 1
        return 204


@asynccontextmanager
async def a_mailbox(journal: Journal, seed: int) -> AsyncIterator[Mailbox]:
    """One that listens, on a port of its own."""
    async with listening(Mailbox(journal, seed)) as mailbox:
        yield mailbox
