"""Webhooks: when a message is tried again, when we stop, and what is signed by whom."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as some
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from gateway.adapters.messenger import retry_after_s
from gateway.adapters.signatures import new_key, signed_headers
from gateway.domain.webhooks import SCHEDULE_S, Disable, Done, GiveUp, Outcome, Retry, SigningKey, Webhook, judge

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
DAYS = timedelta(days=3)


def verdict(outcome: Outcome, *, attempt: int = 1, failing_for: timedelta = timedelta(), chance: float = 0.5) -> object:
    return judge(outcome, attempt=attempt, failing_for=failing_for, disable_after=DAYS, chance=chance)


def a_webhook(*keys: SigningKey) -> Webhook:
    return Webhook(uuid4(), "https://example.org/", ("job.finished",), keys or (new_key(),), NOW)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_only_2xx_is_a_success(status: int) -> None:
    assert verdict(Outcome(status)) == Done()


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert verdict(Outcome(status)) == Retry(5.0)


def test_the_tries_take_three_days_and_then_end() -> None:
    waits = [verdict(Outcome(500), attempt=attempt) for attempt in range(1, 11)]

    assert waits == [*(Retry(float(wait)) for wait in SCHEDULE_S), GiveUp()]
    assert 3 <= sum(SCHEDULE_S) / 86_400 < 3.5


@given(attempt=some.integers(1, 9), chance=some.floats(0, 1))
def test_waits_are_jittered_by_a_fifth_at_most(attempt: int, chance: float) -> None:
    found = verdict(Outcome(500), attempt=attempt, chance=chance)

    assert isinstance(found, Retry)
    assert SCHEDULE_S[attempt - 1] * 0.799 <= found.after_s <= SCHEDULE_S[attempt - 1] * 1.201


def test_gone_disables_at_once() -> None:
    assert verdict(Outcome(410)) == Disable("it answered 410 Gone")


def test_days_of_failures_disable_and_a_success_then_does_not() -> None:
    assert verdict(Outcome(500), failing_for=DAYS) == Disable("nothing has arrived for 72 hours")
    assert verdict(Outcome(500), failing_for=DAYS - timedelta(seconds=1)) == Retry(5.0)
    assert verdict(Outcome(200), failing_for=DAYS) == Done()


def test_retry_after_is_honoured_within_bounds() -> None:
    assert verdict(Outcome(429, retry_after_s=90)) == Retry(90, pause_s=90)
    assert verdict(Outcome(503, retry_after_s=1)) == Retry(5.0, pause_s=1)
    assert verdict(Outcome(503, retry_after_s=1e9)) == Retry(3600, pause_s=3600)
    assert verdict(Outcome(500, retry_after_s=90)) == Retry(5.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 5 ", 5),
        ("Sun, 22 Nov 2026 16:31:00 GMT", 60),
        ("Sun, 22 Nov 2026 16:29:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9" * 500, 999_999_999),
        ("٣", None),
        ("", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", None),
    ],
)
def test_retry_after_is_read_as_the_rfc_has_it(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now=NOW) == seconds


def test_the_official_library_verifies_what_we_sign() -> None:
    key, body, now = new_key(), '{"type":"job.finished","data":{"passthrough":"Größe"}}', datetime.now(UTC)

    headers = signed_headers("msg_1", body, [key], now=now)

    assert Verifier(key.secret).verify(body, headers)["type"] == "job.finished"
    with pytest.raises(WebhookVerificationError):
        Verifier(key.secret).verify(body + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(key.secret).verify(body, {**headers, "webhook-id": "msg_2"})
    with pytest.raises(WebhookVerificationError):
        Verifier(new_key().secret).verify(body, headers)


def verify_ed25519(public_key: str, body: str, headers: dict[str, str]) -> None:
    """As a receiver does who holds nothing secret."""
    prefix, _, text = public_key.partition("_")
    assert prefix == "whpk"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for signature in headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1a":
            try:
                return key.verify(base64.b64decode(value), content)
            except InvalidSignature:
                continue
    raise InvalidSignature


def test_an_ed25519_signature_goes_with_every_message() -> None:
    key, other = new_key(), new_key()

    headers = signed_headers("msg_1", "{}", [key], now=NOW)

    verify_ed25519(key.public_key, "{}", headers)
    with pytest.raises(InvalidSignature):
        verify_ed25519(key.public_key, "{ }", headers)
    with pytest.raises(InvalidSignature):
        verify_ed25519(other.public_key, "{}", headers)


def test_while_keys_overlap_a_message_carries_the_signatures_of_both() -> None:
    webhook, now = a_webhook(), datetime.now(UTC)
    rotated = webhook.rotated(new_key(), now=now, overlap=timedelta(hours=1))

    headers = signed_headers("msg_1", "{}", rotated.live_keys(now), now=now)

    assert len(headers["webhook-signature"].split(" ")) == 4
    for key in (*webhook.keys, rotated.keys[0]):
        Verifier(key.secret).verify("{}", headers)
        verify_ed25519(key.public_key, "{}", headers)


def test_an_old_key_signs_no_longer_than_it_was_given() -> None:
    first = a_webhook()
    second = first.rotated(new_key(), now=NOW, overlap=timedelta(hours=1))
    third = second.rotated(new_key(), now=NOW + timedelta(minutes=30), overlap=timedelta(days=1))

    assert len(third.live_keys(NOW + timedelta(minutes=59))) == 3
    assert third.live_keys(NOW + timedelta(minutes=61)) == third.keys[:2]
    assert third.live_keys(NOW + timedelta(days=2)) == third.keys[:1]


def test_without_an_overlap_the_old_key_is_gone_at_once() -> None:
    rotated = a_webhook().rotated(new_key(), now=NOW, overlap=timedelta())

    assert len(rotated.keys) == 1


def test_secrets_have_the_form_receivers_know() -> None:
    key = new_key()

    assert key.secret.startswith("whsec_")
    assert len(base64.b64decode(key.secret.removeprefix("whsec_"))) == 32
    assert len(base64.b64decode(key.public_key.removeprefix("whpk_"))) == 32
    assert key.secret != new_key().secret


def test_secrets_do_not_end_up_in_logs() -> None:
    key = new_key()

    assert key.secret not in repr(a_webhook(key))
    assert key.private_key not in repr(a_webhook(key))


def test_a_webhook_that_is_enabled_again_starts_without_a_past() -> None:
    off = replace(a_webhook(), enabled=False, disabled_reason="it answered 410 Gone", failing_since=NOW)

    on = off.changed(enabled=True)

    assert (on.enabled, on.disabled_reason, on.failing_since) == (True, None, None)
