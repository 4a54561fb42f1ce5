"""The bytes of a message."""

import pytest
from faststream.redis import BinaryMessageFormatV1

from chassis.bus._wire import decode, encode


@pytest.mark.parametrize("body", ["{}", '{"note": "größer \U0001f600"}', "x" * 100_000])
@pytest.mark.parametrize("traceparent", [None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"])
async def test_a_message_has_the_bytes_that_faststream_would_write(body: str, traceparent: str | None) -> None:
    headers = {"message_id": "1", "content-type": "application/json"}
    theirs = await BinaryMessageFormatV1.encode(
        message=body.encode(),
        reply_to=None,
        headers=headers | ({"traceparent": traceparent} if traceparent else {}),
        correlation_id="2",
    )

    ours = encode(body, message_id="1", correlation_id="2", traceparent=traceparent)

    assert BinaryMessageFormatV1.parse(ours) == BinaryMessageFormatV1.parse(theirs)
    assert len(ours) == len(theirs)


def test_what_was_written_is_read() -> None:
    body, headers = decode(encode("{}", message_id="1", correlation_id="2"))

    assert body == b"{}"
    assert headers == {"message_id": "1", "correlation_id": "2", "content-type": "application/json"}


def test_a_bare_cloud_event_is_not_taken_for_an_envelope() -> None:
    event = b'{"specversion": "1.0", "id": "x", "data": "hello"}'

    body, headers = decode(event)

    assert (body, headers) == (event, {})
