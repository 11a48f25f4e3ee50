"""The ledger's tables about queries, known issues and repairs.

What belongs here: columns and what the database itself keeps true. What does not: what can become of a query
(``query_records``), and the other tables (``schema``).
"""

import sqlalchemy as sa

from lgdp_pipelines.ledger.query_records import QueryState, QueryStep
from lgdp_pipelines.ledger.schema import METADATA, UtcTime, one_of

QUERY = sa.Table(
    "query",
    METADATA,
    sa.Column("id", sa.String(140), primary_key=True),
    sa.Column("return_code", sa.String(80), nullable=False),
    sa.Column("council_code", sa.String(3), nullable=False),
    sa.Column("period", sa.String(20), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("rule", sa.String(200), nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), nullable=False, index=True),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("expired_at", UtcTime),
    sa.UniqueConstraint("return_code", "council_code", "period", "rule", "scope"),
    sa.CheckConstraint(one_of("state", QueryState), name="state"),
    sa.CheckConstraint("(state = 'expired') = (expired_at IS NOT NULL)", name="expired_when"),
)
"""One row for each question to a council; ``submission_id`` is the submission that shows it, or showed it last;
``fingerprint`` is of the figures that it is about, under the platform's key."""

QUERY_EVENT = sa.Table(
    "query_event",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("query_id", sa.ForeignKey("query.id"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("submission_id", sa.ForeignKey("submission.id")),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("code", sa.String(80), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("origin", sa.ForeignKey("query.id")),
    sa.CheckConstraint(one_of("step", QueryStep), name="step"),
)
"""What happened to queries, in order; added to, and never changed."""

KNOWN_ISSUE = sa.Table(
    "known_issue",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("return_code", sa.String(80), nullable=False),
    sa.Column("council_code", sa.String(3), nullable=False),
    sa.Column("period", sa.String(20), nullable=False),
    sa.Column("item_urn", sa.String(200), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("role", sa.String(80), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("put_at", UtcTime, nullable=False),
    sa.Column("lifted_at", UtcTime),
    sa.Column("lifted_by", sa.String(200), nullable=False),
    sa.Column("lift_reason", sa.Text, nullable=False),
    sa.CheckConstraint(
        "(lifted_at IS NULL) = (lifted_by = '') AND (lifted_at IS NULL) = (lift_reason = '')", name="lifted_by_one"
    ),
    sa.Index(None, "return_code", "period", "council_code"),
)
"""Notes on figures, by people; ``item_urn`` is empty where the return as a whole is meant."""

REPAIR = sa.Table(
    "repair",
    METADATA,
    sa.Column("submission_id", sa.String(130), primary_key=True),
    sa.Column("judgement", sa.Integer, primary_key=True),
    sa.Column("table_name", sa.String(80), primary_key=True),
    sa.Column("item", sa.String(200), primary_key=True),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("cells", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(["submission_id", "judgement"], ["judgement.submission_id", "judgement.number"]),
)
"""How many cells of an item were made canonical in a judgement, by kind of repair."""
