"""Tracing: which data item, contract, submission, receipt, file and rows a published or conformed figure comes from.

Lineage says which columns, tokens and the model's own breakdown say which rows, the ledger says whose files. No cell of
a council's file is repeated: the answer names rows and headers, never what stands there. What belongs here: finding the
answer. What does not: its shape (``traced``), and printing it.
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
from lgdp_pipelines.storage.lake_tables import LakeTable, landed_table
from lgdp_pipelines.storage.pseudonym_keys import TokenKey
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import parse_period


@dataclass(frozen=True, slots=True)
class TracedItem:
    """A data item that the figure comes from.

    Attributes:
        urn: the data item.
        title: for people.
        definition: in full.
        unit: of a figure; empty for others.
        verified: ``READ``, ``memory, unverified`` or ``ours``; empty for what the platform counts.
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
        contract_version: of the contract that says so.
        system: whose export has the column so, by its mapping; empty: by the contract itself.
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
        file_name: as the council called it.
        sha256: of its bytes, under which they are kept.
        size: in bytes.
        received_at: in UTC.
        transport: how it came.
        table: which table it holds, where a submission has a file for each.
        system: whose export it is; empty: in the contract's own manner.
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
        council_code: who sent it.
        period: what for.
        state: what has become of it.
        verdict: of its latest judgement; empty where there is none.
        contract_version: that it was judged by; empty likewise.
        receipts: its files.
        rows: of them that the figure comes from, as a person sees them in the file; empty where all of them count.
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
    """Where a figure comes from.

    Attributes:
        table: ``layer.name`` that was asked.
        columns: of it that were asked.
        return_code: whose journey it is.
        figure: the row that was asked, as it is published; None where no single row was.
        items: data items, the figure's own first.
        extract_columns: columns of councils' files.
        steps: every step between columns, nearest first.
        submissions: whose files; empty where no council and period were asked.
        notes: what a reader must know besides.
        known_issues: that people have put on the figures of the council and period, and that still show.
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


@dataclass(frozen=True)
class _Place:
    """A table that can be traced: whose it is, where it lies and how its rows lead back."""

    data_return: Return
    stored: LakeTable
    tables: tuple[UnitedTable, ...]
    shape: ProductShape
    number: str
    """The column that a row is asked by."""

    @property
    def name(self) -> str:
        """``layer.name``."""
        return f"{self.stored.layer}.{self.stored.name}"


def find_trace(
    lake: Lake,
    ledger: Ledger,
    register: Register,
    edges: Iterable[ColumnEdge],
    key: TokenKey,
    *,
    table: str,
    column: str | None = None,
    council: str | None = None,
    period: str | None = None,
    row: int | None = None,
) -> Trace:
    """Where a column, or one very figure, comes from.

    Args:
        lake: the Delta tables.
        ledger: what happened.
        register: what is asked.
        edges: column lineage.
        key: that published rows are named with.
        table: ``published.<name>`` or ``conformed.<name>``.
        column: of it; None: of figures ``value``, of cases every column.
        council: any code or known name; with ``period``, whose files.
        period: id.
        row: published: ``_release_row`` within council and period; conformed: ``_row`` of the file.

    Returns:
        The trace.

    Raises:
        WrongUse: table, column, council, period or row do not exist.
    """
    code = register.councils.named(council).code if council else None
    when = parse_period(period).id if period else None
    if row is not None and (code is None or when is None):
        raise WrongUse("A row is numbered within council and period.", remedy="Give --council and --period too.")
    place = _place(register, table, lake, code, when)
    lineage = LineageGraph(tuple(edge for edge in edges if edge.return_code == place.data_return.code))
    rows = _slice(lake, place, code, when, row)
    figure = rows.row(0, named=True) if row is not None and rows is not None and rows.height == 1 else None
    columns = _columns(lineage, place, column)
    item = str(figure["item"]) if figure is not None and "item" in figure else ""
    steps = list(
        dict.fromkeys(
            edge
            for one in columns
            for edge in lineage.way_back(place.data_return.code, place.name, one, _item_of(one, item))
        )
    )
    notes: list[str] = []
    found = _submissions(_Asked(lake, ledger, place, key, code, when), row, rows, notes) if code and when else ()
    items = _items(place.data_return, item, steps)
    return Trace(
        table=place.name,
        columns=columns,
        return_code=place.data_return.code,
        figure=None if figure is None else {name: value for name, value in figure.items() if not name.startswith("_")},
        items=items,
        extract_columns=_extract_columns(steps, found),
        steps=tuple(steps),
        submissions=found,
        notes=tuple(notes),
        known_issues=_known_issues(ledger, place.data_return, code, when, items),
    )


def _known_issues(
    ledger: Ledger, data_return: Return, council: str | None, period: str | None, items: Sequence[TracedItem]
) -> tuple[RecordedIssue, ...]:
    """Those on the return as a whole, and on any of the items, for the council and period."""
    if council is None or period is None:
        return ()
    about = {"", *(item.urn for item in items)}
    return tuple(
        one for one in ledger.known_issues.find_active(data_return.code, council, period) if one.issue.item_urn in about
    )


def _item_of(column: str, item: str) -> str:
    """A figure's own item leads back from its value; a dimension has an item of its own."""
    return item if column in {"value", "obs_status", "unit", "item", "item_title"} else ""


