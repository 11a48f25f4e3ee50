"""Traces: the data item, contract, submission, receipt, file and rows that a figure comes from.

Lineage gives the columns, tokens and the model's own breakdown give the rows, the ledger gives the files. A trace
repeats no cell of a council's file: it names rows and headers. Belongs here: traces and finding them. Belongs
elsewhere: printing them (``cli.trace``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lgdp_pipelines.dbt_build.model_tables import OBSERVATION, case_table, published_table
from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.query_records import RecordedIssue
from lgdp_pipelines.lineage.column_edges import ColumnEdge, LineageGraph, parse_system
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.versions.version_union import ProductShape, UnitedTable, list_products, unite_tables
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable, define_landed_table
from lgdp_pipelines.storage.pseudonym_keys import PseudonymKey
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.table_columns import ROW

_OBSERVATIONS = "conformed.observation"

_FIGURE_COLUMNS = frozenset({"value", "obs_status", "unit", "item", "item_title"})
"""Columns that are followed by the figure's own item; a dimension has an item of its own."""

RowNumbers = dict[str, tuple[int, ...]]
"""Row numbers by submission id; without any, all rows are meant."""


@dataclass(frozen=True)
class TraceRecords:
    """The records that a trace is put together from.

    Attributes:
        lake: the Delta tables.
        ledger: of submissions and receipts.
        register: of returns.
        edges: column lineage.
        key: of the tokens that name published rows.
    """

    lake: Lake
    ledger: Ledger
    register: Register
    edges: Iterable[ColumnEdge]
    key: PseudonymKey


@dataclass(frozen=True, slots=True)
class TracedItem:
    """A data item that the figure comes from.

    Attributes:
        urn: the data item.
        title: for people.
        definition: in full.
        unit: of a figure; empty for others.
        verified: ``READ``, ``memory, unverified`` or ``ours``; empty for a count of the platform.
    """

    urn: str
    title: str
    definition: str
    unit: str
    verified: str


@dataclass(frozen=True, slots=True)
class TracedColumn:
    """A column of a council's extract.

    Attributes:
        table: of the return.
        header: as in the file; ``(row)`` where the rows themselves are counted.
        item: URN of its data item; empty for rows.
        contract_version: of the contract with this header.
        system: whose export has this header, by its mapping; empty: the contract itself has it.
    """

    table: str
    header: str
    item: str
    contract_version: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class TracedReceipt:
    """A file that was received.

    Attributes:
        file_name: as the council named it.
        sha256: of its bytes.
        size: in bytes.
        received_at: in UTC.
        transport: kind of transport that it came by.
        table: that it holds; None where a file holds all tables.
        system: whose export it is; empty: a file as the contract has it.
    """

    file_name: str
    sha256: str
    size: int
    received_at: datetime
    transport: str
    table: str | None
    system: str = ""


