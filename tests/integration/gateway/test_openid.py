"""OpenID Connect over real sockets, with a provider that speaks it well and one that lies."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.adapters.openid import OpenIdClient
from gateway.adapters.outbound import Outbound
from gateway.domain.destinations import OutboundRules
from gateway.domain.single_sign_on import ClientAuth, Person
from gateway.ports.single_sign_on import Errand, ProviderFault, ReturnedCode
from gateway.usecases.single_sign_on import challenge_of
from support.openid_provider import CLIENT, SECRET, OpenIdProvider, a_provider

REDIRECT = "https://matchcut.example/callback"
VERIFIER = "v" * 64
Claims = dict[str, Any]


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with a_provider() as running:
        yield running


def a_client(*providers: OpenIdProvider, **settings: Any) -> OpenIdClient:
    """Us, allowed to speak to these though they are on this machine."""
    rules = OutboundRules(
        ports=frozenset(each.port for each in providers), allow_http=True, networks=[ip_network("127.0.0.0/8")]
    )
    return OpenIdClient(Outbound(rules), **settings)


def us_at(provider: OpenIdProvider) -> ClientAuth:
    return ClientAuth(provider.issuer, CLIENT, None if provider.public_client else SECRET)


async def signed_in(client: OpenIdClient, provider: OpenIdProvider, **changed: Any) -> Person:
    """There and back again; ``changed`` is what the browser or we bring instead."""
    us = us_at(provider)
    errand = Errand(REDIRECT, "state", "our nonce", challenge_of(VERIFIER), ("openid", "email"))
    back = provider.consent(await client.send_to(us, errand))
    returned = {"code": back["code"], "issuer": back.get("iss"), "redirect_uri": REDIRECT, "verifier": VERIFIER}
    return await client.redeem(
        us, ReturnedCode(**{**returned, "nonce": "our nonce", "groups_claim": "groups", **changed})
    )


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"algorithm": "RS256"},
        {"secret_in_body": True},
        {"public_client": True},
        {"claims_in_userinfo": True},
        {"names_itself": True},
    ],
    ids=["ES256", "RS256", "secret in the body", "public client", "userinfo", "names itself"],
)
async def test_a_provider_of_each_kind_says_who_signed_in(kind: dict[str, Any]) -> None:
    with a_provider(**kind) as provider:
        person = await signed_in(a_client(provider), provider)

    assert person == Person("anna-at-the-provider", "anna@studio.example", True, frozenset({"film-editors"}))


def aged(seconds: int) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, "iat": claims["iat"] - seconds, "exp": claims["exp"] - seconds}


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def but(**changed: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **changed}


@pytest.mark.parametrize(
    "twist",
    [
        but(nonce="another nonce"),
        without("nonce"),
        but(aud="somebody else"),
        but(aud=[CLIENT, "somebody else"]),
        but(azp="somebody else"),
        but(iss="https://evil.example"),
        without("iss"),
        without("exp"),
        without("iat"),
        without("aud"),
        without("sub"),
        but(sub=5),
        but(sub=""),
        aged(3600),
        aged(-3600),
        but(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
        but(at_hash="\ud800"),
        but(nonce="\ud800"),
        but(sub="\ud800"),
        but(exp=float("inf")),
    ],
    ids=lambda _: "",
)
async def test_a_token_that_was_not_made_for_this_sign_in_is_refused(
    provider: OpenIdProvider, twist: Callable[[Claims], Claims]
) -> None:
    provider.twist = twist

    with pytest.raises(ProviderFault):
        await signed_in(a_client(provider), provider)


async def test_the_hash_of_the_right_access_token_is_accepted(provider: OpenIdProvider) -> None:
    half = hashlib.sha256(b"at-the-provider").digest()[:16]
    provider.twist = but(at_hash=base64.urlsafe_b64encode(half).decode().rstrip("="))

    assert (await signed_in(a_client(provider), provider)).subject == "anna-at-the-provider"


def unsigned(_: OpenIdProvider) -> Callable[[Claims], str]:
    return lambda claims: jwt.encode(claims, "", algorithm="none")


def by_the_client_secret(provider: OpenIdProvider) -> Callable[[Claims], str]:
    headers = {"kid": provider.keys[0].kid}
    return lambda claims: jwt.encode(claims, SECRET * 2, algorithm="HS256", headers=headers)


def by_the_public_key_as_a_secret(provider: OpenIdProvider) -> Callable[[Claims], str]:
    public = json.dumps(provider.keys[0].public)
    return lambda claims: jwt.encode(claims, public, algorithm="HS256", headers={"kid": provider.keys[0].kid})


def by_another_key_of_the_same_name(provider: OpenIdProvider) -> Callable[[Claims], str]:
    forged = ec.generate_private_key(ec.SECP256R1())
    return lambda claims: jwt.encode(claims, forged, algorithm="ES256", headers={"kid": provider.keys[0].kid})


def by_a_key_it_brings_along(_: OpenIdProvider) -> Callable[[Claims], str]:
    forged = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(forged.public_key()))
    return lambda claims: jwt.encode(claims, forged, algorithm="ES256", headers={"jwk": jwk, "kid": "mine"})


def tampered(provider: OpenIdProvider) -> Callable[[Claims], str]:
    def sign(claims: Claims) -> str:
        key = provider.keys[0]
        head, _, seal = jwt.encode(claims, key.private, algorithm="ES256", headers={"kid": key.kid}).split(".")
        changed = json.dumps({**claims, "sub": "the owner"}).encode()
        return f"{head}.{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{seal}"

    return sign


@pytest.mark.parametrize(
    "forger",
    [
        unsigned,
        by_the_client_secret,
        by_the_public_key_as_a_secret,
        by_another_key_of_the_same_name,
        by_a_key_it_brings_along,
        tampered,
        lambda _: lambda claims: "not a token",
        lambda _: lambda claims: "a" * 600_000,
    ],
)
async def test_a_token_the_provider_did_not_sign_is_refused(
    provider: OpenIdProvider, forger: Callable[[OpenIdProvider], Callable[[Claims], str]]
) -> None:
    provider.sign = forger(provider)

    with pytest.raises(ProviderFault):
        await signed_in(a_client(provider), provider)


async def test_an_algorithm_is_only_good_with_a_key_of_its_kind(provider: OpenIdProvider) -> None:
    shared = {"kty": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode(), "kid": "shared", "alg": "HS256"}
    keys = json.dumps({"keys": [shared, *({**key.public, "use": "enc"} for key in provider.keys)]})
    provider.answers["/jwks"] = (200, keys.encode())
    provider.sign = lambda claims: jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": "shared"})

    with pytest.raises(ProviderFault, match="do not accept"):
        await signed_in(a_client(provider), provider)
    provider.sign = None
    with pytest.raises(ProviderFault, match="does not publish"):
        await signed_in(a_client(provider), provider)


async def test_changed_keys_are_read_anew_but_not_at_every_forgery(provider: OpenIdProvider) -> None:
    eager, patient = a_client(provider, reread_s=0), a_client(provider)
    await signed_in(eager, provider)
    await signed_in(patient, provider)

    provider.change_keys()

    assert (await signed_in(eager, provider)).subject == "anna-at-the-provider"
    read = provider.asked.count(("GET", "/jwks", {}))
    with pytest.raises(ProviderFault, match="does not publish"):
        await signed_in(patient, provider)
    assert provider.asked.count(("GET", "/jwks", {})) == read


@pytest.mark.parametrize(
    "changed", [{"verifier": "x" * 64}, {"redirect_uri": "https://evil.example"}, {"code": "another"}], ids=str
)
async def test_what_the_provider_does_not_accept_lets_nobody_in(
    provider: OpenIdProvider, changed: dict[str, str]
) -> None:
    with pytest.raises(ProviderFault, match="answered 400"):
        await signed_in(a_client(provider), provider, **changed)


async def test_an_answer_that_another_provider_sent_is_refused(provider: OpenIdProvider) -> None:
    with pytest.raises(ProviderFault, match="another identity provider"):
        await signed_in(a_client(provider), provider, issuer="https://evil.example")
    provider.names_itself = True
    with pytest.raises(ProviderFault, match="another identity provider"):
        await signed_in(a_client(provider), provider, issuer=None)


async def test_userinfo_that_speaks_of_somebody_else_is_refused() -> None:
    with a_provider(claims_in_userinfo=True) as provider:
        provider.twist = but(sub="bert-at-the-provider")

        with pytest.raises(ProviderFault, match="somebody else"):
            await signed_in(a_client(provider), provider)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"")),
        ("/.well-known/openid-configuration", (302, b"")),
        ("/.well-known/openid-configuration", (200, b"not json")),
        ("/.well-known/openid-configuration", (200, b"[" * 100_000)),
        ("/.well-known/openid-configuration", (200, b'{"issuer": "https://evil.example"}')),
        ("/.well-known/openid-configuration", (200, b" " * 600_000 + b"{}")),
        ("/jwks", (200, b"[]")),
        ("/jwks", (200, b'{"keys": 5}')),
        ("/jwks", (200, b'{"keys": [5, {}, {"kty": "EC"}, {"kty": "RSA", "n": "!", "e": "AQAB"}]}')),
        ("/token", (200, b"{}")),
        ("/token", (200, b'{"id_token": 5}')),
        ("/token", (500, b"")),
    ],
)
async def test_a_provider_that_answers_nonsense_is_a_fault_and_never_an_error_of_ours(
    provider: OpenIdProvider, path: str, answer: tuple[int, bytes]
) -> None:
    provider.answers[path] = answer

    with pytest.raises(ProviderFault):
        await signed_in(a_client(provider), provider)


async def test_a_provider_inside_our_network_is_not_asked(provider: OpenIdProvider) -> None:
    rules = OutboundRules(ports=frozenset({provider.port}), allow_http=True)

    with pytest.raises(ProviderFault, match="not a public address"):
        await OpenIdClient(Outbound(rules)).check(provider.issuer)

    assert provider.asked == []


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "authorization_endpoint"])
async def test_an_endpoint_inside_our_network_is_refused_though_its_provider_is_outside(
    provider: OpenIdProvider, name: str
) -> None:
    provider.metadata = {name: f"http://169.254.169.254:{provider.port}/latest/meta-data"}

    with pytest.raises(ProviderFault, match="not a public address"):
        await a_client(provider).check(provider.issuer)
