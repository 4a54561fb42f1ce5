"""Set when a stream's entries were delivered, to a time no command accepts: through the stream's dump."""

import struct
from typing import Any

__all__ = ["crc64", "redelivered_at"]

_POLYNOMIAL = 0x95AC9329AC4BC9B5  # Jones, reflected
_TABLE = []
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = _value >> 1 ^ (_POLYNOMIAL if _value & 1 else 0)
    _TABLE.append(_value)


def crc64(data: bytes) -> int:
    """The checksum Redis puts behind a dump."""
    value = 0
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value


async def redelivered_at(redis: Any, stream: str, at_ms: int) -> None:
    """Let every entry in hand have been delivered at this time of the server's clock, be it in the future."""
    seconds, micros = await redis.time()
    dump = bytearray(await redis.dump(stream))
    (group,) = await redis.xinfo_groups(stream)
    held = await redis.xpending_range(stream, group["name"], "-", "+", 1000)
    now_ms = seconds * 1000 + micros // 1000
    for item in held:
        milliseconds, number = (int(part) for part in item["message_id"].split(b"-"))
        place = _behind(dump, struct.pack(">QQ", milliseconds, number), now_ms - item["time_since_delivered"])
        struct.pack_into("<Q", dump, place, at_ms)
    body = bytes(dump[:-8])
    await redis.restore(stream, 0, body + struct.pack("<Q", crc64(body)), replace=True)


def _behind(dump: bytearray, entry_id: bytes, delivered_ms: int) -> int:
    """Where the 8 bytes of the time are: behind the id, in the one of its places that has about this time behind it."""
    place = dump.find(entry_id)
    while place >= 0:
        place += len(entry_id)
        if place + 8 <= len(dump) and abs(struct.unpack_from("<Q", dump, place)[0] - delivered_ms) < 1000:
            return place
        place = dump.find(entry_id, place)
    raise LookupError("the dump does not say when this entry was delivered")
