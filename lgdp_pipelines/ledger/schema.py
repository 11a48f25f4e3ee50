"""The ledger's relational tables: columns, and the constraints that the database itself keeps.

A new column or table is added here, and in a new migration (``migrations/versions``). The ledger's copy in the lake
(``lake_mirror``) shows the comments of columns in SQL. Belongs elsewhere: SQL of a single kind of database.
"""

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from lgdp_pipelines.handover.judgement_values import RepairKind
from lgdp_pipelines.ledger.query_records import QueryState, QueryStep
from lgdp_pipelines.ledger.submission_records import ReceiptState, SubmissionState
from lgdp_pipelines.register.model.sources import TransportKind
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
    """A time, stored in UTC without a zone and returned with one."""

    impl = sa.DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """Type of the column's values, which :class:`TypeDecorator` gives as ``object``."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return a time in UTC without zone; None stays None."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return a stored time with the zone UTC; None stays None."""
        return None if value is None else value.replace(tzinfo=UTC)


def _enumeration(words: type[StrEnum], check: str, length: int = 20) -> sa.Enum:
    """Return the type of a column for an enumeration's words.

    Args:
        words: the enumeration.
        check: name of the constraint that the database keeps; empty: none.
        length: of the longest word that fits.
    """
    return sa.Enum(
        words,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        length=length,
        name=check or None,
        create_constraint=bool(check),
    )


def filter_return(
    table: sa.Table | sa.Alias, return_code: str | None, period: str | None, *, council_code: str | None = None
) -> list[sa.ColumnElement[bool]]:
    """Return equality conditions for return, period and council; None selects all."""
    values = {"return_code": return_code, "period": period, "council_code": council_code}
    return [table.c[name] == value for name, value in values.items() if value is not None]


def _council_return_columns() -> tuple[sa.Column[str], ...]:
    """Return the columns of a council's return for a period."""
    return (
        sa.Column("return_code", sa.String(80), nullable=False, comment="Code of the return."),
        sa.Column("council_code", sa.String(3), nullable=False, comment="Register code of the council."),
        sa.Column("period", sa.String(20), nullable=False, comment="Period id."),
    )


RECEIPT = sa.Table(
    "receipt",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True, comment="Number in order of arrival."),
    sa.Column("received_at", UtcTime, nullable=False, comment="Time of arrival, in UTC."),
    sa.Column(
        "state",
        _enumeration(ReceiptState, "state"),
        nullable=False,
        comment="waiting, unrecognised, duplicate or part.",
    ),
    sa.Column("return_code", sa.String(80), comment="Code of the return; null where it is unknown."),
    sa.Column(
        "council_code", sa.String(3), nullable=False, comment="Register code of the council whose account it came by."
    ),
    sa.Column("period", sa.String(20), comment="Period id; null where it is unknown."),
    sa.Column(
        "table_name",
        sa.String(80),
        comment="Table that the file answers; null where one file answers the whole return.",
    ),
    sa.Column("file_name", sa.Text, nullable=False, comment="Name that the council gave the file."),
    sa.Column("size", sa.BigInteger, nullable=False, comment="Size in bytes."),
    sa.Column("sha256", sa.String(64), nullable=False, comment="sha256 of its bytes."),
    sa.Column(
        "transport",
        _enumeration(TransportKind, ""),
        nullable=False,
        comment="Transport: sftp, api, drop-box, push or hand.",
    ),
    sa.Column("source", sa.String(80), nullable=False, comment="Id of the source in the register."),
    sa.Column("account", sa.String(200), nullable=False, comment="Name of the account at the source."),
    sa.Column("path", sa.Text, nullable=False, comment="Path in the account; the request for an API."),
    sa.Column("modified", UtcTime, comment="Time of the last change, by the source."),
    sa.Column("etag", sa.Text, comment="ETag that the source gave."),
    sa.Column(
        "reason", sa.Text, nullable=False, comment="Reason why the return or period is unknown; empty otherwise."
    ),
    sa.Column(
        "submission_id",
        sa.ForeignKey("submission.id"),
        comment="Submission that the receipt is part of; null unless the state is part.",
    ),
    sa.Column(
        "duplicate_of",
        sa.ForeignKey("receipt.id"),
        comment="Earlier receipt with the same bytes; null unless the state is duplicate.",
    ),
    sa.Column(
        "system",
        sa.String(80),
        nullable=False,
        server_default="",
        comment="Back-office system that exported the file; empty where the file is as the contract has it.",
    ),
    sa.Column(
        "nil",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether the council reports that it has nothing to report.",
    ),
    sa.CheckConstraint("(state = 'part') = (submission_id IS NOT NULL)", name="part_has_submission"),
    sa.CheckConstraint("(state = 'duplicate') = (duplicate_of IS NOT NULL)", name="duplicate_of_one"),
    sa.Index(None, "return_code", "period", "council_code", "state"),
    sa.Index(None, "source", "account"),
    comment="An extract received, with its state.",
)

