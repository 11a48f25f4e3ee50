"""What each judgement was made of, so that it can be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """To this version. Judgements that are there already have no evidence, and nobody can make it up."""
    op.create_table(
        "evidence",
        sa.Column("judgement_id", sa.Integer(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("register_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("findings_sha256", sa.String(length=64), nullable=False),
        sa.Column("findings", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("code_lists", sa.JSON(), nullable=False),
        sa.Column("reference_tables", sa.JSON(), nullable=False),
        sa.Column("against", sa.JSON(), nullable=False),
        sa.Column("packages", sa.JSON(), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["judgement_id"], ["judgement.id"], name=op.f("fk_evidence_judgement_id")),
        sa.PrimaryKeyConstraint("judgement_id", name=op.f("pk_evidence")),
    )


def downgrade() -> None:
    """Back to the version before, which keeps no evidence."""
    op.drop_table("evidence")
