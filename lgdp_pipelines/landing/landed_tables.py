"""Cells under headers as landed tables of text by item, joined from several files if a mapping declares them.

Each row of a joined file adds cells to the base rows that have its key. Rows and their numbers are the base's; a row of
a joined file without a base row is reported. Belongs here: from the columns of files to landed columns, join keys, and
faults of both. Belongs elsewhere: reading files, matching headers (``header_matching``), and the meaning of a cell.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from types import MappingProxyType

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkStore
from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.handover.findings import MAX_LISTED, build_finding_rows, concat_findings
from lgdp_pipelines.landing.cell_block import CellBlock, build_misshapen
from lgdp_pipelines.landing.header_matching import HeaderMatch, match_headers
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import JoinedFile, TableMapping
from lgdp_pipelines.register.model.table_model import Item, Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.vocabulary.table_columns import ROW, UNMAPPED
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_KEY = "_key."


class FileJoin:
    """A file that joins a base, and its unmatched rows so far.

    Args:
        file: as the mapping declares it.
        name: given by the sender.
        cells: of the whole file, under their header.
        match: of its headers.
        base: header of the base.

    Raises:
        Fault: a column of the key is missing or repeated, in the file or in the base.
    """

    def __init__(self, file: JoinedFile, name: str, cells: CellBlock, match: HeaderMatch, base: Sequence[str]) -> None:
        key_positions = _find_columns(file.key, cells.header, file.name)
        self.base_positions = _find_columns(file.base_key, base, file.name)
        self.name, self.cells = name, cells
        self.match = replace(match, extra=tuple(position for position in match.extra if position not in key_positions))
        self._keys = [f"{_KEY}{number}" for number in range(len(key_positions))]
        keyed = cells.frame.with_columns(_build_keys(key_positions))
        first = (
            keyed.filter(pl.all_horizontal(pl.col(self._keys).is_not_null()))
            .group_by(self._keys)
            .agg(pl.col(ROW).min().alias("first"), pl.len().alias("count"))
        )
        counted_rows = keyed.join(first, on=self._keys, how="left", maintain_order="left")
        self._repeated = counted_rows.filter((pl.col("count") > 1) & (pl.col(ROW) > pl.col("first"))).select(
            ROW, "first"
        )
        self._unmatched = counted_rows.select(*self._keys, ROW)
        self._items = {item: positions[0] for item, positions in match.positions.items()}
        self.headers = {item: f"{cells.header[position]} (in {name})" for item, position in self._items.items()}
        used = {*self._items.values(), *key_positions}
        self._other_cells = {
            f"{file.name}: {_format_numbered_header(cells.header, position)}": str(position)
            for position in range(cells.frame.width - 1)
            if position not in used
        }
        self._joinable = counted_rows.filter(pl.col("count") == 1).select(
            *self._keys,
            *(pl.col(str(position)).alias(item) for item, position in self._items.items()),
            *(pl.col(column).alias(f"_rest.{header}") for header, column in self._other_cells.items()),
        )

    def add_to(self, landed: pl.DataFrame, base: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return base rows with joined items, and other cells; note matched rows.

        Args:
            landed: rows of the base.
            base: the same rows, as cells.
        """
        keys = base.select(_build_keys(self.base_positions))
        self._unmatched = self._unmatched.join(keys, on=self._keys, how="anti", maintain_order="left")
        joined_cells = keys.join(self._joinable, on=self._keys, how="left", maintain_order="left")
        other_cells = joined_cells.select(pl.col(f"_rest.{header}").alias(header) for header in self._other_cells)
        return landed.with_columns(joined_cells.select(self._items.keys())), other_cells

    def iter_misplaced(self) -> Iterator[tuple[int, str]]:
        """Yield rows without base row or with a repeated key, with messages.

        Called once the base is read.
        """
        for row, first in self._repeated.iter_rows():
            yield row, f"In {self.name}: the row has the same key as row {first}. Send each of them once."
        for row in self._unmatched.get_column(ROW):
            message = (
                "the base has no row with the key of this row. Export both files at the same time, and check the key."
            )
            yield row, f"In {self.name}: {message}"


