"""Cells under headers as landed tables of text by item, joined from several files where a mapping says so.

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
from lgdp_pipelines.handover.extract_reading import ROW, UNMAPPED, Fault
from lgdp_pipelines.handover.findings import MAX_LISTED, build_finding_rows, concat_findings
from lgdp_pipelines.landing.cell_block import CellBlock, build_misshapen
from lgdp_pipelines.landing.header_matching import HeaderMatch, match_headers
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import JoinedFile, TableMapping
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.councils import fold_spelling
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_KEY = "_key."


@dataclass(frozen=True, slots=True)
class MisplacedRow:
    """A row of a joined file that has no base row of its own.

    Attributes:
        row: of that file.
        message: what is wrong and what to do.
    """

    row: int
    message: str


class FileJoin:
    """A file that joins a base, and its rows without a base row so far.

    Args:
        file: as the mapping declares it.
        name: as the sender called it.
        cells: of the whole file, under their header.
        match: of its headers.
        base: header of the base.
    """

    def __init__(self, file: JoinedFile, name: str, cells: CellBlock, match: HeaderMatch, base: Sequence[str]) -> None:
        places = find_columns(file.key, cells.header)
        self.name, self.cells = name, cells
        self.match = replace(match, extra=tuple(place for place in match.extra if place not in places))
        self._base = find_columns(file.base_key, base)
        self._build_keys = [f"{_KEY}{number}" for number in range(len(places))]
        self.missing = self._find_missing_key(file, places)
        if self.missing is not None:
            return
        keyed = cells.frame.with_columns(_build_keys(places))
        is_complete = pl.all_horizontal(pl.col(self._build_keys).is_not_null())
        first = (
            keyed.filter(is_complete)
            .group_by(self._build_keys)
            .agg(pl.col(ROW).min().alias("first"), pl.len().alias("count"))
        )
        counted = keyed.join(first, on=self._build_keys, how="left", maintain_order="left")
        self._twice = counted.filter((pl.col("count") > 1) & (pl.col(ROW) > pl.col("first"))).select(ROW, "first")
        single = counted.filter(pl.col("count") == 1)
        self._left = counted.select(*self._build_keys, ROW)
        place_by_item = {name: places[0] for name, places in match.positions.items()}
        self.headers = {name: f"{cells.header[place]} (in {self.name})" for name, place in place_by_item.items()}
        key_places = set(places)
        rest = [place for place in range(cells.frame.width - 1) if place not in {*place_by_item.values(), *key_places}]
        self._rest = {f"{file.name}: {_numbered_heading(cells.header, place)}": str(place) for place in rest}
        self._items = place_by_item
        self._found = single.select(
            *self._build_keys,
            *(pl.col(str(place)).alias(name) for name, place in place_by_item.items()),
            *(pl.col(place).alias(f"_rest.{header}") for header, place in self._rest.items()),
        )

    def _find_missing_key(self, file: JoinedFile, places: Sequence[int | None]) -> Fault | None:
        for header, place in [*zip(file.key, places, strict=True), *zip(file.base_key, self._base, strict=True)]:
            if place is None:
                return Fault(
                    f"There is no column “{header}”, or more than one, which would say which rows of the file "
                    f"“{file.name}” belong to which. Export the files again with it."
                )
        return None

    @property
    def key_places(self) -> frozenset[int]:
        """Columns of the base that hold the key."""
        return frozenset(place for place in self._base if place is not None)

    def add_to(self, landed: pl.DataFrame, base: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return landed base rows with this file's items, and its other cells.

        Args:
            landed: rows of the base.
            base: the same rows, as cells.
        """
        keys = base.select(_build_keys([place for place in self._base if place is not None]))
        self._left = self._left.join(keys, on=self._build_keys, how="anti", maintain_order="left")
        joined = keys.join(self._found, on=self._build_keys, how="left", maintain_order="left")
        other_cells = joined.select(pl.col(f"_rest.{header}").alias(header) for header in self._rest)
        return landed.with_columns(joined.select(self._items.keys())), other_cells

    def iter_misplaced(self) -> Iterator[MisplacedRow]:
        """Yield rows without a base row, or with a key that repeats.

        Called once the base is read.
        """
        for row, first in self._twice.iter_rows():
            yield MisplacedRow(row, f"In {self.name}: the row has the same key as row {first}. Send each of them once.")
        for row in self._left.get_column(ROW):
            yield MisplacedRow(
                row,
                f"In {self.name}: no row of the base has the key of this row, so that nobody knows what it belongs to. "
                "Export both files at the same time, and check the key.",
            )


def find_columns(headers: Iterable[str], header: Sequence[str]) -> list[int | None]:
    """Return the places of columns, matched exactly, or else ignoring case and white space.

    None unless unique.
    """
    columns = []
    for name_sought in headers:
        exact = [place for place, name in enumerate(header) if name == name_sought]
        folded = [place for place, name in enumerate(header) if fold_spelling(name) == fold_spelling(name_sought)]
        places = exact or folded
        columns.append(places[0] if len(places) == 1 else None)
    return columns


