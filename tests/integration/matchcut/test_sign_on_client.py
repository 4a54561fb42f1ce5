"""The Python client signs in by an identity provider, at a real gateway, with a browser's steps in between."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from matchcut.client import Credentials, Matchcut, NotFound, SignOn, Unauthorised, begin_sign_on
from support.gateway_process import GatewayProcess, gateway_process
from support.openid_provider import CLIENT, SECRET, OpenIdProvider, a_provider

pytestmark = pytest.mark.servers

BACK = "http://127.0.0.1:51234/signed-in"


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with a_provider() as running:
        yield running


@pytest.fixture
def gateway(provider: OpenIdProvider, postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[GatewayProcess]:
    settings = {
        "PUBLIC_URL": "http://127.0.0.1:{port}",
        "OUTBOUND_HTTP": "true",
        "OUTBOUND_PORTS": f"[{provider.port}]",
        "OUTBOUND_NETWORKS": '["127.0.0.0/8"]',
    }
    with gateway_process(postgres_url, redis_url, tmp_path, **settings) as running:
        yield running


def browse(sign_on: SignOn, provider: OpenIdProvider) -> str:
    """Where a browser ends up whose user signs in at the provider."""
    with httpx.Client(trust_env=False) as browser:
        sent = browser.get(sign_on.url)
        back = provider.consent(sent.headers["location"])
        place = urlsplit(sign_on.url)
        callback = f"{place.scheme}://{place.netloc}{place.path}/callback"
        return str(browser.get(callback, params=back).headers["location"])


def test_somebody_signs_in_by_a_provider_and_works_with_the_client(
    gateway: GatewayProcess, provider: OpenIdProvider
) -> None:
    with Matchcut(gateway.url, Credentials(gateway.email, gateway.password)) as owner:
        providers = owner.identity_providers
        made = providers.create(
            "login", provider.issuer, CLIENT, client_secret=SECRET, return_urls=["http://127.0.0.1/signed-in"],
            group_roles={"film-editors": "editor"},
        )  # fmt: skip
        sign_on = begin_sign_on(gateway.url, made.sign_in_url, redirect_uri=BACK)
        came_back_to = browse(sign_on, provider)
        with pytest.raises(Unauthorised, match="another gateway"):
            sign_on.finish(came_back_to.partition("&iss=")[0])
        with Matchcut(gateway.url, sign_on.finish(came_back_to)) as anna:
            me = anna.me()
            videos = list(anna.videos())
        with pytest.raises(Unauthorised, match="another sign-in"):
            begin_sign_on(gateway.url, made.sign_in_url, redirect_uri=BACK).finish(came_back_to)
        changed = providers.change(made.id, name="renamed")
        listed = list(providers.list())
        provider.twist = lambda claims: {**claims, "aud": "somebody else"}
        refused = begin_sign_on(gateway.url, made.sign_in_url, redirect_uri=BACK)
        with pytest.raises(Unauthorised, match="cannot be trusted"):
            refused.finish(browse(refused, provider))
        providers.delete(made.id)
        with pytest.raises(NotFound):
            providers.get(made.id)

    assert (me.email, me.role) == ("anna@studio.example", "editor")
    assert videos == []
    assert listed == [changed]
    assert (changed.name, changed.has_secret, changed.group_roles[0].role) == ("renamed", True, "editor")
