"""What is left of what was erased: a mark by which it is known should it come again, and by nobody else."""

import hashlib
from uuid import UUID

__all__ = ["stone_of"]


def stone_of(erased: UUID) -> UUID:
    """An id that stands for an erased one. Whoever knows the old one can make it; nobody can find the way back."""
    return UUID(bytes=hashlib.sha256(b"stone of " + erased.bytes).digest()[:16])