def _find_columns(keys: Iterable[str], header: Sequence[str], file_name: str) -> list[int]:
    """Return positions of key columns; raise if one is missing or repeated.

    A header matches exactly, or else ignoring case and white space.

    Raises:
        Fault: a column is missing or repeated.
    """
    columns = []
    for key in keys:
        positions = [position for position, name in enumerate(header) if name == key] or [
            position for position, name in enumerate(header) if fold_spelling(name) == fold_spelling(key)
        ]
        if len(positions) != 1:
            raise Fault(
                f"The column “{key}”, by which the rows of the file “{file_name}” are joined, is missing or repeated. "
                "Export the files again with this column once."
            )
        columns += positions
    return columns


def _build_keys(positions: Iterable[int]) -> list[pl.Expr]:
    """Return key cells without surrounding white space, null if blank."""
    stripped = [pl.col(str(position)).str.strip_chars() for position in positions]
    return [pl.when(cell != "").then(cell).alias(f"{_KEY}{number}") for number, cell in enumerate(stripped)]


def _format_numbered_header(header: Sequence[str], position: int) -> str:
    """Return a column's header with the number of the column."""
    return f"{header[position] if position < len(header) else ''} (column {position + 1})".strip()


@dataclass(frozen=True)
class LandedTable:
    """One table as landed.

    Attributes:
        rows: as in :attr:`lgdp_pipelines.handover.extract_reading.Reading.tables`; None if the table was not sent.
        findings: of its columns and of the shape of its rows; of misshapen rows the first.
        headers: by item name, the header in the file.
        sheet: of a workbook; None in other formats.
        unlisted_rows: ``_row`` of the misshapen rows that no finding lists.
    """

    rows: ChunkedFrame | None
    findings: pl.DataFrame
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sheet: str | None = None
    unlisted_rows: pl.Series = field(default_factory=lambda: pl.Series(ROW, [], dtype=pl.Int64))


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """The two rules about a table's columns."""

    columns: Rule
    extra_columns: Rule

    @classmethod
    def from_contract(cls, contract: Contract, table: Table) -> "ColumnRules":
        """Return the two column rules of a table."""
        by_kind = {rule.kind: rule for rule in list_rules(contract) if rule.table == table.name}
        return cls(by_kind[RuleKind.COLUMNS], by_kind[RuleKind.EXTRA_COLUMNS])


def build_missing_table(contract: Contract, table: Table) -> LandedTable:
    """Return an unsent required table: no rows, and a finding about it."""
    rule = ColumnRules.from_contract(contract, table).columns
    return LandedTable(
        None, build_finding_rows(rule, f"The table “{table.title}” is missing. Send its file with the others.")
    )


def land_cells(
    contract: Contract,
    table: Table,
    blocks: Iterator[CellBlock],
    store: ChunkStore,
    table_mapping: TableMapping | None = None,
    joined_blocks: Sequence[tuple[JoinedFile, str, CellBlock]] = (),
) -> LandedTable:
    """Return a file of cells, with joined files, as a landed table.

    Args:
        contract: that the file answers.
        table: of the contract.
        blocks: of the file, at least one, all with the header.
        store: stores the landed rows.
        table_mapping: of the system's export to the table; None: the file is in the contract's own form.
        joined_blocks: files that join this one: their declaration, name and cells.

    Raises:
        Fault: a block cannot be read, or the key of a joined file has no column.
    """
    first = next(blocks)
    rules = ColumnRules.from_contract(contract, table)
    joins = [
        FileJoin(file, name, cells, match_headers(table, cells.header, table_mapping, file.name), first.header)
        for file, name, cells in joined_blocks
    ]
    match = match_headers(table, first.header, table_mapping)
    keys = {position for join in joins for position in join.base_positions}
    match = replace(match, extra=tuple(position for position in match.extra if position not in keys))
    item_positions = {name: positions[0] for name, positions in match.positions.items()}
    landing = _CellLanding(table, first.header, item_positions, joins)
    rows = store(landing.frames(chain([first], blocks)), build_landed_schema(table))
    findings = [
        _find_misshapen(rules.columns, landing.misshapen, len(first.header)),
        *_build_header_findings(rules, first, landing.filled, match),
        *(finding for join in joins for finding in _build_join_findings(contract, rules, join)),
    ]
    headers = {name: first.header[position] for name, position in item_positions.items()}
    for join in joins:
        headers |= join.headers
    on_sheet = concat_findings(findings).with_columns(pl.lit(first.sheet, dtype=pl.String).alias("sheet"))
    return LandedTable(rows, on_sheet, headers, first.sheet, landing.unlisted_rows())


