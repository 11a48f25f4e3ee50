"""Cell blocks: the cells of a file with header rows, or of a piece of it, whether text or workbook.

Belongs here: their shape, and how header rows name columns. Belongs elsewhere: reading a format (``csv_reader``,
``workbook_reader``), and which item a header names (``header_matching``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import polars as pl

from lgdp_pipelines.handover.extract_reading import ROW

MAX_COLUMNS = 16_384
"""As many as a spreadsheet can have; a record that is wider is no record of a return."""
HEADER_SEPARATOR = " / "


@dataclass(frozen=True)
class CellBlock:
    """The cells of a file, or of a piece of it.

    Attributes:
        header: what each column is called; empty text where nothing names it.
        frame: a string column ``0``, ``1``, … for each column of the widest record, null where empty; ``_row`` (int64).
        misshapen: ``_row`` (int64) and ``cells`` (int64), of records with more or fewer cells than the header.
        last_row: number of the last record, records without any cell counted too.
        header_row: row in which the header ends.
        sheet: name of the sheet; None where the file is no workbook.
    """

    header: tuple[str, ...]
    frame: pl.DataFrame
    misshapen: pl.DataFrame
    last_row: int
    header_row: int = 1
    sheet: str | None = None


def join_headers(upper: Sequence[str], lower: Sequence[str]) -> tuple[str, ...]:
    """Return column names of two header rows: ``upper / lower``, or the filled one.

    Args:
        upper: cells of the first row, each filled in wherever it holds for the column.
        lower: cells of the second row.
    """
    pairs = zip_longest(upper, lower, fillvalue="")
    return tuple(HEADER_SEPARATOR.join(part for part in pair if part.strip()) for pair in pairs)


def fill_right(cells: Sequence[str]) -> list[str]:
    """Return an upper header row of text with each name repeated until the next."""
    filled: list[str] = []
    for cell in cells:
        filled.append(cell if cell.strip() or not filled else filled[-1])
    return filled


def build_frame(records: Sequence[Sequence[str | None]], rows: Sequence[int], width: int = 0) -> pl.DataFrame:
    """Return records as a frame of numbered columns and ``_row``, at least so wide."""
    width = max(width, max(map(len, records), default=0))
    cells = list(zip_longest(*records)) if records else []
    cells += [(None,) * len(records)] * (width - len(cells))
    data = {str(place): pl.Series(column, dtype=pl.String) for place, column in enumerate(cells)}
    return pl.DataFrame({**data, ROW: pl.Series(rows, dtype=pl.Int64)})


def build_misshapen(rows: Sequence[tuple[int, int]] = ()) -> pl.DataFrame:
    """Return rows and their number of cells as :attr:`CellBlock.misshapen`."""
    return pl.DataFrame(list(rows), schema={ROW: pl.Int64, "cells": pl.Int64}, orient="row")