def _build_keys(places: Iterable[int | None]) -> list[pl.Expr]:
    """Return key cells without surrounding white space, null where nothing is left."""
    stripped = [pl.col(str(place)).str.strip_chars() for place in places]
    return [pl.when(cell != "").then(cell).alias(f"{_KEY}{number}") for number, cell in enumerate(stripped)]


def _numbered_heading(header: Sequence[str], place: int) -> str:
    return f"{header[place] if place < len(header) else ''} (column {place + 1})".strip()


@dataclass(frozen=True)
class LandedTable:
    """One table as landed.

    Attributes:
        rows: as in :attr:`lgdp_pipelines.handover.extract_reading.Reading.tables`; None where the table was not sent.
        findings: of its columns and of the shape of its rows; of misshapen rows the first.
        headers: by item name, the header as the file has it.
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
        """Return the rules of a table."""
        by_kind = {rule.kind: rule for rule in list_rules(contract) if rule.table == table.name}
        return cls(by_kind[RuleKind.COLUMNS], by_kind[RuleKind.EXTRA_COLUMNS])


def build_missing_table(contract: Contract, table: Table) -> LandedTable:
    """Return a required table that was not sent."""
    rule = ColumnRules.from_contract(contract, table).columns
    return LandedTable(
        None, build_finding_rows(rule, f"The table “{table.title}” is missing. Send its file with the others.")
    )


def land_cells(
    contract: Contract,
    table: Table,
    blocks: Iterator[CellBlock | Fault],
    store: ChunkStore,
    mapped: TableMapping | None = None,
    joined: Sequence[tuple[JoinedFile, str, CellBlock]] = (),
) -> LandedTable | Fault:
    """Return a file of cells under headers as a landed table, or its fault.

    Args:
        contract: that the file answers.
        table: of the contract.
        blocks: of the file, at least one, all with the header; nothing follows a Fault.
        store: takes the landed rows.
        mapped: how the system's export fills the table; None: the file is as the contract describes it.
        joined: files that join this one: their declaration, name and cells.
    """
    first = next(blocks)
    if isinstance(first, Fault):
        return first
    rules = ColumnRules.from_contract(contract, table)
    joins = [
        FileJoin(file, name, cells, match_headers(table, cells.header, mapped, file.name), first.header)
        for file, name, cells in joined
    ]
    for join in joins:
        if join.missing is not None:
            return join.missing
    match = match_headers(table, first.header, mapped)
    keys = {place for join in joins for place in join.key_places}
    match = replace(match, extra=tuple(place for place in match.extra if place not in keys))
    landing = _CellLanding(table, first.header, {name: places[0] for name, places in match.positions.items()}, joins)
    rows = store(landing.frames(chain([first], blocks)), build_landed_schema(table))
    if landing.fault is not None:
        return landing.fault
    findings = [
        _find_misshapen(rules.columns, landing.misshapen, len(first.header)),
        *_find_header_faults(rules, first, landing.filled, match),
        *(found for join in joins for found in _find_join_faults(contract, rules, join)),
    ]
    headers = {name: first.header[place] for name, place in landing.taken.items()}
    for join in joins:
        headers |= join.headers
    on_sheet = concat_findings(findings).with_columns(pl.lit(first.sheet, dtype=pl.String).alias("sheet"))
    return LandedTable(rows, on_sheet, headers, first.sheet, landing.unlisted_rows())


def build_landed_schema(table: Table) -> pl.Schema:
    """Return the columns of a landed table: text items, ``_unmapped`` and ``_row``."""
    return pl.Schema({**{item.name: pl.String() for item in table.items}, UNMAPPED: pl.String(), ROW: pl.Int64()})


class _CellLanding:
    """Lands the blocks of a file one after the other, and collects what findings need.

    Attributes:
        taken: the column that each item is read from.
        filled: other columns in which some cell is filled.
        misshapen: row number and number of cells of the first misshapen rows.
        fault: that ended the file; None where it was read whole.
    """

    def __init__(
        self, table: Table, header: Sequence[str], taken: Mapping[str, int], joins: Sequence[FileJoin]
    ) -> None:
        self._table, self._header, self.taken, self._joins = table, header, taken, joins
        self.filled: set[int] = set()
        self.misshapen = build_misshapen()
        self._unlisted: list[pl.Series] = []
        self.fault: Fault | None = None

    def frames(self, blocks: Iterable[CellBlock | Fault]) -> Iterator[pl.DataFrame]:
        """Yield the landed rows of each block."""
        for block in blocks:
            if isinstance(block, Fault):
                self.fault = block
                return
            self._note_misshapen(block.misshapen)
            yield self._land_frame(block.frame)

    def unlisted_rows(self) -> pl.Series:
        """Return ``_row`` of the misshapen rows that no finding lists."""
        return pl.concat([pl.Series(ROW, [], dtype=pl.Int64), *self._unlisted])

    def _note_misshapen(self, misshapen: pl.DataFrame) -> None:
        listed = misshapen.head(MAX_LISTED - self.misshapen.height)
        self.misshapen = pl.concat([self.misshapen, listed])
        if misshapen.height > listed.height:
            self._unlisted.append(misshapen.get_column(ROW).slice(listed.height))

    def _land_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        unmapped = [place for place in range(frame.width - 1) if place not in self.taken.values()]
        filled = [place for place in unmapped if frame.get_column(str(place)).null_count() < frame.height]
        self.filled |= set(filled)
        landed = frame.select(
            *(
                pl.col(str(self.taken[item.name])).alias(item.name)
                if item.name in self.taken
                else pl.lit(None, dtype=pl.String).alias(item.name)
                for item in self._table.items
            ),
            ROW,
        )
        unmapped_cells = [
            frame.select(pl.col(str(place)).alias(describe_column(self._header, place)) for place in filled)
        ]
        for join in self._joins:
            landed, extra_cells = join.add_to(landed, frame)
            unmapped_cells.append(extra_cells)
        return landed.with_columns(_format_unmapped(unmapped_cells, frame.height)).select(
            build_landed_schema(self._table).names()
        )


def _format_unmapped(frames: Sequence[pl.DataFrame], height: int) -> pl.Series:
    """Return each row's unmapped filled cells as a JSON object."""
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
    joined = pl.concat_str([pl.lit("{"), pl.concat_str(pl.all(), separator=",", ignore_nulls=True), pl.lit("}")])
    has_value = pl.any_horizontal(pl.all().is_not_null())
    return fields.select(pl.when(has_value).then(joined).alias(UNMAPPED)).to_series()