def _place(register: Register, table: str, lake: Lake, council: str | None, period: str | None) -> _Place:
    for data_return in register.returns.values():
        for product in list_products(data_return):
            if table == f"published.{product.name}":
                return _Place(data_return, published_table(product), product.tables, product.shape, "_release_row")
        for united in unite_tables(data_return):
            stored = case_table(united)
            if table == f"conformed.{stored.name}" and stored.name in _case_names(data_return):
                return _Place(data_return, stored, (united,), ProductShape.CASES, "_row")
    if table in {
        "conformed.observation",
        *(f"conformed.observation__{data_return.slug}" for data_return in register.returns.values()),
    }:
        return _observations(register, table, lake, council, period)
    names = [
        f"published.{product.name}"
        for data_return in register.returns.values()
        for product in list_products(data_return)
    ]
    raise WrongUse(f"“{table}” is no table that can be traced.", remedy=f"Choose one of: {', '.join(names)}.")


def _case_names(data_return: Return) -> set[str]:
    return {
        case_table(table).name
        for product in list_products(data_return)
        if product.shape is ProductShape.CASES
        for table in product.tables
    }


def _observations(register: Register, table: str, lake: Lake, council: str | None, period: str | None) -> _Place:
    """The shared table holds figures of every return, so a period's kind, or who stands there, says which is meant."""
    wanted = table.removeprefix("conformed.observation").removeprefix("__")
    returns = [data_return for data_return in register.returns.values() if not wanted or data_return.slug == wanted]
    if period is not None:
        kind = parse_period(period).kind
        returns = [data_return for data_return in returns if data_return.latest.period_kind is kind]
    if len(returns) > 1 and council and period and lake.exists(OBSERVATION):
        there = set(
            lake.read(OBSERVATION, {"period": period, "council_code": council}, ["return_code"])["return_code"].unique()
        )
        returns = [data_return for data_return in returns if data_return.code in there] or returns
    if len(returns) != 1:
        choices = ", ".join(
            f"conformed.observation__{data_return.slug}" for data_return in returns or register.returns.values()
        )
        raise WrongUse("Several returns have figures there.", remedy=f"Say which: {choices}.")
    data_return = returns[0]
    return _Place(data_return, OBSERVATION, unite_tables(data_return), ProductShape.FIGURES, "_row")


def _slice(lake: Lake, place: _Place, council: str | None, period: str | None, row: int | None) -> pl.DataFrame | None:
    """The rows that are asked, or None where no council and period are."""
    if council is None or period is None:
        return None
    where = {"period": period, "council_code": council}
    if place.stored is OBSERVATION:
        where["return_code"] = place.data_return.code
    rows = lake.read(place.stored, where) if lake.exists(place.stored) else pl.DataFrame()
    if rows.is_empty():
        raise WrongUse(
            f"{council} has nothing for {period} in {place.name}.", remedy="`lgdp status` shows who has submitted what."
        )
    if row is None:
        return rows
    found = rows.filter(pl.col(place.number) == row)
    if found.is_empty():
        raise WrongUse(f"{place.name} has no row {row} of {council} for {period}.")
    return found


def _columns(lineage: LineageGraph, place: _Place, column: str | None) -> tuple[str, ...]:
    known = sorted({to for _, at, to in lineage.by_target if at == place.name and "." not in to})
    if column is None:
        return ("value",) if "value" in known and place.shape is not ProductShape.CASES else tuple(known)
    if column not in known:
        raise WrongUse(f"{place.name} has no column “{column}”.", remedy=f"Choose one of: {', '.join(known)}.")
    return (column,)


def _items(data_return: Return, item: str, steps: Sequence[ColumnEdge]) -> tuple[TracedItem, ...]:
    urns = dict.fromkeys([item, *(edge.item for edge in steps)])
    described: dict[str, TracedItem] = {}
    for contract in data_return.contracts:
        for table in contract.tables:
            for one in table.all_items:
                described[one.urn] = TracedItem(one.urn, one.title, one.definition, one.unit, one.provenance.verified)
            for count in table.counts:
                text = f"Counted by the platform over the rows of {table.title}."
                described[count.urn] = TracedItem(count.urn, count.title, text, count.unit, "")
    return tuple(described[urn] for urn in urns if urn in described)


