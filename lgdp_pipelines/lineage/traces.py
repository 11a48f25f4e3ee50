"""Traces: the data item, contract, submission, receipt, file and rows that a figure comes from.

Lineage gives the columns, tokens and the model's own breakdown give the rows, the ledger gives the files. A trace
repeats no cell of a council's file: it names rows and headers. Belongs here: traces and finding them. Belongs
elsewhere: printing them (``cli.trace``).
"""

from collections.abc import Iterable, Mapping, Sequence
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

_OBSERVATIONS = "conformed.observation"

_FIGURE_COLUMNS = frozenset({"value", "obs_status", "unit", "item", "item_title"})
"""Columns that lead back by the figure's own item; a dimension has an item of its own."""

RowNumbers = dict[str, tuple[int, ...]]
"""Row numbers by submission id; none means all rows."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """The column or figure to trace.

    Attributes:
        table: ``published.<name>`` or ``conformed.<name>``.
        column: of the table; None: ``value`` of figures, every column of cases.
        council: any code or known name; with ``period``, to trace files too.
        period: id.
        row: ``_release_row`` of a published table within council and period, ``_row`` of a conformed one.
    """

    table: str
    column: str | None = None
    council: str | None = None
    period: str | None = None
    row: int | None = None


@dataclass(frozen=True)
class TraceSources:
    """The records that traces are found in.

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
        file_name: the council's own.
        sha256: of its bytes.
        size: in bytes.
        received_at: in UTC.
        transport: by which it came.
        table: that it holds, where a submission has a file for each table.
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
        verdict: of its latest judgement; empty for none.
        contract_version: that it was judged by; empty for no judgement.
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
        figure: the published row; None for no single row.
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


def find_trace(request: TraceRequest, sources: TraceSources) -> Trace:
    """Return the origin of a column, or of one figure.

    Raises:
        WrongUse: table, column, council, period or row do not exist.
    """
    council = sources.register.councils.require(request.council).code if request.council else None
    period = parse_period(request.period).id if request.period else None
    scope = {"period": period, "council_code": council} if council and period else None
    if request.row is not None and scope is None:
        raise WrongUse("A row number needs a council and a period.", remedy="Give --council and --period too.")
    target = _find_target(sources, request.table, council, period)
    code = target.data_return.code
    graph = LineageGraph(tuple(edge for edge in sources.edges if edge.return_code == code))
    rows = None if scope is None else _read_rows(sources.lake, target, scope, request.row)
    figure = rows.row(0, named=True) if request.row is not None and rows is not None and rows.height == 1 else None
    columns = _choose_columns(graph, target, request.column)
    item = str(figure["item"]) if figure is not None and "item" in figure else ""
    steps = dict.fromkeys(
        edge
        for column in columns
        for edge in graph.trace_back(code, target.name, column, item if column in _FIGURE_COLUMNS else "")
    )
    items = _describe_items(target.data_return, [item, *(edge.item for edge in steps)])
    submissions: tuple[TracedSubmission, ...] = ()
    notes: list[str] = []
    known_issues: tuple[RecordedIssue, ...] = ()
    if council and period and rows is not None:
        row_numbers = _RowFinder(sources, target, council, period).find(request.row, rows, notes)
        submissions = tuple(_describe_submission(sources.ledger, *found) for found in row_numbers.items())
        urns = {"", *(traced.urn for traced in items)}
        active = sources.ledger.known_issues.find_active(code, council, period)
        known_issues = tuple(known_issue for known_issue in active if known_issue.issue.item_urn in urns)
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
        known_issues=known_issues,
    )


@dataclass(frozen=True)
class _Target:
    """A table that can be traced.

    Attributes:
        data_return: the return.
        stored: the table in the lake.
        tables: of the return that its rows come from.
        shape: of its rows.
        number_column: column of the row number that a request names.
    """

    data_return: Return
    stored: LakeTable
    tables: tuple[UnitedTable, ...]
    shape: ProductShape
    number_column: str

    @property
    def name(self) -> str:
        """``layer.name``."""
        return f"{self.stored.layer}.{self.stored.name}"


