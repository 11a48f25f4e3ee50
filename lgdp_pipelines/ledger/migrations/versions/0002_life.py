"""The life of a submission: systems, nil returns, withdrawals, what was judged against what, and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """To this version."""
    op.add_column("receipt", sa.Column("system", sa.String(length=80), server_default="", nullable=False))
    op.add_column("receipt", sa.Column("nil", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "withdrawal",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_withdrawal_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_withdrawal")),
    )
    op.create_table(
        "judged_against",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("earlier_id", sa.String(length=130), nullable=True),
        sa.ForeignKeyConstraint(["earlier_id"], ["submission.id"], name=op.f("fk_judged_against_earlier_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_judged_against_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", "period", name=op.f("pk_judged_against")),
    )
    op.create_table(
        "reminder",
        sa.Column("council_code", sa.String(length=3), nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=40), nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint(
            "council_code", "return_code", "period", "stage", "submission_id", name=op.f("pk_reminder")
        ),
    )


def downgrade() -> None:
    """Back to the version before."""
    op.drop_table("reminder")
    op.drop_table("judged_against")
    op.drop_table("withdrawal")
    op.drop_column("receipt", "nil")
    op.drop_column("receipt", "system")