SUBMISSION = sa.Table(
    "submission",
    METADATA,
    sa.Column("id", sa.String(130), primary_key=True, comment="Id: return, council, period and number."),
    *_council_return_columns(),
    sa.Column(
        "number",
        sa.Integer,
        nullable=False,
        comment="Number in the sequence of its return, council and period, from 1.",
    ),
    sa.Column(
        "state",
        _enumeration(SubmissionState, "state"),
        nullable=False,
        comment="judging, rejected, current, superseded or withdrawn.",
    ),
    sa.Column("opened_at", UtcTime, nullable=False, comment="Time at which it was opened, in UTC."),
    sa.Column("received_at", UtcTime, nullable=False, comment="Time at which the last of its files arrived, in UTC."),
    sa.UniqueConstraint("return_code", "council_code", "period", "number"),
    sa.Index(None, "return_code", "period", "state"),
    comment="The extracts that answer a return for a council and period, with their state.",
)
sa.Index(
    "uq_submission_current",
    SUBMISSION.c.return_code,
    SUBMISSION.c.council_code,
    SUBMISSION.c.period,
    unique=True,
    sqlite_where=SUBMISSION.c.state == SubmissionState.CURRENT,
    postgresql_where=SUBMISSION.c.state == SubmissionState.CURRENT,
)

SUBMISSION_FILE = sa.Table(
    "submission_file",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("receipt_id", sa.ForeignKey("receipt.id"), primary_key=True),
)
"""The files that a submission is read from. Where a council sends only one of several files again, the other files
serve the later submission, too."""

WITHDRAWAL = sa.Table(
    "withdrawal",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True, comment="The submission withdrawn."),
    sa.Column("withdrawn_at", UtcTime, nullable=False, comment="Time of the withdrawal, in UTC."),
    sa.Column("withdrawn_by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="Reason in the council's words."),
    sa.Column(
        "finished_at",
        UtcTime,
        comment="Time at which its rows were out of the validated slices, in UTC; null until then.",
    ),
    comment="The withdrawal of a submission by its council.",
)

JUDGEMENT = sa.Table(
    "judgement",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), nullable=False, comment="The submission judged."),
    sa.Column(
        "number", sa.Integer, nullable=False, comment="Number in the sequence of the submission's judgements, from 1."
    ),
    sa.Column("verdict", _enumeration(Verdict, "verdict"), nullable=False, comment="accepted, queried or rejected."),
    sa.Column(
        "contract_version", sa.String(40), nullable=False, comment="Version of the contract that it was judged by."
    ),
    sa.Column("contract_sha256", sa.String(64), nullable=False, comment="sha256 of the contract's file."),
    sa.Column("code_version", sa.String(100), nullable=False, comment="Version of the code that judged."),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="Number of rows over all tables."),
    sa.Column("errors", sa.BigInteger, nullable=False, comment="Number of findings of severity error."),
    sa.Column("queries", sa.BigInteger, nullable=False, comment="Number of findings of severity query."),
    sa.Column("known_issues", sa.BigInteger, nullable=False, comment="Number of findings of severity known issue."),
    sa.Column("run_id", sa.String(100), nullable=False, comment="Id of the run that judged."),
    sa.Column("judged_at", UtcTime, nullable=False, comment="Time of the judgement, in UTC."),
    sa.UniqueConstraint("submission_id", "number"),
    comment="A judgement of a submission.",
)

RULE_RESULT = sa.Table(
    "rule_result",
    METADATA,
    sa.Column("judgement_id", sa.ForeignKey("judgement.id"), primary_key=True),
    sa.Column("rule", sa.String(200), primary_key=True, comment="Stable id of the rule."),
    sa.Column("severity", _enumeration(Severity, "severity"), nullable=False, comment="error, query or known_issue."),
    sa.Column("result", _enumeration(RuleResult, "result"), nullable=False, comment="passed, failed or not_run."),
    sa.Column("failed", sa.BigInteger, nullable=False, comment="Number of places at which the rule was broken."),
    sa.Column("reason", sa.Text, nullable=False, comment="Reason why the rule was not run; empty otherwise."),
    comment="The result of a rule in a judgement.",
)

