"""What tests of services stand on: a whole service without Redis, and blobs in memory."""

from chassis.testing._harness import Harness, harness
from chassis.testing._memory_blobs import MemoryBlobs

__all__ = ["Harness", "MemoryBlobs", "harness"]
