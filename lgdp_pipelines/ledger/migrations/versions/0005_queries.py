"""Queries answered, accepted and sent back; known issues; repairs counted."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""


def downgrade() -> None:
    """Back to the version before."""