EVIDENCE = sa.Table(
    "evidence",
    METADATA,
    sa.Column("judgement_id", sa.ForeignKey("judgement.id"), primary_key=True),
    sa.Column("received_on", sa.Date, nullable=False, comment="Day, in Scotland, on which the last file arrived."),
    sa.Column(
        "register_sha256",
        sa.String(64),
        nullable=False,
        comment="sha256 of the list of the register's files, each with its sha256.",
    ),
    sa.Column("code_sha256", sa.String(64), nullable=False, comment="sha256 of the platform's own code."),
    sa.Column("findings_sha256", sa.String(64), nullable=False, comment="sha256 of the findings."),
    sa.Column("findings", sa.BigInteger, nullable=False, comment="Number of findings."),
    sa.Column(
        "inputs",
        sa.JSON,
        nullable=False,
        comment="Files read, as JSON: receipt, sha256, table, system, sha256 of the mapping.",
    ),
    sa.Column(
        "code_lists", sa.JSON, nullable=False, comment="Code lists of the contract, as JSON: id, version, sha256."
    ),
    sa.Column("reference_tables", sa.JSON, nullable=False, comment="Reference tables, as JSON: id, version, sha256."),
    sa.Column(
        "against",
        sa.JSON,
        nullable=False,
        comment="Other submissions that it was compared with, as JSON, with the digests of their rows.",
    ),
    sa.Column(
        "packages",
        sa.JSON,
        nullable=False,
        comment="Version of each package that can influence a result, as a JSON object.",
    ),
    sa.Column(
        "tables",
        sa.JSON,
        nullable=False,
        comment="Digest and number of the validated rows of each table, as a JSON object.",
    ),
    comment="The inputs of a judgement, by content, and the digests of its results.",
)

JUDGED_AGAINST = sa.Table(
    "judged_against",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True, comment="The submission judged."),
    sa.Column(
        "return_code",
        sa.String(80),
        primary_key=True,
        comment="Code of the return compared with: the same return, or another.",
    ),
    sa.Column(
        "period",
        sa.String(20),
        primary_key=True,
        comment="Period compared with; an earlier one where the return is the same.",
    ),
    sa.Column(
        "against_id",
        sa.ForeignKey("submission.id"),
        comment="The submission compared with; null where none was current.",
    ),
    comment="Another submission of the council that the submission's last judgement compared it with.",
)
"""Earlier periods of the same return, and other returns. A submission must be judged again when another submission
becomes current for one of them."""

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
"""Reminders, one for each stage. ``submission_id`` is empty without a submission; ``sent_at`` is null where only the
file was written."""

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
"""Reports sent on a judgement of a submission, or on an unrecognised receipt, once for each destination."""

RELEASE = sa.Table(
    "release",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("return_code", sa.String(80), nullable=False, comment="Code of the return."),
    sa.Column("period", sa.String(20), nullable=False, comment="Period id."),
    sa.Column("number", sa.Integer, nullable=False, comment="Number in the sequence of the period's releases, from 1."),
    sa.Column(
        "sha256", sa.String(64), nullable=False, comment="sha256 of its content: the submissions and the models."
    ),
    sa.Column("model_sha256", sa.String(64), nullable=False, comment="sha256 of the models that made it."),
    sa.Column("versions", sa.JSON, nullable=False, comment="Delta version of each published table, as a JSON object."),
    sa.Column("run_id", sa.String(100), nullable=False, comment="Id of the run that made it."),
    sa.Column("released_at", UtcTime, nullable=False, comment="Time of the release, in UTC."),
    sa.UniqueConstraint("return_code", "period", "number"),
    comment="A published version of a return's period.",
)

RELEASE_SUBMISSION = sa.Table(
    "release_submission",
    METADATA,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True, comment="The submission."),
    comment="A submission whose rows a release holds.",
)

