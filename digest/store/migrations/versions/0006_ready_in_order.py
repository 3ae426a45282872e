"""The index of states holds the id too: claims in order, without sorting all that is ready."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew."""
    op.drop_index("ix_delivery_state", table_name="delivery")
    op.create_index("ix_delivery_state", "delivery", ["state", "next_attempt_at", "id"])


def downgrade() -> None:
    """Leave the id out again."""
    op.drop_index("ix_delivery_state", table_name="delivery")
    op.create_index("ix_delivery_state", "delivery", ["state", "next_attempt_at"])
