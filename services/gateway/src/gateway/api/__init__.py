"""How people and programs reach us: one module per resource."""

from gateway.api.app import create_app
from gateway.api.context import UseCases

__all__ = ["UseCases", "create_app"]
