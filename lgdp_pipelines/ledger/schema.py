"""The ledger's relational tables: columns, and the constraints that the database itself keeps.

A new column or table is added here, and in a new migration (``migrations/versions``). The comments of columns are shown
in SQL by the ledger's copy in the lake (``lake_mirror``). SQL of a single kind of database does not belong here.
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
        """The type of its values: :class:`TypeDecorator` itself would say ``object``."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a time for the database."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a time from the database."""
        return None if value is None else value.replace(tzinfo=UTC)


def _enumeration(words: type[StrEnum], check: str, length: int = 20) -> sa.Enum:
    """Return the type of a column that holds the words of an enumeration.

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
    table: sa.Table | sa.Alias, return_code: str | None, period: str | None, council_code: str | None = None
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a table's rows are of a return, period and council.

    None: any.
    """
    values = {"return_code": return_code, "period": period, "council_code": council_code}
    return [table.c[name] == value for name, value in values.items() if value is not None]


RECEIPT = sa.Table(
    "receipt",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True, comment="Number in order of arrival."),
    sa.Column("received_at", UtcTime, nullable=False, comment="When it came."),
    sa.Column(
        "state",
        _enumeration(ReceiptState, "state"),
        nullable=False,
        comment="waiting, unrecognised, duplicate or part.",
    ),
    sa.Column("return_code", sa.String(80), comment="The return; null where nobody can tell which."),
    sa.Column(
        "council_code", sa.String(3), nullable=False, comment="Register code of the council whose account it came by."
    ),
    sa.Column("period", sa.String(20), comment="Period id; null where nobody can tell which."),
    sa.Column("table_name", sa.String(80), comment="Its table, where a submission has a file for each."),
    sa.Column("file_name", sa.Text, nullable=False, comment="As the council called it."),
    sa.Column("size", sa.BigInteger, nullable=False, comment="In bytes."),
    sa.Column("sha256", sa.String(64), nullable=False, comment="Of its bytes."),
    sa.Column("transport", _enumeration(TransportKind, ""), nullable=False, comment="How it came: sftp, api or hand."),
    sa.Column("source", sa.String(80), nullable=False, comment="Where it came from."),
    sa.Column("account", sa.String(200), nullable=False, comment="Account there."),
    sa.Column("path", sa.Text, nullable=False, comment="Path in the account, or request."),
    sa.Column("modified", UtcTime, comment="When the source says that it last changed."),
    sa.Column("etag", sa.Text, comment="Mark that the source gave."),
    sa.Column("reason", sa.Text, nullable=False, comment="Why nobody can tell what it answers; empty otherwise."),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), comment="The submission."),
    sa.Column("duplicate_of", sa.ForeignKey("receipt.id"), comment="The receipt whose bytes it repeats."),
    sa.Column(
        "system",
        sa.String(80),
        nullable=False,
        server_default="",
        comment="Back-office system whose export it is; empty: in the contract's manner.",
    ),
    sa.Column(
        "nil",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether the council says that it has nothing to report.",
    ),
    sa.CheckConstraint("(state = 'part') = (submission_id IS NOT NULL)", name="part_has_submission"),
    sa.CheckConstraint("(state = 'duplicate') = (duplicate_of IS NOT NULL)", name="duplicate_of_one"),
    sa.Index(None, "return_code", "period", "council_code", "state"),
    sa.Index(None, "source", "account"),
    comment="One extract received, and what has become of it.",
)

SUBMISSION = sa.Table(
    "submission",
    METADATA,
    sa.Column("id", sa.String(130), primary_key=True, comment="Return, council, period and number."),
    sa.Column("return_code", sa.String(80), nullable=False, comment="The return; null where nobody can tell which."),
    sa.Column("council_code", sa.String(3), nullable=False, comment="Register code of the council."),
    sa.Column("period", sa.String(20), nullable=False, comment="Period id."),
    sa.Column("number", sa.Integer, nullable=False, comment="In the sequence of its return, council and period."),
    sa.Column(
        "state",
        _enumeration(SubmissionState, "state"),
        nullable=False,
        comment="judging, rejected, current, superseded or withdrawn.",
    ),
    sa.Column("opened_at", UtcTime, nullable=False, comment="When it was opened."),
    sa.Column("received_at", UtcTime, nullable=False, comment="When the last of its files came."),
    sa.UniqueConstraint("return_code", "council_code", "period", "number"),
    sa.Index(None, "return_code", "period", "state"),
    comment="What answers a return for a council and period, and what has become of it.",
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
"""The files that a submission is read from. A file may serve a later submission too, where a council sends only one
corrected file of several again."""

WITHDRAWAL = sa.Table(
    "withdrawal",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True, comment="The submission."),
    sa.Column("withdrawn_at", UtcTime, nullable=False, comment="When."),
    sa.Column("withdrawn_by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="In the council's words."),
    sa.Column(
        "finished_at", UtcTime, comment="When its rows were out of the validated slices; null where nobody knows yet."
    ),
    comment="That a council took a submission back.",
)

JUDGEMENT = sa.Table(
    "judgement",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), nullable=False, comment="The submission."),
    sa.Column("number", sa.Integer, nullable=False, comment="In the sequence of the submission's judgements."),
    sa.Column("verdict", _enumeration(Verdict, "verdict"), nullable=False, comment="accepted, queried or rejected."),
    sa.Column(
        "contract_version", sa.String(40), nullable=False, comment="Version of the contract that it was judged by."
    ),
    sa.Column("contract_sha256", sa.String(64), nullable=False, comment="Of the contract's file."),
    sa.Column("code_version", sa.String(100), nullable=False, comment="The code that judged."),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="Rows over all tables."),
    sa.Column("errors", sa.BigInteger, nullable=False, comment="Findings of severity error."),
    sa.Column("queries", sa.BigInteger, nullable=False, comment="Findings of severity query."),
    sa.Column("known_issues", sa.BigInteger, nullable=False, comment="Findings of severity known issue."),
    sa.Column("run_id", sa.String(100), nullable=False, comment="The run that judged."),
    sa.Column("judged_at", UtcTime, nullable=False, comment="When."),
    sa.UniqueConstraint("submission_id", "number"),
    comment="One judging of a submission.",
)

RULE_RESULT = sa.Table(
    "rule_result",
    METADATA,
    sa.Column("judgement_id", sa.ForeignKey("judgement.id"), primary_key=True),
    sa.Column("rule", sa.String(200), primary_key=True, comment="Stable id of the rule."),
    sa.Column("severity", _enumeration(Severity, "severity"), nullable=False, comment="error, query or known_issue."),
    sa.Column("result", _enumeration(RuleResult, "result"), nullable=False, comment="passed, failed or not_run."),
    sa.Column("failed", sa.BigInteger, nullable=False, comment="At how many places it was broken."),
    sa.Column("reason", sa.Text, nullable=False, comment="Why it was not run; empty otherwise."),
    comment="The result of a rule in a judgement.",
)

EVIDENCE = sa.Table(
    "evidence",
    METADATA,
    sa.Column("judgement_id", sa.ForeignKey("judgement.id"), primary_key=True),
    sa.Column("received_on", sa.Date, nullable=False, comment="The day, in Scotland, on which the last byte came."),
    sa.Column(
        "register_sha256",
        sa.String(64),
        nullable=False,
        comment="Of the list of the register's files, each with its sha256.",
    ),
    sa.Column("code_sha256", sa.String(64), nullable=False, comment="Of the platform's own code."),
    sa.Column("findings_sha256", sa.String(64), nullable=False, comment="Of the findings."),
    sa.Column("findings", sa.BigInteger, nullable=False, comment="How many findings are listed."),
    sa.Column(
        "inputs",
        sa.JSON,
        nullable=False,
        comment="The files read, as JSON: receipt, sha256, table, system, sha256 of the mapping.",
    ),
    sa.Column(
        "code_lists", sa.JSON, nullable=False, comment="Code lists of the contract, as JSON: id, version, sha256."
    ),
    sa.Column("reference_tables", sa.JSON, nullable=False, comment="Reference tables, as JSON: id, version, sha256."),
    sa.Column(
        "against",
        sa.JSON,
        nullable=False,
        comment="Other submissions that were read, as JSON, with the digests of their rows.",
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
        comment="Digest and number of the validated rows, by table, as a JSON object.",
    ),
    comment="What a judgement was made of, by content, and what it came to.",
)

JUDGED_AGAINST = sa.Table(
    "judged_against",
    METADATA,
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True, comment="The submission."),
    sa.Column(
        "return_code",
        sa.String(80),
        primary_key=True,
        comment="The return that it was held against: its own, or another.",
    ),
    sa.Column("period", sa.String(20), primary_key=True, comment="The period of it; of its own return an earlier one."),
    sa.Column(
        "against_id", sa.ForeignKey("submission.id"), comment="The submission there; null where none was current."
    ),
    comment="Which other submissions of its council a submission was last held against.",
)
"""Earlier periods of the same return, and other returns. A submission must be judged again where another submission has
become current at one of these places since."""

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
"""Reminders, once a stage. ``submission_id`` is empty without a submission, and ``sent_at`` where only the file was
written."""

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
    sa.Column("return_code", sa.String(80), nullable=False, comment="The return; null where nobody can tell which."),
    sa.Column("period", sa.String(20), nullable=False, comment="Period id."),
    sa.Column("number", sa.Integer, nullable=False, comment="In the sequence of the period's releases."),
    sa.Column("sha256", sa.String(64), nullable=False, comment="Of what it was made from: submissions and model."),
    sa.Column("model_sha256", sa.String(64), nullable=False, comment="Of the models that made it."),
    sa.Column("versions", sa.JSON, nullable=False, comment="Delta version of each published table, as a JSON object."),
    sa.Column("run_id", sa.String(100), nullable=False, comment="The run that made it."),
    sa.Column("released_at", UtcTime, nullable=False, comment="When."),
    sa.UniqueConstraint("return_code", "period", "number"),
    comment="A published version of a return's period.",
)

RELEASE_SUBMISSION = sa.Table(
    "release_submission",
    METADATA,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), primary_key=True, comment="The submission."),
    comment="A submission that a release holds.",
)

QUERY = sa.Table(
    "query",
    METADATA,
    sa.Column(
        "id",
        sa.String(140),
        primary_key=True,
        comment="Return, council, period and number: the same for as long as the question is the same.",
    ),
    sa.Column("return_code", sa.String(80), nullable=False, comment="The return; null where nobody can tell which."),
    sa.Column("council_code", sa.String(3), nullable=False, comment="Register code of the council."),
    sa.Column("period", sa.String(20), nullable=False, comment="Period id."),
    sa.Column("number", sa.Integer, nullable=False, comment="In the sequence of its return, council and period."),
    sa.Column("rule", sa.String(200), nullable=False, comment="Stable id of the rule."),
    sa.Column(
        "scope",
        sa.Text,
        nullable=False,
        comment="Codes of the part of the table that is meant; empty where all of it is.",
    ),
    sa.Column(
        "state", _enumeration(QueryState, "state"), nullable=False, comment="open, answered, accepted or expired."
    ),
    sa.Column("failed", sa.BigInteger, nullable=False, comment="At how many places the rule is broken, or last was."),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column(
        "submission_id",
        sa.ForeignKey("submission.id"),
        nullable=False,
        index=True,
        comment="The submission that shows it, or showed it last.",
    ),
    sa.Column("opened_at", UtcTime, nullable=False, comment="When it was first opened."),
    sa.Column("expired_at", UtcTime, comment="When it expired; null where it has not."),
    sa.UniqueConstraint("return_code", "council_code", "period", "rule", "scope"),
    sa.CheckConstraint("(state = 'expired') = (expired_at IS NOT NULL)", name="expired_when"),
    comment="Something unlikely that a council must confirm or explain: one rule, at one scope, for one period.",
)
"""``fingerprint`` is a keyed digest of the figures that the query is about."""

QUERY_EVENT = sa.Table(
    "query_event",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True, comment="In order of time."),
    sa.Column("query_id", sa.ForeignKey("query.id"), nullable=False, index=True, comment="The query."),
    sa.Column("at", UtcTime, nullable=False, comment="When."),
    sa.Column(
        "step",
        _enumeration(QueryStep, "step"),
        nullable=False,
        comment="opened, answered, accepted, sent_back, changed, expired or reopened.",
    ),
    sa.Column("submission_id", sa.ForeignKey("submission.id"), comment="The submission that stood then."),
    sa.Column("failed", sa.BigInteger, nullable=False, comment="At how many places the rule was broken then."),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("code", sa.String(80), nullable=False, comment="Of an answer, or why it expired; empty otherwise."),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column(
        "origin",
        sa.ForeignKey("query.id"),
        comment="The query whose answer was taken over, such as last year's; null otherwise.",
    ),
    comment="One step in the life of a query; what was said, and by whom, is for the council and the recipients.",
)
"""Events are added and never changed."""

KNOWN_ISSUE = sa.Table(
    "known_issue",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True, comment="Of the known issue."),
    sa.Column("return_code", sa.String(80), nullable=False, comment="The return; null where nobody can tell which."),
    sa.Column("council_code", sa.String(3), nullable=False, comment="Register code of the council."),
    sa.Column("period", sa.String(20), nullable=False, comment="Period id."),
    sa.Column(
        "item_urn",
        sa.String(200),
        nullable=False,
        comment="URN of the data item; empty where the return as a whole is meant.",
    ),
    sa.Column("words", sa.Text, nullable=False, comment="What users of the figures should know."),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("role", sa.String(80), nullable=False, comment="In which role it was put."),
    sa.Column("source", sa.Text, nullable=False, comment="Where it was read; empty where it is the person's own."),
    sa.Column("put_at", UtcTime, nullable=False, comment="When it was put."),
    sa.Column("lifted_at", UtcTime, comment="Since when it no longer shows; null where it does."),
    sa.Column("lifted_by", sa.String(200), nullable=False),
    sa.Column("lift_reason", sa.Text, nullable=False),
    sa.CheckConstraint(
        "(lifted_at IS NULL) = (lifted_by = '') AND (lifted_at IS NULL) = (lift_reason = '')", name="lifted_by_one"
    ),
    sa.Index(None, "return_code", "period", "council_code"),
    comment="A note on figures of a council and period, for everybody who uses them.",
)

REPAIR = sa.Table(
    "repair",
    METADATA,
    sa.Column("submission_id", sa.String(130), primary_key=True, comment="The submission."),
    sa.Column("judgement", sa.Integer, primary_key=True, comment="Number of the judgement."),
    sa.Column("table_name", sa.String(80), primary_key=True, comment="Table of the return."),
    sa.Column("item", sa.String(200), primary_key=True, comment="Name of the data item in its table."),
    sa.Column("kind", _enumeration(RepairKind, "", 40), primary_key=True, comment="Kind of repair."),
    sa.Column("cells", sa.BigInteger, nullable=False, comment="How many cells."),
    sa.ForeignKeyConstraint(["submission_id", "judgement"], ["judgement.submission_id", "judgement.number"]),
    comment="Cells of an item that were made canonical in a judgement.",
)
