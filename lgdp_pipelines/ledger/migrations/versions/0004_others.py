"""What a judgement was held against besides its own extract: earlier periods, and other returns."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """To this version: until now a submission was held against earlier periods of its own return alone."""
    op.execute(
        "CREATE TABLE judged_against_before AS SELECT judged_against.submission_id, submission.return_code, "
        "judged_against.period, judged_against.earlier_id FROM judged_against "
        "JOIN submission ON submission.id = judged_against.submission_id"
    )
    op.drop_table("judged_against")
    op.create_table(
        "judged_against",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("against_id", sa.String(length=130), nullable=True),
        sa.ForeignKeyConstraint(["against_id"], ["submission.id"], name=op.f("fk_judged_against_against_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_judged_against_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", "return_code", "period", name=op.f("pk_judged_against")),
    )
    op.execute(
        "INSERT INTO judged_against (submission_id, return_code, period, against_id) "
        "SELECT submission_id, return_code, period, earlier_id FROM judged_against_before"
    )
    op.drop_table("judged_against_before")


def downgrade() -> None:
    """Back to the version before, which knows nothing of other returns."""
    op.execute(
        "CREATE TABLE judged_against_after AS SELECT judged_against.submission_id, judged_against.period, "
        "judged_against.against_id FROM judged_against "
        "JOIN submission ON submission.id = judged_against.submission_id "
        "WHERE judged_against.return_code = submission.return_code"
    )
    op.drop_table("judged_against")
    op.create_table(
        "judged_against",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("earlier_id", sa.String(length=130), nullable=True),
        sa.ForeignKeyConstraint(["earlier_id"], ["submission.id"], name=op.f("fk_judged_against_earlier_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_judged_against_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", "period", name=op.f("pk_judged_against")),
    )
    op.execute(
        "INSERT INTO judged_against (submission_id, period, earlier_id) "
        "SELECT submission_id, period, against_id FROM judged_against_after"
    )
    op.drop_table("judged_against_after")
