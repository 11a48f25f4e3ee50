"""The ledger's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "known_issue",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("council_code", sa.String(length=3), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("item_urn", sa.String(length=200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("put_at", sa.DateTime(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(length=200), nullable=False),
        sa.Column("lift_reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by = '') AND (lifted_at IS NULL) = (lift_reason = '')",
            name=op.f("ck_known_issue_lifted_by_one"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_known_issue")),
    )
    op.create_index(
        op.f("ix_known_issue_return_code_period_council_code"),
        "known_issue",
        ["return_code", "period", "council_code"],
        unique=False,
    )
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
        "judged_against",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("against_id", sa.String(length=130), nullable=True),
        sa.ForeignKeyConstraint(["against_id"], ["submission.id"], name=op.f("fk_judged_against_against_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_judged_against_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", "return_code", "period", name=op.f("pk_judged_against")),
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
        sa.Column("id", sa.String(length=140), nullable=False),
        sa.Column("return_code", sa.String(length=80), nullable=False),
        sa.Column("council_code", sa.String(length=3), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("expired_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("(state = 'expired') = (expired_at IS NOT NULL)", name=op.f("ck_query_expired_when")),
        sa.CheckConstraint("state IN ('open', 'answered', 'accepted', 'expired')", name=op.f("ck_query_state")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_query_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_query")),
        sa.UniqueConstraint(
            "return_code",
            "council_code",
            "period",
            "rule",
            "scope",
            name=op.f("uq_query_return_code_council_code_period_rule_scope"),
        ),
    )
    op.create_index(op.f("ix_query_submission_id"), "query", ["submission_id"], unique=False)
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
        sa.Column("system", sa.String(length=80), server_default="", nullable=False),
        sa.Column("nil", sa.Boolean(), server_default=sa.false(), nullable=False),
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
            "submission_id", "judgement", "destination", name=op.f("uq_delivery_submission_id_judgement_destination")
        ),
    )
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
    op.create_table(
        "query_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("query_id", sa.String(length=140), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("submission_id", sa.String(length=130), nullable=True),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=140), nullable=True),
        sa.CheckConstraint(
            "step IN ('opened', 'answered', 'accepted', 'sent_back', 'changed', 'expired', 'reopened')",
            name=op.f("ck_query_event_step"),
        ),
        sa.ForeignKeyConstraint(["origin"], ["query.id"], name=op.f("fk_query_event_origin")),
        sa.ForeignKeyConstraint(["query_id"], ["query.id"], name=op.f("fk_query_event_query_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_query_event_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_query_event")),
    )
    op.create_index(op.f("ix_query_event_query_id"), "query_event", ["query_id"], unique=False)
    op.create_table(
        "repair",
        sa.Column("submission_id", sa.String(length=130), nullable=False),
        sa.Column("judgement", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(length=80), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("cells", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id", "judgement"],
            ["judgement.submission_id", "judgement.number"],
            name=op.f("fk_repair_submission_id_judgement"),
        ),
        sa.PrimaryKeyConstraint("submission_id", "judgement", "table_name", "item", "kind", name=op.f("pk_repair")),
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
    """Drop all tables."""
    for table in (
        "submission_file",
        "rule_result",
        "repair",
        "query_event",
        "evidence",
        "delivery",
        "withdrawal",
        "release_submission",
        "receipt",
        "query",
        "judgement",
        "judged_against",
        "submission",
        "reminder",
        "release",
        "known_issue",
    ):
        op.drop_table(table)