def _find_target(sources: TraceSources, table: str, council: str | None, period: str | None) -> _Target:
    targets = list(_list_targets(sources.register))
    for target in targets:
        if target.name == table:
            return target
    slugs = [data_return.slug for data_return in sources.register.returns.values()]
    if table in {_OBSERVATIONS, *(f"{_OBSERVATIONS}__{slug}" for slug in slugs)}:
        return _find_observations(sources, table, council, period)
    published = [target.name for target in targets if target.stored.layer == "published"]
    raise WrongUse(f"Table “{table}” cannot be traced.", remedy=f"Choose one of: {', '.join(published)}.")


def _list_targets(register: Register) -> Iterable[_Target]:
    """Yield every published table, and every table of conformed cases."""
    for data_return in register.returns.values():
        for product in list_products(data_return):
            stored = published_table(product)
            yield _Target(data_return, stored, product.tables, product.shape, "_release_row")
            if product.shape is ProductShape.CASES:
                (table,) = product.tables
                yield _Target(data_return, case_table(table), product.tables, product.shape, "_row")


def _find_observations(sources: TraceSources, table: str, council: str | None, period: str | None) -> _Target:
    """Return a return's slice of the shared table: by its name, the period's kind, or the rows that are there."""
    slug = table.removeprefix(_OBSERVATIONS).removeprefix("__")
    returns = [data_return for data_return in sources.register.returns.values() if slug in ("", data_return.slug)]
    if period is not None:
        kind = parse_period(period).kind
        returns = [data_return for data_return in returns if data_return.latest.period_kind is kind]
    if len(returns) > 1 and council and period and sources.lake.exists(OBSERVATION):
        rows = sources.lake.read(OBSERVATION, {"period": period, "council_code": council}, ["return_code"])
        present = set(rows["return_code"].unique())
        returns = [data_return for data_return in returns if data_return.code in present] or returns
    if len(returns) != 1:
        choices = ", ".join(
            f"{_OBSERVATIONS}__{data_return.slug}" for data_return in returns or sources.register.returns.values()
        )
        raise WrongUse(f"{_OBSERVATIONS} holds figures of several returns.", remedy=f"Choose one of: {choices}.")
    (data_return,) = returns
    return _Target(data_return, OBSERVATION, unite_tables(data_return), ProductShape.FIGURES, "_row")


def _read_rows(lake: Lake, target: _Target, scope: Mapping[str, str], row: int | None) -> pl.DataFrame:
    """Return the slice's rows, or the one that the request names."""
    constants = {"return_code": target.data_return.code} if target.stored is OBSERVATION else {}
    rows = lake.read(target.stored, {**scope, **constants}) if lake.exists(target.stored) else pl.DataFrame()
    if rows.is_empty():
        raise WrongUse(
            f"{target.name} has no rows of {scope['council_code']} for {scope['period']}.",
            remedy="Run `lgdp status` to see who has submitted what.",
        )
    if row is None:
        return rows
    matching_rows = rows.filter(pl.col(target.number_column) == row)
    if matching_rows.is_empty():
        raise WrongUse(f"{target.name} has no row {row} of {scope['council_code']} for {scope['period']}.")
    return matching_rows


def _choose_columns(graph: LineageGraph, target: _Target, column: str | None) -> tuple[str, ...]:
    known = graph.list_columns(target.data_return.code, target.name)
    if column is None:
        return ("value",) if "value" in known and target.shape is not ProductShape.CASES else tuple(known)
    if column not in known:
        raise WrongUse(f"{target.name} has no column “{column}”.", remedy=f"Choose one of: {', '.join(known)}.")
    return (column,)


def _describe_items(data_return: Return, urns: Iterable[str]) -> tuple[TracedItem, ...]:
    described: dict[str, TracedItem] = {}
    for contract in data_return.contracts:
        for table in contract.tables:
            for item in table.all_items:
                described[item.urn] = TracedItem(
                    item.urn, item.title, item.definition, item.unit, item.provenance.verified
                )
            for count in table.counts:
                text = f"Counted by the platform over the rows of {table.title}."
                described[count.urn] = TracedItem(count.urn, count.title, text, count.unit, "")
    return tuple(described[urn] for urn in dict.fromkeys(urns) if urn in described)


