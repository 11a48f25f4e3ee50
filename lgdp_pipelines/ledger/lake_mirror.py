"""The ledger's copy in the lake, so that SQL can join it with the data.

The copy is derived from the ledger's schema: columns keep their types and comments, and this module declares only the
columns and rows to copy. Nothing reads the copy back into the ledger.

Answers to queries are for councils and recipients, so their words and people's names are not copied. A known issue is
for everybody, so its words are copied. Rule results and repairs are those of each submission's latest judgement, as the
findings are.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.rule_effectiveness import count_send_backs, select_answer_code, select_expiry_reason
from lgdp_pipelines.ledger.schema import (
    EVIDENCE,
    JUDGED_AGAINST,
    JUDGEMENT,
    KNOWN_ISSUE,
    QUERY,
    QUERY_EVENT,
    RECEIPT,
    RELEASE,
    RELEASE_SUBMISSION,
    REPAIR,
    RULE_RESULT,
    SUBMISSION,
    WITHDRAWAL,
)
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

_ARROW_TYPES = {
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us", "UTC"),
    int: pa.int64(),
    str: pa.string(),
}
_FREE_TEXT = frozenset({"file_name", "path", "account", "etag", "reason", "words", "source"})
"""Columns of text that people wrote, which the statistics in the Delta log leave out."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a copy.

    Attributes:
        source: the column or expression of the ledger.
        name: in the copy.
        comment: shown in SQL.
    """

    source: sa.ColumnElement[Any]
    name: str
    comment: str

    @property
    def selection(self) -> sa.ColumnElement[Any]:
        """Selection from the ledger, with JSON and enumerations as text."""
        source = self.source
        if isinstance(source.type, sa.JSON | sa.Enum):
            source = sa.cast(source, sa.Text)
        return source.label(self.name)


def _build_column(source: sa.Column[Any], name: str = "", comment: str = "") -> _Column:
    """Return a copied column; name and comment default to the source's."""
    return _Column(source, name or source.name, comment or source.comment or "")


def _list_columns(table: sa.Table, *, without: Collection[str] = ()) -> tuple[_Column, ...]:
    """Return a table's columns without the return's code and given names."""
    return tuple(_build_column(column) for column in table.c if column.name not in {"return_code", *without})


@dataclass(frozen=True, slots=True)
class _Copy:
    """A table of the copy.

    Attributes:
        table: of the ledger, which gives the copy its name and description.
        columns: after the return's code.
        order: of the rows.
        rows: the table, joined where columns come from other tables; None: the table alone.
        return_code: the column with the return's code; None: the table's own.
        description: of a row; empty: the table's own.
    """

    table: sa.Table
    columns: Sequence[_Column]
    order: Sequence[sa.ColumnElement[Any]]
    rows: sa.FromClause | None = None
    return_code: sa.Column[str | None] | None = None
    description: str = ""

    @property
    def _code(self) -> sa.Column[Any]:
        """Column with the return's code."""
        return self.table.c.return_code if self.return_code is None else self.return_code

    @property
    def lake_table(self) -> LakeTable:
        """The definition of the table in the lake, partitioned by ``return_code``."""
        columns = (_build_column(self._code, "return_code"), *self.columns)
        return LakeTable(
            "ledger",
            self.table.name,
            pa.schema([(column.name, _ARROW_TYPES[column.selection.type.python_type]) for column in columns]),
            ("return_code",),
            tuple(column.name for column in columns if column.name not in _FREE_TEXT),
            self.description or self.table.comment or "",
            MappingProxyType({column.name: column.comment for column in columns}),
        )

    def select(self, return_code: str | None) -> sa.Select[tuple[Any, ...]]:
        """Return the statement that selects a return's rows, in order.

        A code of None selects the rows without a return.
        """
        return (
            sa.select(self._code.label("return_code"), *(column.selection for column in self.columns))
            .select_from(self.table if self.rows is None else self.rows)
            .where(self._code.is_not_distinct_from(return_code))
            .order_by(*self.order)
        )


