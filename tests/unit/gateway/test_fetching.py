"""What was said in confidence to one address is for no other that it leads to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import httpcore
import pytest

from gateway.adapters.fetching import GuardedFetch
from gateway.adapters.outbound import Outbound
from gateway.domain.destinations import Destination
from gateway.ports.transfers import Source


@dataclass
class Answering:
    """An outside world of one redirect."""

    to: str
    heard: list[Mapping[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def stream(
        self, method: str, destination: Destination, *, headers: Mapping[str, str]
    ) -> AsyncIterator[httpcore.Response]:
        self.heard.append(headers)
        first = len(self.heard) == 1
        yield httpcore.Response(302, headers={"Location": self.to}) if first else httpcore.Response(200, content=b"")


@pytest.mark.parametrize(
    ("named", "to", "told"),
    [
        ("https://films.example/a", "/b", True),
        ("https://films.example/a", "http://films.example/a", False),
        ("http://films.example/a", "https://films.example/a", True),
        ("https://films.example/a", "https://films.example:8443/a", False),
        ("https://films.example/a", "https://other.example/a", False),
    ],
    ids=["here", "where others listen", "where nobody listens any more", "another port", "another host"],
)
async def test_a_redirect_takes_what_was_confided_nowhere_less_safe(named: str, to: str, told: bool) -> None:
    world = Answering(to)
    fetch = GuardedFetch(cast(Outbound, world), idle_s=5)

    async with fetch(Source(named, {"Authorization": "Bearer theirs"}), start=0, validator=None):
        pass

    assert ["Authorization" in headers for headers in world.heard] == [True, told]
