"""Queries answered, accepted and sent back; known issues; repairs counted."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """To this version. A query of each submission becomes one that lives on over submissions."""
    kept = [dict(row) for row in op.get_bind().execute(_KEPT).mappings()]
    op.drop_table("query")
    _make_query()
    _make_query_event()
    _make_known_issue()
    _make_repair()
    _carry_over(kept)


def downgrade() -> None:
    """Back to the version before. What people said is lost, as that version cannot hold it."""
    columns = [column for column in _QUERY.c if column.name in _OLD.c]
    shown = op.get_bind().execute(sa.select(*columns)).mappings().all()
    for name in ("repair", "known_issue", "query_event", "query"):
        op.drop_table(name)
    _make_old_query()
    kept = {
        (row["submission_id"], row["rule"]): row for row in sorted(shown, key=lambda row: row["expired_at"] is None)
    }
    if kept:
        op.bulk_insert(_OLD, [{**row, "state": "expired" if row["expired_at"] else "open"} for row in kept.values()])


_OLD = sa.table(
    "query",
    sa.column("submission_id", sa.String),
    sa.column("rule", sa.String),
    sa.column("state", sa.String),
    sa.column("failed", sa.BigInteger),
    sa.column("opened_at", sa.DateTime),
    sa.column("expired_at", sa.DateTime),
)
_SUBMISSION = sa.table(
    "submission",
    sa.column("id", sa.String),
    sa.column("return_code", sa.String),
    sa.column("council_code", sa.String),
    sa.column("period", sa.String),
    sa.column("number", sa.Integer),
)
_PLACE = (_SUBMISSION.c.return_code, _SUBMISSION.c.council_code, _SUBMISSION.c.period)
_KEPT = (
    sa.select(*_PLACE, *_OLD.c)
    .join_from(_OLD, _SUBMISSION, _SUBMISSION.c.id == _OLD.c.submission_id)
    .order_by(*_PLACE, _OLD.c.rule, _SUBMISSION.c.number)
)

_QUERY = sa.table(
    "query",
    sa.column("id", sa.String),
    sa.column("return_code", sa.String),
    sa.column("council_code", sa.String),
    sa.column("period", sa.String),
    sa.column("number", sa.Integer),
    sa.column("rule", sa.String),
    sa.column("scope", sa.Text),
    sa.column("state", sa.String),
    sa.column("failed", sa.BigInteger),
    sa.column("fingerprint", sa.String),
    sa.column("submission_id", sa.String),
    sa.column("opened_at", sa.DateTime),
    sa.column("expired_at", sa.DateTime),
)
_EVENT = sa.table(
    "query_event",
    sa.column("query_id", sa.String),
    sa.column("at", sa.DateTime),
    sa.column("step", sa.String),
    sa.column("submission_id", sa.String),
    sa.column("failed", sa.BigInteger),
    sa.column("by", sa.String),
    sa.column("code", sa.String),
    sa.column("words", sa.Text),
)


def _carry_over(kept: Sequence[Mapping[str, Any]]) -> None:
    """Each rule of a return, council and period: one query, as the latest submission that showed it has it."""
    for place, of_place in groupby(kept, key=lambda row: (row["return_code"], row["council_code"], row["period"])):
        for number, (rule, of_rule) in enumerate(groupby(of_place, key=lambda row: row["rule"]), 1):
            rows = list(of_rule)
            key, last = f"{'.'.join(place)}.Q{number:03d}", rows[-1]
            query = {
                "id": key,
                "return_code": place[0],
                "council_code": place[1],
                "period": place[2],
                "number": number,
                "rule": rule,
                "scope": "",
                "state": last["state"],
                "failed": last["failed"],
                "fingerprint": "",
                "submission_id": last["submission_id"],
                "opened_at": rows[0]["opened_at"],
                "expired_at": last["expired_at"],
            }
            op.bulk_insert(_QUERY, [query])
            op.bulk_insert(_EVENT, [_event(key, rows[0], "opened", "opened_at")])
            if last["state"] == "expired":
                op.bulk_insert(_EVENT, [_event(key, last, "expired", "expired_at")])


def _event(key: str, row: Mapping[str, Any], step: str, when: str) -> dict[str, object]:
    return {
        "query_id": key,
        "at": row[when],
        "step": step,
        "submission_id": row["submission_id"],
        "failed": row["failed"],
        "by": "",
        "code": "corrected" if step == "expired" else "",
        "words": "",
    }


def _make_query() -> None:
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
    op.create_index(op.f("ix_query_submission_id"), "query", ["submission_id"])


def _make_query_event() -> None:
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
    op.create_index(op.f("ix_query_event_query_id"), "query_event", ["query_id"])


def _make_known_issue() -> None:
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
    )


def _make_repair() -> None:
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


def _make_old_query() -> None:
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
