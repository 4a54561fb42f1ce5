"""Run revisions on the connection that ``chassis.database.migrate`` hands over, in that service's schema."""

from alembic import context

options = context.config.attributes
context.configure(
    connection=options["connection"], version_table_schema=options["schema"], transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
