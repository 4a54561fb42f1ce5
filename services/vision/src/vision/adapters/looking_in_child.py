"""The door to the child process: what the service may name without importing the engines behind it."""

from pathlib import Path

from vision.ports import Eyes, Order, Sight

__all__ = ["look"]


def look(eyes: Eyes, original: Path, order: Order, folder: Path) -> Sight:
    """Look at the film once; key frames go to ``folder``. Raises UnreadableVideo, ModelUnavailable."""
    from vision.adapters import looking

    return looking.look(eyes, original, order, folder)
