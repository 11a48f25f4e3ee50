"""Cell blocks: the cells of a file with header rows, or of a piece of it, from text and workbooks alike.

Belongs here: the shape of a block, and the names that header rows give to columns. Belongs elsewhere: reading a format
(``csv_reader``, ``workbook_reader``), and matching headers to items (``header_matching``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest

import polars as pl

from lgdp_pipelines.vocabulary.table_columns import ROW

MAX_COLUMNS = 16_384
"""Columns of the widest spreadsheet; a wider record is not a record of a return."""
HEADER_SEPARATOR = " / "


@dataclass(frozen=True)
class CellBlock:
    """The cells of a file, or of a piece of it.

    Attributes:
        header: name of each column; empty text for a column without a name.
        frame: a string column ``0``, ``1``, … for each column of the widest record, null where empty; ``_row`` (int64).
        misshapen: ``_row`` (int64) and ``cells`` (int64), of records with more or fewer cells than the header.
        last_row: number of the last record, counting records without any cell.
        header_row: row in which the header ends.
        sheet: name of the sheet; None for text.
    """

    header: tuple[str, ...]
    frame: pl.DataFrame
    misshapen: pl.DataFrame
    last_row: int
    header_row: int = 1
    sheet: str | None = None


def join_headers(upper: Sequence[str], lower: Sequence[str]) -> tuple[str, ...]:
    """Return column names of two header rows: ``upper / lower``.

    Args:
        upper: cells of the first row, repeated over all columns that they apply to.
        lower: cells of the second row.
    """
    pairs = zip_longest(upper, lower, fillvalue="")
    return tuple(HEADER_SEPARATOR.join(part for part in pair if part.strip()) for pair in pairs)


def fill_right(cells: Sequence[str]) -> list[str]:
    """Return a header row with each name repeated until the next."""
    filled: Iterator[str] = accumulate(cells, lambda name, cell: cell if cell.strip() else name)
    return list(filled)


def build_frame(records: Sequence[Sequence[str | None]], rows: Sequence[int], width: int = 0) -> pl.DataFrame:
    """Return records as a frame of numbered columns and ``_row``."""
    width = max(width, max(map(len, records), default=0))
    cells = list(zip_longest(*records)) if records else []
    cells += [(None,) * len(records)] * (width - len(cells))
    data = {str(position): pl.Series(column, dtype=pl.String) for position, column in enumerate(cells)}
    return pl.DataFrame({**data, ROW: pl.Series(rows, dtype=pl.Int64)})


def build_misshapen(rows: Sequence[tuple[int, int]] = ()) -> pl.DataFrame:
    """Return pairs of row and number of cells as :attr:`CellBlock.misshapen`."""
    return pl.DataFrame(list(rows), schema={ROW: pl.Int64, "cells": pl.Int64}, orient="row")