def build_landed_schema(table: Table) -> pl.Schema:
    """Return the columns of a landed table: text items, ``_unmapped`` and ``_row``."""
    return pl.Schema({**{item.name: pl.String() for item in table.items}, UNMAPPED: pl.String(), ROW: pl.Int64()})


class _CellLanding:
    """Lands the blocks of a file, and collects facts for findings.

    Attributes:
        filled: other columns with a filled cell.
        misshapen: row number and number of cells of the first misshapen rows.
    """

    def __init__(
        self, table: Table, header: Sequence[str], item_positions: Mapping[str, int], joins: Sequence[FileJoin]
    ) -> None:
        self._table, self._header, self._item_positions, self._joins = table, header, item_positions, joins
        self.filled: set[int] = set()
        self.misshapen = build_misshapen()
        self._unlisted: list[pl.Series] = []

    def frames(self, blocks: Iterable[CellBlock]) -> Iterator[pl.DataFrame]:
        """Yield each block's landed rows, and collect facts for findings."""
        for block in blocks:
            listed = block.misshapen.head(MAX_LISTED - self.misshapen.height)
            self.misshapen = pl.concat([self.misshapen, listed])
            if block.misshapen.height > listed.height:
                self._unlisted.append(block.misshapen.get_column(ROW).slice(listed.height))
            yield self._land_frame(block.frame)

    def unlisted_rows(self) -> pl.Series:
        """Return ``_row`` of the misshapen rows that no finding lists."""
        return pl.concat([pl.Series(ROW, [], dtype=pl.Int64), *self._unlisted])

    def _land_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a block as landed rows, and note its filled unmatched columns."""
        used = self._item_positions.values()
        filled = _list_filled(frame, [position for position in range(frame.width - 1) if position not in used])
        self.filled |= set(filled)
        landed = frame.select(
            *(
                pl.col(str(self._item_positions[item.name])).alias(item.name)
                if item.name in self._item_positions
                else pl.lit(None, dtype=pl.String).alias(item.name)
                for item in self._table.items
            ),
            ROW,
        )
        unmapped_cells = [
            frame.select(pl.col(str(position)).alias(describe_column(self._header, position)) for position in filled)
        ]
        for join in self._joins:
            landed, other_cells = join.add_to(landed, frame)
            unmapped_cells.append(other_cells)
        return landed.with_columns(_format_unmapped(unmapped_cells, frame.height)).select(
            build_landed_schema(self._table).names()
        )


def _list_filled(frame: pl.DataFrame, positions: Iterable[int]) -> list[int]:
    """Return those of the columns that have a filled cell."""
    return [position for position in positions if frame.get_column(str(position)).null_count() < frame.height]


def _format_unmapped(frames: Sequence[pl.DataFrame], height: int) -> pl.Series:
    """Return each row's filled unmapped cells as JSON; null without any."""
    columns = [column for frame in frames for column in frame.iter_columns() if column.null_count() < height]
    if not columns:
        return pl.repeat(None, height, dtype=pl.String, eager=True).alias(UNMAPPED)
    fields = pl.DataFrame(
        {
            str(number): column.to_frame()
            .select(
                pl.when(pl.first().is_not_null()).then(
                    pl.struct(pl.first()).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
                )
            )
            .to_series()
            for number, column in enumerate(columns)
        }
    )
    object_text = pl.concat_str([pl.lit("{"), pl.concat_str(pl.all(), separator=",", ignore_nulls=True), pl.lit("}")])
    has_value = pl.any_horizontal(pl.all().is_not_null())
    return fields.select(pl.when(has_value).then(object_text).alias(UNMAPPED)).to_series()


