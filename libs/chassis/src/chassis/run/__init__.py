"""Start a service: its settings, its parts, its command line."""

from chassis.run._cli import run
from chassis.run._service import Service
from chassis.run._settings import ServiceSettings

__all__ = ["Service", "ServiceSettings", "run"]