@dataclass(frozen=True, slots=True)
class TracedSubmission:
    """A submission that the figure comes from.

    Attributes:
        id: of the submission.
        council_code: of the sender.
        period: that it is for.
        state: of the submission.
        verdict: of its latest judgement; empty without one.
        contract_version: that it was judged by; empty without one.
        receipts: its files.
        rows: row numbers in the files that the figure comes from; empty: all rows.
    """

    id: str
    council_code: str
    period: str
    state: str
    verdict: str
    contract_version: str
    receipts: tuple[TracedReceipt, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Trace:
    """The origin of a column or figure.

    Attributes:
        table: ``layer.name``.
        columns: of the table that were traced.
        return_code: the return.
        figure: the published row; None for a trace of whole columns.
        items: data items, the figure's own first.
        extract_columns: columns of councils' files.
        steps: between columns, nearest first.
        submissions: of the figure; empty without council and period.
        notes: for the reader.
        known_issues: active ones on the figures of the council and period.
    """

    table: str
    columns: tuple[str, ...]
    return_code: str
    figure: Mapping[str, object] | None
    items: tuple[TracedItem, ...]
    extract_columns: tuple[TracedColumn, ...]
    steps: tuple[ColumnEdge, ...]
    submissions: tuple[TracedSubmission, ...]
    notes: tuple[str, ...] = ()
    known_issues: tuple[RecordedIssue, ...] = ()


def find_trace(
    records: TraceRecords,
    table: str,
    column: str | None = None,
    *,
    council: str | None = None,
    period: str | None = None,
    row: int | None = None,
) -> Trace:
    """Return the origin of a column or of one figure.

    Args:
        records: the records to search.
        table: ``published.<name>`` or ``conformed.<name>``.
        column: of the table; None: ``value`` of figures, every column of cases.
        council: any code or known name; with ``period``, to trace files too.
        period: id.
        row: ``_release_row`` of a published table within council and period, ``_row`` of a conformed one.

    Raises:
        WrongUse: table, column, council, period or row do not exist.
    """
    council_code = records.register.councils.require(council).code if council is not None else None
    period_id = parse_period(period).id if period is not None else None
    if row is not None and not (council_code and period_id):
        raise WrongUse("A row number needs a council and a period.", remedy="Give --council and --period too.")
    target = _find_target(records, table, council_code, period_id)
    code = target.data_return.code
    graph = LineageGraph(tuple(edge for edge in records.edges if edge.return_code == code))
    target_slice = _Slice(records, target, council_code, period_id) if council_code and period_id else None
    rows = target_slice.read_rows(row) if target_slice else pl.DataFrame()
    figure = rows.row(0, named=True) if row is not None and rows.height == 1 else None
    columns = _choose_columns(graph, target, column)
    item = str(figure["item"]) if figure is not None and "item" in figure else ""
    steps = dict.fromkeys(
        edge
        for name in columns
        for edge in graph.trace_back(code, target.name, name, item if name in _FIGURE_COLUMNS else "")
    )
    items = _describe_items(target.data_return, [item, *(edge.item for edge in steps)])
    notes: list[str] = []
    row_numbers = target_slice.find_row_numbers(row, rows, notes) if target_slice else {}
    submissions = tuple(_describe_submission(records.ledger, *numbers) for numbers in row_numbers.items())
    return Trace(
        table=target.name,
        columns=columns,
        return_code=code,
        figure=None if figure is None else {name: value for name, value in figure.items() if not name.startswith("_")},
        items=items,
        extract_columns=_list_extract_columns(steps, submissions),
        steps=tuple(steps),
        submissions=submissions,
        notes=tuple(notes),
        known_issues=target_slice.find_known_issues(items) if target_slice else (),
    )


@dataclass(frozen=True)
class _Target:
    """A table that can be traced.

    Attributes:
        data_return: the return.
        lake_table: the table in the lake.
        tables: of the return that its rows come from.
        shape: of its rows.
    """

    data_return: Return
    lake_table: LakeTable
    tables: tuple[UnitedTable, ...]
    shape: ProductShape

    @property
    def name(self) -> str:
        """Name of the table, as ``layer.name``."""
        return f"{self.lake_table.layer}.{self.lake_table.name}"


def _find_target(records: TraceRecords, table: str, council_code: str | None, period: str | None) -> _Target:
    """Return the traceable table with a name; refuse any other name.

    For the shared table of figures, one return's part of it.
    """
    targets = {target.name: target for target in _list_targets(records.register)}
    if table in targets:
        return targets[table]
    slugs = [data_return.slug for data_return in records.register.returns.values()]
    if table in {_OBSERVATIONS, *(f"{_OBSERVATIONS}__{slug}" for slug in slugs)}:
        return _find_observations(records, table, council_code, period)
    choices = [target.name for target in targets.values() if target.lake_table.layer == "published"]
    raise WrongUse(f"Table “{table}” cannot be traced.", remedy=f"Choose one of: {', '.join(choices)}.")


def _list_targets(register: Register) -> Iterator[_Target]:
    """Yield every published table, and every table of conformed cases."""
    for data_return in register.returns.values():
        for product in list_products(data_return):
            yield _Target(data_return, published_table(product), product.tables, product.shape)
            if product.shape is ProductShape.CASES:
                (table,) = product.tables
                yield _Target(data_return, case_table(table), product.tables, product.shape)


def _find_observations(records: TraceRecords, table: str, council_code: str | None, period: str | None) -> _Target:
    """Return one return's part of the figures; refuse if not exactly one.

    The return follows from the table's name, from the kind of the period, or from the rows of council and period.
    """
    slug = table.removeprefix(_OBSERVATIONS).removeprefix("__")
    returns = [data_return for data_return in records.register.returns.values() if slug in ("", data_return.slug)]
    if period:
        kind = parse_period(period).kind
        returns = [data_return for data_return in returns if data_return.latest.period_kind is kind]
    if len(returns) > 1 and council_code and period:
        scope = {"period": period, "council_code": council_code}
        codes = set(records.lake.read(OBSERVATION, scope, ["return_code"])["return_code"])
        returns = [data_return for data_return in returns if data_return.code in codes] or returns
    if len(returns) != 1:
        choices = ", ".join(
            f"{_OBSERVATIONS}__{data_return.slug}" for data_return in returns or records.register.returns.values()
        )
        raise WrongUse(f"{_OBSERVATIONS} holds figures of several returns.", remedy=f"Choose one of: {choices}.")
    (data_return,) = returns
    return _Target(data_return, OBSERVATION, unite_tables(data_return), ProductShape.FIGURES)


def _choose_columns(graph: LineageGraph, target: _Target, column: str | None) -> tuple[str, ...]:
    """Return the named column, or by default a figure's value or all.

    Without a column: ``value`` of figures, every column of cases.
    """
    names = graph.list_columns(target.data_return.code, target.name)
    if column is None:
        return ("value",) if "value" in names and target.shape is not ProductShape.CASES else tuple(names)
    if column not in names:
        raise WrongUse(f"{target.name} has no column “{column}”.", remedy=f"Choose one of: {', '.join(names)}.")
    return (column,)


def _describe_items(data_return: Return, urns: Iterable[str]) -> tuple[TracedItem, ...]:
    """Return the items of known URNs, each once and in order."""
    tables = [table for contract in data_return.contracts for table in contract.tables]
    items_by_urn = {
        item.urn: TracedItem(item.urn, item.title, item.definition, item.unit, item.provenance.verified)
        for table in tables
        for item in table.all_items
    }
    for table in tables:
        text = f"Counted by the platform over the rows of {table.title}."
        items_by_urn |= {count.urn: TracedItem(count.urn, count.title, text, count.unit, "") for count in table.counts}
    return tuple(items_by_urn[urn] for urn in dict.fromkeys(urns) if urn in items_by_urn)


def _list_extract_columns(
    steps: Iterable[ColumnEdge], submissions: Sequence[TracedSubmission]
) -> tuple[TracedColumn, ...]:
    """Return the extract columns that steps reach, limited to submissions' own contracts.

    These are the contracts and mappings that read them. Without submissions, all columns are returned.
    """
    versions = {submission.contract_version for submission in submissions if submission.contract_version}
    edges = [edge for edge in steps if edge.from_table.startswith("extract.")]
    systems = _choose_systems({parse_system(edge.from_table) for edge in edges}, submissions)
    columns = [
        TracedColumn(edge.from_table.rsplit(".", 1)[1], edge.from_column, edge.item, edge.contract_version, system)
        for edge in edges
        if (system := parse_system(edge.from_table)) in systems and (not versions or edge.contract_version in versions)
    ]
    return tuple(dict.fromkeys(columns))


def _choose_systems(known_systems: AbstractSet[str], submissions: Sequence[TracedSubmission]) -> AbstractSet[str]:
    """Return the submissions' systems; all known systems without submissions.

    A council's own mapping goes before the system's.
    """
    systems = {
        (receipt.system, f"{receipt.system}@{submission.council_code}")
        for submission in submissions
        for receipt in submission.receipts
    }
    if not submissions:
        return known_systems
    return {own_mapping if own_mapping in known_systems else system for system, own_mapping in systems}


@dataclass(frozen=True)
class _Slice:
    """The rows of one council and period in a table.

    Attributes:
        records: the records to search.
        target: the table.
        council_code: of the council.
        period: id.
    """

    records: TraceRecords
    target: _Target
    council_code: str
    period: str

    @property
    def scope(self) -> Mapping[str, str]:
        """The slice as a filter of the lake."""
        return {"period": self.period, "council_code": self.council_code}

    def read_rows(self, row: int | None) -> pl.DataFrame:
        """Return the slice's rows, or one by number; raise without any.

        Raises:
            WrongUse: the slice is empty, or has no row of the number.
        """
        lake, lake_table = self.records.lake, self.target.lake_table
        constants = {"return_code": self.target.data_return.code} if lake_table is OBSERVATION else {}
        rows = lake.read(lake_table, {**self.scope, **constants}) if lake.exists(lake_table) else pl.DataFrame()
        if rows.is_empty():
            raise WrongUse(
                f"{self.target.name} has no rows of {self.council_code} for {self.period}.",
                remedy="Run `lgdp status` to see who has submitted what.",
            )
        if row is None:
            return rows
        matching_rows = rows.filter(pl.col("_release_row" if lake_table.layer == "published" else ROW) == row)
        if matching_rows.is_empty():
            raise WrongUse(f"{self.target.name} has no row {row} of {self.council_code} for {self.period}.")
        return matching_rows

    def find_row_numbers(self, row: int | None, rows: pl.DataFrame, notes: list[str]) -> RowNumbers:
        """Return row numbers by submission, empty for all rows; add notes."""
        release = self.records.ledger.releases.find_latest(self.target.data_return.code, self.period)
        released_id = release.submissions.get(self.council_code) if release else None
        if row is None:
            if "_submission_id" in rows.columns:
                return {str(submission_id): () for submission_id in rows["_submission_id"].unique().sort()}
            row_numbers: RowNumbers = {released_id: ()} if released_id else {}
        elif self.target.shape is ProductShape.COUNTS:
            row_numbers = self._find_counted_rows(rows.row(0, named=True))
            if rows["obs_status"][0] == ObservationStatus.SUPPRESSED:
                notes.append("The figure is withheld: how many rows it counts is not to be passed on.")
            if released_id is not None and row_numbers and set(row_numbers) != {released_id}:
                notes.append(f"The release was made from {released_id}; a later submission has been conformed since.")
        elif "_trace_id" in rows.columns:
            row_numbers = self._resolve_token(str(rows["_trace_id"][0]))
        else:
            row_numbers = _group_rows(rows)
        if not row_numbers:
            notes.append("The rows that this figure was made from are no longer kept.")
        return row_numbers

    def find_known_issues(self, items: Iterable[TracedItem]) -> tuple[RecordedIssue, ...]:
        """Return the active known issues on these items or the return."""
        urns = {"", *(item.urn for item in items)}
        active_issues = self.records.ledger.known_issues.find_active(
            self.target.data_return.code, council_code=self.council_code, period=self.period
        )
        return tuple(known_issue for known_issue in active_issues if known_issue.issue.item_urn in urns)

    def _resolve_token(self, trace_id: str) -> RowNumbers:
        """Return the landed row that a published row's token names, if kept.

        Landed tables hold the rows of every submission, current or not.
        """
        landed_slices = (
            self.records.lake.read(define_landed_table(contract, table), self.scope, ["_submission_id", ROW])
            for united in self.target.tables
            for contract, table in united.majors.values()
        )
        matches: Iterator[RowNumbers] = (
            {str(submission_id): (int(number),)}
            for landed in landed_slices
            for submission_id, number in landed.sort("_submission_id", ROW, descending=[True, False]).iter_rows()
            if self.records.key.derive_trace_id(str(submission_id), int(number)) == trace_id
        )
        return next(matches, {})

    def _find_counted_rows(self, figure: Mapping[str, object]) -> RowNumbers:
        """Return the rows of the cases that a figure counts.

        These have the figure's code in each dimension.
        """
        table, dimensions = next(
            (table, count.by) for table in self.target.tables for count in table.counts if count.urn == figure["item"]
        )
        cases = self.records.lake.read(case_table(table), self.scope)
        for name in dimensions:
            code = figure[f"{name}_given"] if f"{name}_given" in figure else figure[name]
            cases = cases.filter(pl.col(name).cast(pl.String).eq_missing(pl.lit(code, pl.String)))
        return _group_rows(cases)


def _group_rows(rows: pl.DataFrame) -> RowNumbers:
    """Return row numbers by submission.

    A counted figure has no row of its own.
    """
    groups = rows.group_by("_submission_id").agg(pl.col(ROW).unique().sort()).sort("_submission_id")
    return {str(submission_id): tuple(numbers) for submission_id, numbers in groups.iter_rows()}


def _describe_submission(ledger: Ledger, submission_id: str, rows: tuple[int, ...]) -> TracedSubmission:
    """Return a submission with its files and row numbers."""
    try:
        submission = ledger.submissions.get(submission_id)
    except WrongUse:
        raise LedgerError(
            "A figure names a submission that the ledger does not know.",
            where=submission_id,
            remedy="Run `lgdp revalidate` for its return and period.",
        ) from None
    judgement = ledger.judgements.find(submission_id)
    receipts = tuple(
        TracedReceipt(
            receipt.file_name,
            receipt.sha256,
            receipt.size,
            receipt.received_at,
            str(receipt.transport),
            receipt.table,
            receipt.system,
        )
        for receipt in ledger.submissions.list_receipts(submission_id)
    )
    return TracedSubmission(
        id=submission.id,
        council_code=submission.council_code,
        period=submission.period,
        state=str(submission.state),
        verdict=str(judgement.verdict) if judgement else "",
        contract_version=judgement.contract_version if judgement else "",
        receipts=receipts,
        rows=rows,
    )