def _list_extract_columns(
    steps: Iterable[ColumnEdge], submissions: Sequence[TracedSubmission]
) -> tuple[TracedColumn, ...]:
    """Return columns of extracts.

    Of known submissions, by the contracts and mappings that read them.
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


def _choose_systems(known: AbstractSet[str], submissions: Sequence[TracedSubmission]) -> AbstractSet[str]:
    """Return the systems of the submissions, a council's own mapping before the system's.

    Without submissions, all.
    """
    systems = set()
    for submission in submissions:
        for receipt in submission.receipts:
            own_mapping = f"{receipt.system}@{submission.council_code}"
            systems.add(own_mapping if own_mapping in known else receipt.system)
    return systems if submissions else known


@dataclass(frozen=True)
class _RowFinder:
    """Finds the submissions and rows of a slice, or of one of its rows."""

    sources: TraceSources
    target: _Target
    council: str
    period: str

    def find(self, row: int | None, rows: pl.DataFrame, notes: list[str]) -> RowNumbers:
        """Return row numbers by submission, and add to the notes."""
        released = self._find_released_submission()
        if row is None:
            if "_submission_id" in rows.columns:
                return {str(submission_id): () for submission_id in rows["_submission_id"].unique().sort()}
            row_numbers: RowNumbers = {released: ()} if released else {}
        elif self.target.shape is ProductShape.COUNTS:
            row_numbers = self._find_counted_rows(rows.row(0, named=True))
            if rows["obs_status"][0] == ObservationStatus.SUPPRESSED:
                notes.append("The figure is withheld: how many rows it counts is not to be passed on.")
            if released is not None and row_numbers and set(row_numbers) != {released}:
                notes.append(f"The release was made from {released}; a later submission has been conformed since.")
        elif "_trace_id" in rows.columns:
            row_numbers = self._resolve_token(str(rows["_trace_id"][0]))
        else:
            row_numbers = _group_rows(rows)
        if not row_numbers:
            notes.append("The rows that this figure was made from are no longer kept.")
        return row_numbers

    def _find_released_submission(self) -> str | None:
        """Return the id of the submission in the latest release."""
        release = self.sources.ledger.releases.find_latest(self.target.data_return.code, self.period)
        return release.submissions.get(self.council) if release else None

    def _resolve_token(self, trace_id: str) -> RowNumbers:
        """Return the landed row of a token.

        Landed tables hold the rows of every submission, current or not.
        """
        scope = {"period": self.period, "council_code": self.council}
        for united in self.target.tables:
            for contract, table in united.majors.values():
                landed = self.sources.lake.read(define_landed_table(contract, table), scope, ["_submission_id", "_row"])
                for submission_id, number in landed.sort(
                    "_submission_id", "_row", descending=[True, False]
                ).iter_rows():
                    if self.sources.key.derive_trace_id(str(submission_id), int(number)) == trace_id:
                        return {str(submission_id): (int(number),)}
        return {}

    def _find_counted_rows(self, figure: Mapping[str, object]) -> RowNumbers:
        """Return the conformed cases of a count: those with the figure's codes in each dimension."""
        table, dimensions = next(
            (table, count.by) for table in self.target.tables for count in table.counts if count.urn == figure["item"]
        )
        cases = self.sources.lake.read(case_table(table), {"period": self.period, "council_code": self.council})
        for name in dimensions:
            code = figure[f"{name}_given"] if f"{name}_given" in figure else figure[name]
            cases = cases.filter(pl.col(name).cast(pl.String).eq_missing(pl.lit(code, pl.String)))
        return _group_rows(cases)


def _group_rows(rows: pl.DataFrame) -> RowNumbers:
    """Return row numbers by submission id.

    A counted figure has no row of its own.
    """
    numbered = rows.select("_submission_id", "_row").unique().sort("_submission_id", "_row")
    groups = numbered.group_by("_submission_id", maintain_order=True).agg("_row")
    return {str(submission_id): tuple(numbers) for submission_id, numbers in groups.iter_rows()}


def _describe_submission(ledger: Ledger, submission_id: str, rows: tuple[int, ...]) -> TracedSubmission:
    try:
        submission = ledger.submissions.get(submission_id)
    except WrongUse:
        raise LedgerError(
            "A figure names a submission that the ledger does not know.",
            where=submission_id,
            remedy="Run `lgdp revalidate` for its return and period.",
        ) from None
    judgement = ledger.judgements.find_latest(submission_id)
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