def describe_column(headers: Sequence[str], place: int) -> str:
    """Return a column's header, with its number where the header is empty or repeated."""
    name = headers[place] if place < len(headers) else ""
    return name if name.strip() and headers.index(name) == place else f"{name} (column {place + 1})".strip()


def _find_misshapen(rule: Rule, misshapen: pl.DataFrame, width: int) -> pl.DataFrame:
    messages = misshapen.select(
        pl.format(
            "The row has {} cells and the header has {}, so that its cells cannot be told apart. Give it a cell for "
            "each column, empty where there is nothing, and quote a cell that holds the delimiter.",
            pl.col("cells"),
            pl.lit(width),
        ).alias("message")
    ).to_series()
    return build_finding_rows(rule, messages, rows=misshapen.get_column(ROW))


def _find_join_faults(contract: Contract, rules: ColumnRules, join: FileJoin) -> Iterator[pl.DataFrame]:
    """Return the findings of a joined file: on columns, shapes and unmatched rows."""
    readable = next(rule for rule in list_rules(contract) if rule.kind is RuleKind.READABLE)
    filled = [
        place
        for place in range(join.cells.frame.width - 1)
        if join.cells.frame.get_column(str(place)).null_count() < join.cells.frame.height
    ]
    where = pl.concat_str([pl.lit(f"In {join.name}: "), pl.col("message")])
    for finding in _find_header_faults(rules, join.cells, filled, join.match):
        yield finding.with_columns(where.alias("message"))
    # Such a row is none of the base's, whose numbers a finding of columns would spoil.
    yield _find_misshapen(readable, join.cells.misshapen, len(join.cells.header)).with_columns(where.alias("message"))
    misplaced = list(islice(join.iter_misplaced(), MAX_LISTED))
    messages = pl.Series("message", [row.message for row in misplaced], dtype=pl.String)
    yield build_finding_rows(readable, messages, rows=[row.row for row in misplaced])


def _find_header_faults(
    rules: ColumnRules, first: CellBlock, filled: Collection[int], match: HeaderMatch
) -> Iterator[pl.DataFrame]:
    header, row = first.header, first.header_row
    if not match.positions:
        # It may be a row of data: then nothing of it may be repeated as if it were a header.
        yield build_finding_rows(
            rules.columns,
            f"Row {row} names none of the columns. Send the column names in row {row}, before the first row of data.",
        )
        return
    for item in match.missing:
        called = match.called[item.name]
        yield build_finding_rows(
            rules.columns, f"The column “{called}” is missing. {rules.columns.guidance}", item=item, column=called
        )
    for item in match.repeated:
        places = match.positions[item.name]
        numbers = ", ".join(str(place + 1) for place in places)
        yield build_finding_rows(
            rules.columns,
            f"The columns {numbers} all name “{match.called[item.name]}”. {rules.columns.guidance}",
            item=item,
            column=header[places[0]],
        )
    for place, items in match.ambiguous.items():
        titles = " or ".join(f"“{item.title}”" for item in items)
        for item in items:
            yield build_finding_rows(
                rules.columns,
                f"Column {place + 1} could be {titles}. Name it so that it can be only one of them.",
                item=item,
                column=describe_column(header, place),
            )
    # Where most columns are missing, that row may still be one of data in which a cell happens to read like a header.
    is_header = len(match.positions) > len(match.missing)
    for place in match.extra:
        if header[place].strip() or place in filled:
            yield build_finding_rows(
                rules.extra_columns,
                f"Column {place + 1} is none of the contract's. {rules.extra_columns.guidance}",
                column=describe_column(header, place) if is_header else f"column {place + 1}",
            )