def describe_column(header: Sequence[str], position: int) -> str:
    """Return a column's header, numbered if empty or repeating an earlier header."""
    is_unique = position < len(header) and header[position].strip() and header.index(header[position]) == position
    return header[position] if is_unique else _format_numbered_header(header, position)


def _find_misshapen(rule: Rule, misshapen: pl.DataFrame, width: int) -> pl.DataFrame:
    """Return a finding for each row of another width than the header."""
    messages = misshapen.select(
        pl.format(
            "The row has {} cells and the header has {}, so that its cells cannot be told apart. Give it a cell for "
            "each column, empty where there is nothing, and quote a cell that holds the delimiter.",
            pl.col("cells"),
            pl.lit(width),
        ).alias("message")
    ).to_series()
    return build_finding_rows(rule, messages, rows=misshapen.get_column(ROW))


def _build_join_findings(contract: Contract, rules: ColumnRules, join: FileJoin) -> Iterator[pl.DataFrame]:
    """Yield the findings of a joined file."""
    readable = next(rule for rule in list_rules(contract) if rule.kind is RuleKind.READABLE)
    message = pl.concat_str([pl.lit(f"In {join.name}: "), pl.col("message")]).alias("message")
    filled = _list_filled(join.cells.frame, range(join.cells.frame.width - 1))
    for finding in _build_header_findings(rules, join.cells, filled, join.match):
        yield finding.with_columns(message)
    # Such a row is not a row of the base, and a finding of the rule `columns` would exclude the base row of its number.
    yield _find_misshapen(readable, join.cells.misshapen, len(join.cells.header)).with_columns(message)
    misplaced = list(islice(join.iter_misplaced(), MAX_LISTED))
    messages = pl.Series("message", [text for _, text in misplaced], dtype=pl.String)
    yield build_finding_rows(readable, messages, rows=[row for row, _ in misplaced])


def _build_header_findings(
    rules: ColumnRules, block: CellBlock, filled: Collection[int], match: HeaderMatch
) -> Iterator[pl.DataFrame]:
    """Yield findings of missing, repeated, ambiguous, extra, or all unknown columns."""
    header, row = block.header, block.header_row
    if not match.positions:
        # It may be a row of data: then no text of it may be repeated as if it were a header.
        yield build_finding_rows(
            rules.columns,
            f"Row {row} names none of the columns. Send the column names in row {row}, before the first row of data.",
        )
        return
    for item in match.missing:
        expected_header = match.expected_headers[item.name]
        message = f"The column “{expected_header}” is missing. {rules.columns.guidance}"
        yield build_finding_rows(rules.columns, message, item=item, column=expected_header)
    for item in match.repeated:
        positions = match.positions[item.name]
        numbers = ", ".join(str(position + 1) for position in positions)
        message = f"The columns {numbers} all name “{match.expected_headers[item.name]}”. {rules.columns.guidance}"
        yield build_finding_rows(rules.columns, message, item=item, column=header[positions[0]])
    for position, items in match.ambiguous.items():
        yield from find_ambiguous(rules.columns, items, f"Column {position + 1}", describe_column(header, position))
    # Where most columns are missing, that row may still be one of data in which a cell happens to read like a header.
    is_header = len(match.positions) > len(match.missing)
    for position in match.extra:
        if header[position].strip() or position in filled:
            yield build_finding_rows(
                rules.extra_columns,
                f"Column {position + 1} is not in the contract. {rules.extra_columns.guidance}",
                column=describe_column(header, position) if is_header else f"column {position + 1}",
            )


def find_ambiguous(rule: Rule, items: Sequence[Item], subject: str, column: str) -> Iterator[pl.DataFrame]:
    """Yield a finding for each item that a column could be.

    Args:
        rule: about the table's columns.
        items: that the column could be.
        subject: the column in words, to begin the message.
        column: its header.
    """
    titles = " or ".join(f"“{item.title}”" for item in items)
    for item in items:
        message = f"{subject} could be {titles}. Name it so that it can be only one of them."
        yield build_finding_rows(rule, message, item=item, column=column)