QUERY = sa.Table(
    "query",
    METADATA,
    sa.Column(
        "id",
        sa.String(140),
        primary_key=True,
        comment="Id: return, council, period and number; the same as long as the question is the same.",
    ),
    *_council_return_columns(),
    sa.Column(
        "number",
        sa.Integer,
        nullable=False,
        comment="Number in the sequence of its return, council and period, from 1.",
    ),
    sa.Column("rule", sa.String(200), nullable=False, comment="Stable id of the rule."),
    sa.Column(
        "scope",
        sa.Text,
        nullable=False,
        comment="Codes of the part of the table that it is about; empty for the whole table.",
    ),
    sa.Column(
        "state", _enumeration(QueryState, "state"), nullable=False, comment="open, answered, accepted or expired."
    ),
    sa.Column(
        "failed", sa.BigInteger, nullable=False, comment="Number of places at which the rule is broken, or last was."
    ),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column(
        "submission_id",
        sa.ForeignKey("submission.id"),
        nullable=False,
        index=True,
        comment="The submission that shows it, or showed it last.",
    ),
    sa.Column("opened_at", UtcTime, nullable=False, comment="Time at which it was first opened, in UTC."),
    sa.Column("expired_at", UtcTime, comment="Time at which it expired, in UTC; null otherwise."),
    sa.UniqueConstraint("return_code", "council_code", "period", "rule", "scope"),
    sa.CheckConstraint("(state = 'expired') = (expired_at IS NOT NULL)", name="expired_when"),
    comment="A question to a council about something unlikely: one rule, at one scope, for one period.",
)
"""``fingerprint`` is a keyed digest of the figures that the query is about."""

QUERY_EVENT = sa.Table(
    "query_event",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True, comment="Number in order of time."),
    sa.Column("query_id", sa.ForeignKey("query.id"), nullable=False, index=True, comment="Id of the query."),
    sa.Column("at", UtcTime, nullable=False, comment="Time of the step, in UTC."),
    sa.Column(
        "step",
        _enumeration(QueryStep, "step"),
        nullable=False,
        comment="opened, answered, accepted, sent_back, changed, expired or reopened.",
    ),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), comment="The current submission at that time."),
    sa.Column(
        "failed", sa.BigInteger, nullable=False, comment="Number of places at which the rule was broken at that time."
    ),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column(
        "code",
        sa.String(80),
        nullable=False,
        comment="Code of an answer, or of the reason for an expiry; empty otherwise.",
    ),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column(
        "origin",
        sa.ForeignKey("query.id"),
        comment="Query that the answer was taken from, such as last year's; null otherwise.",
    ),
    comment="A step in the life of a query. Words and names are only for the council and the recipients.",
)
"""Rows are added and never changed."""

KNOWN_ISSUE = sa.Table(
    "known_issue",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True, comment="Number of the known issue."),
    *_council_return_columns(),
    sa.Column(
        "item_urn",
        sa.String(200),
        nullable=False,
        comment="URN of the data item; empty where the note is about the whole return.",
    ),
    sa.Column("words", sa.Text, nullable=False, comment="The note, for users of the figures."),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("role", sa.String(80), nullable=False, comment="Role of the person who added it."),
    sa.Column("source", sa.Text, nullable=False, comment="Source of the note; empty where it is the person's own."),
    sa.Column("put_at", UtcTime, nullable=False, comment="Time at which it was added, in UTC."),
    sa.Column("lifted_at", UtcTime, comment="Time at which it was lifted, in UTC; null while it shows."),
    sa.Column("lifted_by", sa.String(200), nullable=False),
    sa.Column("lift_reason", sa.Text, nullable=False),
    sa.CheckConstraint(
        "(lifted_at IS NULL) = (lifted_by = '') AND (lifted_at IS NULL) = (lift_reason = '')", name="lifted_by_one"
    ),
    sa.Index(None, "return_code", "period", "council_code"),
    comment="A note on figures of a council and period, for all users of the figures.",
)

REPAIR = sa.Table(
    "repair",
    METADATA,
    sa.Column("submission_id", sa.String(130), primary_key=True, comment="The submission judged."),
    sa.Column("judgement", sa.Integer, primary_key=True, comment="Number of the judgement."),
    sa.Column("table_name", sa.String(80), primary_key=True, comment="Table of the return."),
    sa.Column("item", sa.String(200), primary_key=True, comment="URN of the data item."),
    sa.Column("kind", _enumeration(RepairKind, "", 40), primary_key=True, comment="Kind of repair."),
    sa.Column("cells", sa.BigInteger, nullable=False, comment="Number of cells."),
    sa.ForeignKeyConstraint(["submission_id", "judgement"], ["judgement.submission_id", "judgement.number"]),
    comment="Cells of a data item that a judgement made canonical, by kind of repair.",
)