_JUDGEMENT_NUMBER = _build_column(JUDGEMENT.c.number, "judgement", "Number of the judgement.")
_LATEST = (
    sa.select(JUDGEMENT.c.submission_id, sa.func.max(JUDGEMENT.c.number).label("number"))
    .group_by(JUDGEMENT.c.submission_id)
    .subquery("latest")
)
_JUDGED = JUDGEMENT.join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)

_COPIES = {
    copy.table.name: copy
    for copy in (
        _Copy(RECEIPT, _list_columns(RECEIPT), [RECEIPT.c.id]),
        _Copy(SUBMISSION, _list_columns(SUBMISSION), [SUBMISSION.c.id]),
        _Copy(
            WITHDRAWAL,
            _list_columns(WITHDRAWAL, without=["withdrawn_by"]),
            [WITHDRAWAL.c.submission_id],
            WITHDRAWAL.join(SUBMISSION, SUBMISSION.c.id == WITHDRAWAL.c.submission_id),
            SUBMISSION.c.return_code,
        ),
        _Copy(
            JUDGED_AGAINST,
            [
                _build_column(JUDGED_AGAINST.c.submission_id),
                _build_column(JUDGED_AGAINST.c.return_code, "against_return_code"),
                *_list_columns(JUDGED_AGAINST, without=["submission_id"]),
            ],
            [JUDGED_AGAINST.c.submission_id, JUDGED_AGAINST.c.return_code, JUDGED_AGAINST.c.period],
            JUDGED_AGAINST.join(SUBMISSION, SUBMISSION.c.id == JUDGED_AGAINST.c.submission_id),
            SUBMISSION.c.return_code,
        ),
        _Copy(JUDGEMENT, _list_columns(JUDGEMENT, without=["id"]), [JUDGEMENT.c.id], _JUDGED, SUBMISSION.c.return_code),
        _Copy(
            EVIDENCE,
            [
                _build_column(JUDGEMENT.c.submission_id),
                _JUDGEMENT_NUMBER,
                *_list_columns(EVIDENCE, without=["judgement_id"]),
            ],
            [JUDGEMENT.c.id],
            _JUDGED.join(EVIDENCE, EVIDENCE.c.judgement_id == JUDGEMENT.c.id),
            SUBMISSION.c.return_code,
        ),
        _Copy(
            RULE_RESULT,
            [
                _build_column(JUDGEMENT.c.submission_id),
                _JUDGEMENT_NUMBER,
                *_list_columns(RULE_RESULT, without=["judgement_id"]),
            ],
            [JUDGEMENT.c.id, RULE_RESULT.c.rule],
            _JUDGED.join(RULE_RESULT, RULE_RESULT.c.judgement_id == JUDGEMENT.c.id).join(
                _LATEST,
                sa.and_(_LATEST.c.submission_id == JUDGEMENT.c.submission_id, _LATEST.c.number == JUDGEMENT.c.number),
            ),
            SUBMISSION.c.return_code,
            "The result of a rule in the latest judgement of a submission.",
        ),
        _Copy(RELEASE, _list_columns(RELEASE, without=["id"]), [RELEASE.c.id]),
        _Copy(
            RELEASE_SUBMISSION,
            [
                _build_column(RELEASE.c.period),
                _build_column(RELEASE.c.number, comment="Number of the release."),
                _build_column(SUBMISSION.c.council_code),
                _build_column(RELEASE_SUBMISSION.c.submission_id),
            ],
            [RELEASE.c.id, SUBMISSION.c.council_code],
            RELEASE.join(RELEASE_SUBMISSION, RELEASE_SUBMISSION.c.release_id == RELEASE.c.id).join(
                SUBMISSION, SUBMISSION.c.id == RELEASE_SUBMISSION.c.submission_id
            ),
            RELEASE.c.return_code,
        ),
        _Copy(
            QUERY,
            [
                *(
                    _build_column(QUERY.c[name])
                    for name in ("submission_id", "rule", "state", "failed", "opened_at", "expired_at")
                ),
                *(_build_column(QUERY.c[name]) for name in ("id", "council_code", "period", "number", "scope")),
                _Column(select_answer_code(), "answer_code", "Code of the current answer; null without one."),
                _Column(
                    select_expiry_reason(),
                    "ending",
                    "Reason for the last expiry: corrected, judged_again or withdrawn; null if it never expired.",
                ),
                _Column(count_send_backs(), "sent_back", "Number of times that an answer was sent back."),
            ],
            [QUERY.c.id],
        ),
        _Copy(
            QUERY_EVENT,
            [_build_column(QUERY_EVENT.c.id, "number"), *_list_columns(QUERY_EVENT, without=["id", "by", "words"])],
            [QUERY_EVENT.c.id],
            QUERY_EVENT.join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id),
            QUERY.c.return_code,
        ),
        _Copy(
            KNOWN_ISSUE,
            [
                *(_build_column(KNOWN_ISSUE.c[name]) for name in ("council_code", "period", "number")),
                _build_column(KNOWN_ISSUE.c.item_urn, "item"),
                *(_build_column(KNOWN_ISSUE.c[name]) for name in ("words", "role", "source", "put_at", "lifted_at")),
            ],
            [KNOWN_ISSUE.c.number],
        ),
        _Copy(
            REPAIR,
            _list_columns(REPAIR),
            list(REPAIR.primary_key.columns),
            REPAIR.join(SUBMISSION, SUBMISSION.c.id == REPAIR.c.submission_id).join(
                _LATEST,
                sa.and_(_LATEST.c.submission_id == REPAIR.c.submission_id, _LATEST.c.number == REPAIR.c.judgement),
            ),
            SUBMISSION.c.return_code,
            "Cells of an item that were made canonical in the latest judgement of a submission.",
        ),
    )
}

