"""How people and programs reach us: one module per resource."""

from gateway.api.app import create_app
from gateway.api.context import Accounts, UseCases

__all__ = ["Accounts", "UseCases", "create_app"]
