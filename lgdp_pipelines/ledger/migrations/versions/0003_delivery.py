"""What went back to councils: which judgement of a submission, or which unrecognised receipt, was told where."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=True),
        sa.Column("judgement", sa.Integer(), nullable=True),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("destination", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("delivered_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "(submission_id IS NULL) = (receipt_id IS NOT NULL) AND (submission_id IS NULL) = (judgement IS NULL)",
            name=op.f("ck_delivery_about_one"),
        ),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name=op.f("fk_delivery_receipt_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_delivery_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("receipt_id", "destination", name=op.f("uq_delivery_receipt_id_destination")),
        sa.UniqueConstraint(
            "submission_id",
            "judgement",
            "destination",
            name=op.f("uq_delivery_submission_id_judgement_destination"),
        ),
    )


def downgrade() -> None:
    """Back to the version before."""
    op.drop_table("delivery")