TABLES = {name: copy.lake_table for name, copy in _COPIES.items()}
"""All tables of the copy, by name."""


@dataclass
class MirrorMemory:
    """The state of the copy that this process last saw.

    With it, an unchanged ledger needs no access to the lake.

    Attributes:
        digests: of the rows last found or written, by table name and return code.
    """

    digests: dict[tuple[str, str | None], str] = field(default_factory=dict)


def copy_to_lake(
    database: Database, lake: Lake, return_code: str, memory: MirrorMemory, names: Collection[str] = ()
) -> None:
    """Replace a return's changed tables, and unrecognised receipts, in the lake.

    A write that meets another writer reads the ledger again, so that an older copy never replaces a newer one.

    Args:
        database: the ledger's.
        lake: to copy to.
        return_code: of the return.
        memory: the copy as this process last saw it.
        names: of the tables; empty: all.
    """
    for name in names or TABLES:
        for code in (return_code, None) if name == "receipt" else (return_code,):
            table = TABLES[name]
            read_rows = partial(_read_rows, database, name, code)
            rows = read_rows()
            digest = hashlib.sha256(repr(rows.to_pylist()).encode()).hexdigest()
            key = (name, code)
            if memory.digests.get(key) == digest:
                continue
            if key in memory.digests or not _is_copied(lake, table, code, rows):
                lake.replace_slice(table, read_rows, where={"return_code": code}, commit={"mirror": "ledger"})
            memory.digests[key] = digest


def _is_copied(lake: Lake, table: LakeTable, return_code: str | None, rows: pa.Table) -> bool:
    """Return whether the lake has exactly these rows of a return."""
    if not lake.exists(table) or not set(table.arrow_schema.names) <= set(lake.schema(table).names):
        return False
    order = [(name, "ascending") for name in table.arrow_schema.names]
    copy = lake.read(table, {"return_code": return_code}, table.arrow_schema.names).to_arrow().cast(table.arrow_schema)
    return bool(copy.sort_by(order).equals(rows.sort_by(order)))


def _read_rows(database: Database, name: str, return_code: str | None) -> pa.Table:
    """Return a return's rows of a table, read from the ledger."""
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(_COPIES[name].select(return_code)).mappings()]
    return pa.Table.from_pylist(rows, schema=TABLES[name].arrow_schema)
