"""Announced facts reach their streams, whatever dies in between."""

from chassis.outbox._relay import Relay

__all__ = ["Relay"]
