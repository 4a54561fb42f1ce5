"""What tests of services stand on: a whole service without Redis, and blobs in memory."""

from chassis.testing._harness import Harness, drop_database, fresh_database, harness, service_url
from chassis.testing._memory_blobs import MemoryBlobs

__all__ = ["Harness", "MemoryBlobs", "drop_database", "fresh_database", "harness", "service_url"]
