"""What tables of a tenant have in common."""

from sqlalchemy import Column, DateTime, MetaData, Uuid, func, text

__all__ = ["METADATA", "TENANT", "created", "tenant"]

METADATA = MetaData()
TENANT = text("nullif(current_setting('app.tenant_id', true), '')::uuid")
"""The tenant of the transaction."""


def tenant(*, primary_key: bool = False) -> Column[object]:
    """Whose row it is: filled in by the database, so that nothing here can name another tenant."""
    return Column("tenant_id", Uuid, nullable=False, server_default=TENANT, primary_key=primary_key)


def created() -> Column[object]:
    """When the row was made."""
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())
