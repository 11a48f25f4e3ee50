"""The ledger's relational tables.

What belongs here: columns and what the database itself keeps true. What does not: SQL of one database alone. A change
here needs a migration beside it (``migrations/versions``).
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from lgdp_pipelines.ledger.query_records import QueryState, QueryStep
from lgdp_pipelines.ledger.submission_records import ReceiptState, SubmissionState
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A time, kept in UTC without a zone and given back with one."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Into the database."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Out of the database."""
        return None if value is None else value.replace(tzinfo=UTC)


def one_of(
    column: str,
    words: type[ReceiptState | SubmissionState | QueryState | QueryStep | Verdict | RuleResult | Severity],
) -> str:
    """A column's condition that it holds one of some words."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return f"{column} IN ({listed})"


RECEIPT = sa.Table(
    "receipt",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("return_code", sa.String(80)),
    sa.Column("council_code", sa.String(3), nullable=False),
    sa.Column("period", sa.String(20)),
    sa.Column("table_name", sa.String(80)),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("transport", sa.String(20), nullable=False),
    sa.Column("source", sa.String(80), nullable=False),
    sa.Column("account", sa.String(200), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("modified", UtcTime),
    sa.Column("etag", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("submission_id", sa.ForeignKey("submission.id")),
    sa.Column("duplicate_of", sa.ForeignKey("receipt.id")),
    sa.Column("system", sa.String(80), nullable=False, server_default=""),
    sa.Column("nil", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint(one_of("state", ReceiptState), name="state"),
    sa.CheckConstraint("(state = 'part') = (submission_id IS NOT NULL)", name="part_has_submission"),
    sa.CheckConstraint("(state = 'duplicate') = (duplicate_of IS NOT NULL)", name="duplicate_of_one"),
    sa.Index(None, "return_code", "period", "council_code", "state"),
    sa.Index(None, "source", "account"),
)

SUBMISSION = sa.Table(
    "submission",
    METADATA,
    sa.Column("id", sa.String(130), primary_key=True),
    sa.Column("return_code", sa.String(80), nullable=False),
    sa.Column("council_code", sa.String(3), nullable=False),
    sa.Column("period", sa.String(20), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.UniqueConstraint("return_code", "council_code", "period", "number"),
    sa.CheckConstraint(one_of("state", SubmissionState), name="state"),
    sa.Index(None, "return_code", "period", "state"),
)
sa.Index(
    "uq_submission_current",
    SUBMISSION.c.return_code,
    SUBMISSION.c.council_code,
    SUBMISSION.c.period,
    unique=True,
    sqlite_where=SUBMISSION.c.state == SubmissionState.CURRENT.value,
    postgresql_where=SUBMISSION.c.state == SubmissionState.CURRENT.value,
)

SUBMISSION_FILE = sa.Table(
    "submission_file",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("receipt_id", sa.ForeignKey("receipt.id"), primary_key=True),
)
"""The files that a submission is read from. A file may serve a later submission too, where a council sends only the
corrected one of several again."""

WITHDRAWAL = sa.Table(
    "withdrawal",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("withdrawn_at", UtcTime, nullable=False),
    sa.Column("withdrawn_by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("finished_at", UtcTime),
)
"""Submissions that councils took back; ``finished_at`` is empty until their rows are out of the validated slices."""

JUDGEMENT = sa.Table(
    "judgement",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("contract_version", sa.String(40), nullable=False),
    sa.Column("contract_sha256", sa.String(64), nullable=False),
    sa.Column("code_version", sa.String(100), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("errors", sa.BigInteger, nullable=False),
    sa.Column("queries", sa.BigInteger, nullable=False),
    sa.Column("known_issues", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.String(100), nullable=False),
    sa.Column("judged_at", UtcTime, nullable=False),
    sa.UniqueConstraint("submission_id", "number"),
    sa.CheckConstraint(one_of("verdict", Verdict), name="verdict"),
)

RULE_RESULT = sa.Table(
    "rule_result",
    METADATA,
    sa.Column("judgement_id", sa.ForeignKey("judgement.id"), primary_key=True),
    sa.Column("rule", sa.String(200), primary_key=True),
    sa.Column("severity", sa.String(20), nullable=False),
    sa.Column("result", sa.String(20), nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.CheckConstraint(one_of("severity", Severity), name="severity"),
    sa.CheckConstraint(one_of("result", RuleResult), name="result"),
)

EVIDENCE = sa.Table(
    "evidence",
    METADATA,
    sa.Column("judgement_id", sa.ForeignKey("judgement.id"), primary_key=True),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column("register_sha256", sa.String(64), nullable=False),
    sa.Column("code_sha256", sa.String(64), nullable=False),
    sa.Column("findings_sha256", sa.String(64), nullable=False),
    sa.Column("findings", sa.BigInteger, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("code_lists", sa.JSON, nullable=False),
    sa.Column("reference_tables", sa.JSON, nullable=False),
    sa.Column("against", sa.JSON, nullable=False),
    sa.Column("packages", sa.JSON, nullable=False),
    sa.Column("tables", sa.JSON, nullable=False),
)
"""What a judgement was made of, by content, so that it can be made again. Older judgements have none."""

JUDGED_AGAINST = sa.Table(
    "judged_against",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("return_code", sa.String(80), primary_key=True),
    sa.Column("period", sa.String(20), primary_key=True),
    sa.Column("against_id", sa.ForeignKey("submission.id")),
)
"""Which other submissions of its council a submission was last held against, by their return and period: earlier
periods of its own return, and other returns; none where none was current. It is to be judged again where another one
has become current since."""

REMINDER = sa.Table(
    "reminder",
    METADATA,
    sa.Column("council_code", sa.String(3), primary_key=True),
    sa.Column("return_code", sa.String(80), primary_key=True),
    sa.Column("period", sa.String(20), primary_key=True),
    sa.Column("stage", sa.String(40), primary_key=True),
    sa.Column("submission_id", sa.String(130), primary_key=True),
    sa.Column("made_at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime),
)
"""What a council was reminded of, once a stage: ``submission_id`` is empty where nothing was submitted; ``sent_at``
where nothing but the file was made of it."""

DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id")),
    sa.Column("judgement", sa.Integer),
    sa.Column("receipt_id", sa.ForeignKey("receipt.id")),
    sa.Column("destination", sa.String(80), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("delivered_at", UtcTime, nullable=False),
    sa.UniqueConstraint("submission_id", "judgement", "destination"),
    sa.UniqueConstraint("receipt_id", "destination"),
    sa.CheckConstraint(
        "(submission_id IS NULL) = (receipt_id IS NOT NULL) AND (submission_id IS NULL) = (judgement IS NULL)",
        name="about_one",
    ),
)
"""What went back to councils: a judgement of a submission, or an unrecognised receipt, once a destination."""

RELEASE = sa.Table(
    "release",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("return_code", sa.String(80), nullable=False),
    sa.Column("period", sa.String(20), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("model_sha256", sa.String(64), nullable=False),
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("run_id", sa.String(100), nullable=False),
    sa.Column("released_at", UtcTime, nullable=False),
    sa.UniqueConstraint("return_code", "period", "number"),
)

RELEASE_SUBMISSION = sa.Table(
    "release_submission",
    METADATA,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
)
