"""Names of the keys around one stream. All carry the stream's name as their hash tag, so that a script's keys share a
slot in Redis Cluster: a key without braces is hashed whole, which is the same.
"""

import os
import secrets
import socket

__all__ = ["consumer_name", "dead_letters", "delayed"]


def delayed(stream: str, group: str) -> str:
    """Sorted set of entries that wait for their next try, scored by when (Unix milliseconds)."""
    return f"{{{stream}}}:{group}:delayed"


def dead_letters(stream: str, group: str) -> str:
    """Stream of entries this group gave up."""
    return f"{{{stream}}}:{group}:dlq"


def consumer_name(service: str) -> str:
    """A name no other process has or had: a restarted consumer must not be taken for the one that died."""
    return f"{service}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