def _extract_columns(steps: Sequence[ColumnEdge], submissions: Sequence[TracedSubmission]) -> tuple[TracedColumn, ...]:
    """Columns of extracts; where submissions are known, only as the contracts and mappings that read them say."""
    versions = {one.contract_version for one in submissions if one.contract_version}
    edges = [edge for edge in steps if edge.from_table.startswith("extract.")]
    systems = _systems({parse_system(edge.from_table) for edge in edges}, submissions)
    return tuple(
        dict.fromkeys(
            TracedColumn(
                edge.from_table.rsplit(".", 1)[1],
                edge.from_column,
                edge.item,
                edge.contract_version,
                parse_system(edge.from_table),
            )
            for edge in edges
            if (not versions or edge.contract_version in versions) and parse_system(edge.from_table) in systems
        )
    )


def _systems(known: AbstractSet[str], submissions: Sequence[TracedSubmission]) -> AbstractSet[str]:
    """The systems whose exports the submissions are, a council's own mapping before the system's; all, of none."""
    found = set()
    for submission in submissions:
        for receipt in submission.receipts:
            own = f"{receipt.system}@{submission.council_code}"
            found.add(own if own in known else receipt.system)
    return found if submissions else known


@dataclass(frozen=True)
class _Asked:
    """Which slice of which table is traced, and what that needs."""

    lake: Lake
    ledger: Ledger
    place: _Place
    key: TokenKey
    council: str
    period: str

    @property
    def where(self) -> dict[str, str]:
        """The slice."""
        return {"period": self.period, "council_code": self.council}

    @property
    def released(self) -> str | None:
        """The submission that the latest release was made from."""
        release = self.ledger.releases.find_latest(self.place.data_return.code, self.period)
        return release.submissions.get(self.council) if release else None


def _submissions(
    asked: _Asked, row: int | None, rows: pl.DataFrame | None, notes: list[str]
) -> tuple[TracedSubmission, ...]:
    if rows is None:
        return ()
    if row is None:
        found = _standing(asked, rows)
    elif asked.place.shape is ProductShape.COUNTS:
        found = _counted(asked, rows.row(0, named=True))
        if rows["obs_status"][0] == ObservationStatus.SUPPRESSED:
            notes.append("The figure is withheld: how many rows it counts is not to be passed on.")
        if asked.released is not None and found and set(found) != {asked.released}:
            notes.append(f"The release was made from {asked.released}; a later submission has been conformed since.")
    elif "_trace_id" in rows.columns:
        found = _resolved(asked, str(rows["_trace_id"][0]))
    else:
        found = _named(rows)
    if not found:
        notes.append("The rows that this figure was made from are no longer kept.")
    return tuple(_described(asked.ledger, submission, numbers) for submission, numbers in found.items())


def _standing(asked: _Asked, rows: pl.DataFrame) -> dict[str, tuple[int, ...]]:
    """Whole slices: the submission that conformed rows name, or the one in the latest release."""
    if "_submission_id" in rows.columns:
        return {str(one): () for one in rows["_submission_id"].unique().sort()}
    return {asked.released: ()} if asked.released else {}


def _named(rows: pl.DataFrame) -> dict[str, tuple[int, ...]]:
    """Rows that say themselves where they come from; a counted figure has no row of its own."""
    found: dict[str, list[int]] = {}
    for submission, number in rows.select("_submission_id", "_row").unique().sort("_submission_id", "_row").iter_rows():
        found.setdefault(str(submission), []).append(int(number))
    return {submission: tuple(numbers) for submission, numbers in found.items()}


def _resolved(asked: _Asked, trace_id: str) -> dict[str, tuple[int, ...]]:
    """The one landed row whose token it is: every submission's rows are there, whatever stands today."""
    for united in asked.place.tables:
        for contract, table in united.majors.values():
            landed = asked.lake.read(landed_table(contract, table), asked.where, ["_submission_id", "_row"])
            for submission, number in landed.sort("_submission_id", "_row", descending=[True, False]).iter_rows():
                if asked.key.trace_id(str(submission), int(number)) == trace_id:
                    return {str(submission): (int(number),)}
    return {}


def _counted(asked: _Asked, figure: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """The conformed cases that a count counts: those with the figure's codes in each item it is broken down by."""
    table, by = next(
        (table, count.by) for table in asked.place.tables for count in table.counts if count.urn == figure["item"]
    )
    cases = asked.lake.read(case_table(table), asked.where)
    for name in by:
        code = figure[f"{name}_given"] if f"{name}_given" in figure else figure[name]
        cases = cases.filter(pl.col(name).cast(pl.String).eq_missing(pl.lit(code, pl.String)))
    return _named(cases)


def _described(ledger: Ledger, submission_id: str, rows: tuple[int, ...]) -> TracedSubmission:
    try:
        submission = ledger.submissions.get(submission_id)
    except LedgerError:
        raise LedgerError(
            "A figure names a submission that the ledger does not know.",
            where=submission_id,
            remedy="Run `lgdp revalidate` for its return and period.",
        ) from None
    judgement = ledger.judgements.find_latest(submission_id)
    receipts = tuple(
        TracedReceipt(one.file_name, one.sha256, one.size, one.received_at, str(one.transport), one.table, one.system)
        for one in ledger.submissions.list_receipts(submission_id)
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
