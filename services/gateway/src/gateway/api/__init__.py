"""How people and programs reach us: one module per resource."""

from gateway.api.app import create_app
from gateway.api.context import Accounts, Erasing, Library, UseCases

__all__ = ["Accounts", "Erasing", "Library", "UseCases", "create_app"]
