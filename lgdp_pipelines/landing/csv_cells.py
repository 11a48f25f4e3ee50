"""CSV text as cells: fast where a file is plain, carefully where it is not, with the same answer.

What a cell is: the text between delimiters, as sent, spaces included. Nothing between delimiters, and nothing between
quotes, is an empty cell, because spreadsheets and export programs write both for the same thing. What a row is: a
record, counted as a spreadsheet counts it: the header is row 1, a line break inside quotes does not make a new row, an
empty line does. Lines end with LF or CRLF; a lone CR belongs to its cell, but in a file without any LF it ends lines.
A record without a single filled cell is no row of the table, but is counted.

The fast way is Polars. It fills short records up and guesses where quotes stand in the middle of a cell, both without a
word, so its answer is believed only if the numbers of delimiters, line ends and quotes add up. Otherwise the careful
way, the ``csv`` module in strict mode, reads the file again.
What belongs here: cells and rows. What does not: what a header means (``headers``).
"""

import csv
import io
import re
from dataclasses import dataclass
from itertools import zip_longest

import polars as pl

from lgdp_pipelines.landing.extract import ROW, Fault

_BLOCK = 50_000
_LONE_CR = re.compile(r"\r(?!\n)")


@dataclass(frozen=True)
class Cells:
    """A CSV file as cells.

    Attributes:
        header: cells of row 1; empty text where a cell is empty.
        frame: a string column ``0``, ``1``, … for each column of the widest record, null where empty; ``_row`` (int64).
        misshapen: ``_row`` (int64) and ``cells`` (int64), of records with more or fewer cells than the header.
    """

    header: tuple[str, ...]
    frame: pl.DataFrame
    misshapen: pl.DataFrame


def read_cells(content: bytes, delimiter: str) -> Cells | Fault:
    """Read CSV text in UTF-8."""
    if content.endswith((b"\n\n", b"\n\r\n", b"\r\r")):
        content = content.rstrip(b"\r\n")
    if content in {b"", b"\n", b"\r\n", b"\r"}:
        return Fault("The file is empty. Send it with its header row, even where there is nothing to report.")
    line_end = "\n" if b"\n" in content or b"\r" not in content else "\r"
    return _fast(content, delimiter, line_end) or _careful(content.decode(), delimiter, line_end)


def row_after(text: str, delimiter: str) -> int:
    """The row in which a text breaks off."""
    lines = io.StringIO(_LONE_CR.sub(" ", text) + ".", newline="\n")
    return sum(1 for _ in csv.reader(lines, delimiter=delimiter))


def _fast(content: bytes, delimiter: str, line_end: str) -> Cells | None:
    try:
        read = pl.read_csv(content, separator=delimiter, eol_char=line_end, has_header=False, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    read.columns = columns = [str(place) for place in range(read.width)]
    cells = pl.col(columns)
    quotes = b'"' in content
    if quotes and read.select(pl.any_horizontal(cells.str.contains('"', literal=True).any())).item():
        return None
    body = read.slice(1).with_columns(_row_numbers())
    no_line = pl.all_horizontal(cells.is_null())
    gaps = body.select(no_line.sum()).item()
    if gaps:
        body = body.filter(~no_line)
    inside = _inside_quotes(read, [delimiter, line_end]) if quotes else {delimiter: 0, line_end: 0}
    lines = content.count(line_end.encode()) + (not content.endswith(line_end.encode())) - inside[line_end]
    if lines != read.height:
        return None
    delimiters = content.count(delimiter.encode()) - inside[delimiter]
    # Lines without anything in them have no delimiters, or some: then only a last column without gaps is proof.
    if body.get_column(columns[-1]).null_count() if gaps else delimiters != read.height * (read.width - 1):
        return None
    if quotes and b'""' in content:
        body = body.with_columns(pl.when(cells != "").then(cells))
        if len(columns) > 1:
            body = body.filter(~no_line)
    return Cells(tuple(cell or "" for cell in read.row(0)), body, _misshapen([]))


def _row_numbers() -> pl.Expr:
    return pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias(ROW)


def _inside_quotes(read: pl.DataFrame, marks: list[str]) -> dict[str, int]:
    """How often each mark stands in cells: there it separates nothing."""
    cells = pl.all()
    return read.select(
        pl.sum_horizontal(cells.str.count_matches(mark, literal=True).sum()).alias(mark) for mark in marks
    ).row(0, named=True)


def _careful(text: str, delimiter: str, line_end: str) -> Cells | Fault:
    """Read with the ``csv`` module, which knows a lone CR only as a line end: another character stands in for it."""
    stand_in = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    text = text.replace("\r", "\n") if line_end == "\r" else _LONE_CR.sub(stand_in, text)
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    row = 0
    header: tuple[str, ...] = ()
    blocks: list[pl.DataFrame] = []
    misshapen: list[tuple[int, int]] = []
    kept: list[list[str]] = []
    rows: list[int] = []
    try:
        for row, record in enumerate(reader, start=1):
            if row == 1:
                header = tuple(record)
            elif _is_filled(record, len(header)):
                kept.append(record)
                rows.append(row)
                if len(record) != len(header):
                    misshapen.append((row, len(record)))
            if len(kept) == _BLOCK:
                blocks.append(_block(kept, rows))
                kept, rows = [], []
    except csv.Error:
        return Fault(
            f"From row {row + 1} on the quotes do not match, so that cells cannot be told apart. A quote inside a "
            "quoted cell is written twice; a quote that opens a cell must be closed.",
            row + 1,
        )
    blocks.append(_block(kept, rows))
    frame = pl.concat(blocks, how="diagonal")
    columns = [str(place) for place in range(max(len(header), frame.width - 1))]
    frame = frame.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in columns if name not in frame.columns
    )
    instead = "\n" if line_end == "\r" else stand_in
    sent = pl.col(columns).str.replace_all(instead, "\r", literal=True)
    header = tuple(cell.replace(instead, "\r") for cell in header)
    return Cells(header, frame.select(pl.when(sent != "").then(sent), ROW), _misshapen(misshapen))


def _is_filled(record: list[str], width: int) -> bool:
    if width == 1:
        return bool(record)
    return any(record) and not (len(record) == 1 and record[0].isspace())


def _block(records: list[list[str]], rows: list[int]) -> pl.DataFrame:
    width = max(map(len, records), default=0)
    cells = zip_longest(*records) if records else ()
    data = {str(place): pl.Series(column, dtype=pl.String) for place, column in zip(range(width), cells, strict=True)}
    return pl.DataFrame({**data, ROW: pl.Series(rows, dtype=pl.Int64)})


def _misshapen(rows: list[tuple[int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={ROW: pl.Int64, "cells": pl.Int64}, orient="row")
