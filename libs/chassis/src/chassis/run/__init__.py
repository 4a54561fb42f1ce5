"""Start a service: its settings, its parts, its command line."""

from chassis.run._settings import ServiceSettings

__all__ = ["ServiceSettings"]
