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
    body = decode(encode('{"größe": 1}', message_id="1", correlation_id="2", traceparent="3"))

    assert body.decode() == '{"größe": 1}'


@pytest.mark.parametrize("headers", [{}, {"x": "größer"}, {f"header {number}": "y" * 1000 for number in range(200)}])
@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff" * 1000])
async def test_what_faststream_writes_is_read(body: bytes, headers: dict[str, str]) -> None:
    data = await BinaryMessageFormatV1.encode(message=body, reply_to="me", headers=headers, correlation_id="2")

    assert decode(data) == body


def test_the_older_envelope_of_faststream_is_read() -> None:
    assert decode(b'{"data": "{}", "headers": {"message_id": "1"}}') == b"{}"


@pytest.mark.parametrize("data", [b"", b"\x89BIN", b"\x89BIN\r\n\x1a\n\x00\x01", b"\xff" * 100, b"[]", b'{"data": 1}'])
def test_what_is_no_envelope_is_all_body(data: bytes) -> None:
    assert decode(data) == data


def test_a_bare_cloud_event_is_not_taken_for_an_envelope() -> None:
    event = b'{"specversion": "1.0", "id": "x", "data": "hello"}'

    assert decode(event) == event
