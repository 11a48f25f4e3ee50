"""Cells under headers as a table of text by item, with what is wrong with its columns.

What belongs here: from the columns of a CSV file to the landed columns. What does not: reading the file, or a cell's
meaning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl
import pyarrow as pa

from lgdp_pipelines.landing.csv_cells import Cells
from lgdp_pipelines.landing.extract import ROW, UNMAPPED
from lgdp_pipelines.landing.headers import Match, match_headers
from lgdp_pipelines.ledger.findings import finding_rows, gathered
from lgdp_pipelines.register.mapping import TableMapping
from lgdp_pipelines.register.model import Contract
from lgdp_pipelines.register.parts import Rule, Table
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.standards.rules import RuleKind
from lgdp_pipelines.storage.layout import as_arrow
from lgdp_pipelines.storage.tables import landed_table


@dataclass(frozen=True)
class Landed:
    """One table as landed.

    Attributes:
        frame: as in :attr:`lgdp_pipelines.landing.extract.Reading.tables`; None where the table was not sent.
        findings: of its columns and of the shape of its rows.
        headers: by item name, the header as the file has it.
        sheet: of a workbook; None in other formats.
    """

    frame: pl.DataFrame | None
    findings: pl.DataFrame
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """The two rules about a table's columns."""

    columns: Rule
    extra_columns: Rule

    @classmethod
    def of(cls, contract: Contract, table: Table) -> "ColumnRules":
        """Those of a table."""
        by_kind = {rule.kind: rule for rule in rules_of(contract) if rule.table == table.name}
        return cls(by_kind[RuleKind.COLUMNS], by_kind[RuleKind.EXTRA_COLUMNS])


def not_sent(contract: Contract, table: Table) -> Landed:
    """A table that must be sent and was not."""
    rule = ColumnRules.of(contract, table).columns
    return Landed(None, finding_rows(rule, f"The table “{table.title}” is missing. Send its file with the others."))


def landed_cells(contract: Contract, table: Table, cells: Cells, mapped: TableMapping | None = None) -> Landed:
    """A CSV file as a landed table.

    Args:
        contract: that the file answers.
        table: of the contract.
        cells: of the file.
        mapped: how the system's export fills the table; None: the file is in the contract's own manner.
    """
    rules = ColumnRules.of(contract, table)
    match = match_headers(table, cells.header, mapped)
    taken = {name: places[0] for name, places in match.positions.items()}
    left = [place for place in range(cells.frame.width - 1) if place not in taken.values()]
    frame = cells.frame.select(
        *(
            pl.col(str(taken[item.name])).alias(item.name)
            if item.name in taken
            else pl.lit(None, dtype=pl.String).alias(item.name)
            for item in table.items
        ),
        _unmapped(cells, left),
        ROW,
    )
    findings = [_ragged(rules.columns, cells), *_of_headers(rules, cells, match)]
    return Landed(frame, gathered(findings), {name: cells.header[place] for name, place in taken.items()})


def landed_rows(
    frame: pl.DataFrame, contract: Contract, table: Table, council_code: str, period: Period, submission_id: str
) -> pa.Table:
    """A landed frame as rows of the lake's landed table, with the platform's keys.

    Args:
        frame: as in :attr:`lgdp_pipelines.landing.extract.Reading.tables`.
        contract: that was read by.
        table: of the contract.
        council_code: register code of the council that sent it.
        period: that it is for.
        submission_id: of the submission.

    Returns:
        Rows with the columns and types of ``storage.tables.landed_table``.
    """
    schema = landed_table(contract, table).arrow_schema
    keys = {"council_code": council_code, "period": period.id, "_submission_id": submission_id}
    keyed = frame.with_columns(pl.lit(text).alias(name) for name, text in keys.items())
    return as_arrow(keyed, schema)


def heading(headers: Sequence[str], place: int) -> str:
    """What a column is called, where it has no header of its own by its number."""
    name = headers[place] if place < len(headers) else ""
    return name if name.strip() and headers.index(name) == place else f"{name} (column {place + 1})".strip()


def _unmapped(cells: Cells, places: Sequence[int]) -> pl.Expr:
    filled = [place for place in places if cells.frame.get_column(str(place)).null_count() < cells.frame.height]
    if not filled:
        return pl.lit(None, dtype=pl.String).alias(UNMAPPED)
    fields = [pl.col(str(place)).alias(heading(cells.header, place)) for place in filled]
    something = pl.any_horizontal(pl.col(str(place)).is_not_null() for place in filled)
    return pl.when(something).then(pl.struct(fields).struct.json_encode()).alias(UNMAPPED)


def _ragged(rule: Rule, cells: Cells) -> pl.DataFrame:
    width = len(cells.header)
    messages = cells.misshapen.select(
        pl.format(
            "The row has {} cells and the header has {}, so that its cells cannot be told apart. Give it a cell for "
            "each column, empty where there is nothing, and quote a cell that holds the delimiter.",
            pl.col("cells"),
            pl.lit(width),
        ).alias("message")
    ).to_series()
    return finding_rows(rule, messages, rows=cells.misshapen.get_column(ROW))


def _of_headers(rules: ColumnRules, cells: Cells, match: Match) -> Iterator[pl.DataFrame]:
    if not match.positions:
        # Row 1 may be a row of data: then nothing of it may be repeated as if it were a header.
        yield finding_rows(
            rules.columns,
            "Row 1 names none of the columns. Send the column names in row 1, before the first row of data.",
        )
        return
    for item in match.missing:
        called = match.called[item.name]
        yield finding_rows(
            rules.columns, f"The column “{called}” is missing. {rules.columns.guidance}", item=item, column=called
        )
    for item in match.repeated:
        places = match.positions[item.name]
        numbers = ", ".join(str(place + 1) for place in places)
        yield finding_rows(
            rules.columns,
            f"The columns {numbers} all name “{match.called[item.name]}”. {rules.columns.guidance}",
            item=item,
            column=cells.header[places[0]],
        )
    for place, items in match.ambiguous.items():
        titles = " or ".join(f"“{item.title}”" for item in items)
        for item in items:
            yield finding_rows(
                rules.columns,
                f"Column {place + 1} could be {titles}. Name it so that it can be only one of them.",
                item=item,
                column=heading(cells.header, place),
            )
    # Where most columns are missing, row 1 may still be a row of data in which a cell happens to read like a header.
    is_header = len(match.positions) > len(match.missing)
    for place in match.extra:
        if cells.header[place].strip() or cells.frame.get_column(str(place)).null_count() < cells.frame.height:
            yield finding_rows(
                rules.extra_columns,
                f"Column {place + 1} is none of the contract's. {rules.extra_columns.guidance}",
                column=heading(cells.header, place) if is_header else f"column {place + 1}",
            )
