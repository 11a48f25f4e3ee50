"""The ledger as it began: receipts, submissions, judgements, rule results, queries and releases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        "release",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("return_code", "period", "number", name=op.f("uq_release_return_code_period_number")),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=130), nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("council_code", sa.String(length=3), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('judging', 'rejected', 'current', 'superseded', 'withdrawn')", name=op.f("ck_submission_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "return_code",
            "council_code",
            "period",
            "number",
            name=op.f("uq_submission_return_code_council_code_period_number"),
        ),
    )
    op.create_index(
        op.f("ix_submission_return_code_period_state"), "submission", ["return_code", "period", "state"], unique=False
    )
    op.create_index(
        "uq_submission_current",
        "submission",
        ["return_code", "council_code", "period"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "judgement",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("contract_version", sa.String(length=40), nullable=False),
        sa.Column("contract_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=100), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("queries", sa.BigInteger(), nullable=False),
        sa.Column("known_issues", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("judged_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("verdict IN ('accepted', 'queried', 'rejected')", name=op.f("ck_judgement_verdict")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_judgement_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgement")),
        sa.UniqueConstraint("submission_id", "number", name=op.f("uq_judgement_submission_id_number")),
    )
    op.create_table(
        "query",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("expired_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("(state = 'expired') = (expired_at IS NOT NULL)", name=op.f("ck_query_expired_when")),
        sa.CheckConstraint("state IN ('open', 'expired')", name=op.f("ck_query_state")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_query_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", "rule", name=op.f("pk_query")),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=True),
        sa.Column("council_code", sa.String(length=3), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=True),
        sa.Column("table_name", sa.String(length=80), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("transport", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("modified", sa.DateTime(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=True),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'duplicate') = (duplicate_of IS NOT NULL)", name=op.f("ck_receipt_duplicate_of_one")
        ),
        sa.CheckConstraint(
            "(state = 'part') = (submission_id IS NOT NULL)", name=op.f("ck_receipt_part_has_submission")
        ),
        sa.CheckConstraint("state IN ('waiting', 'unrecognised', 'duplicate', 'part')", name=op.f("ck_receipt_state")),
        sa.ForeignKeyConstraint(["duplicate_of"], ["receipt.id"], name=op.f("fk_receipt_duplicate_of")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_receipt_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
    )
    op.create_index(
        op.f("ix_receipt_return_code_period_council_code_state"),
        "receipt",
        ["return_code", "period", "council_code", "state"],
        unique=False,
    )
    op.create_index(op.f("ix_receipt_source_account"), "receipt", ["source", "account"], unique=False)
    op.create_table(
        "release_submission",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_release_submission_release_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_release_submission_submission_id")),
        sa.PrimaryKeyConstraint("release_id", "submission_id", name=op.f("pk_release_submission")),
    )
    op.create_table(
        "rule_result",
        sa.Column("judgement_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("result IN ('passed', 'failed', 'not_run')", name=op.f("ck_rule_result_result")),
        sa.CheckConstraint("severity IN ('error', 'query', 'known_issue')", name=op.f("ck_rule_result_severity")),
        sa.ForeignKeyConstraint(["judgement_id"], ["judgement.id"], name=op.f("fk_rule_result_judgement_id")),
        sa.PrimaryKeyConstraint("judgement_id", "rule", name=op.f("pk_rule_result")),
    )
    op.create_table(
        "submission_file",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name=op.f("fk_submission_file_receipt_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_submission_file_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", "receipt_id", name=op.f("pk_submission_file")),
    )


def downgrade() -> None:
    """Back to an empty database."""
    op.drop_table("submission_file")
    op.drop_table("rule_result")
    op.drop_table("release_submission")
    op.drop_index(op.f("ix_receipt_source_account"), table_name="receipt")
    op.drop_index(op.f("ix_receipt_return_code_period_council_code_state"), table_name="receipt")
    op.drop_table("receipt")
    op.drop_table("query")
    op.drop_table("judgement")
    op.drop_index(
        "uq_submission_current",
        table_name="submission",
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.drop_index(op.f("ix_submission_return_code_period_state"), table_name="submission")
    op.drop_table("submission")
    op.drop_table("release")
