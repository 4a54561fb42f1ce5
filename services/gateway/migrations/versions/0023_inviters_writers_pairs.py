"""Invitations know who gave them, uploads which request sends their bytes, and the search index pairs of small words.

What is indexed already is indexed anew, one document after the other; until a language is through, its phrases are
looked for without pairs.
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import above_the_walls

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("users", sa.Column("invited_by", sa.Uuid))
    op.add_column("uploads", sa.Column("writer", sa.Uuid))
    op.add_column(
        "search_documents",
        sa.Column(
            "paired",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="Whether pairs of small words are marked.",
        ),
    )
    with above_the_walls(op, "search_documents", "search_queue"):
        op.execute(
            "INSERT INTO search_queue (document_id, tenant_id)"
            " SELECT id, tenant_id FROM search_documents WHERE state = 'indexed' ON CONFLICT DO NOTHING"
        )
