"""PostgreSQL: transactions with a tenant, the plumbing tables, the wall between tenants, migrations."""

from chassis.database._database import Database
from chassis.database._migrate import MigrationsNotFound, migrate
from chassis.database._reading import Prepared, fetch
from chassis.database._stones import stone_of
from chassis.database._tables import create_plumbing
from chassis.database._unit import UnitOfWork
from chassis.database._walls import above_the_walls, append_only, force_row_level_security

__all__ = [
    "Database",
    "MigrationsNotFound",
    "Prepared",
    "UnitOfWork",
    "above_the_walls",
    "append_only",
    "create_plumbing",
    "fetch",
    "force_row_level_security",
    "migrate",
    "stone_of",
]
