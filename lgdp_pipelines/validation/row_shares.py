"""A table's rows in shares: all rows with the same values in some columns are in the same share.

So what crosses rows of a table larger than memory can be asked of one share after the other. A table that fits into
memory is one share. What belongs here: dealing rows out. What does not: what is asked of them (``keys``, ``earlier``).
"""

from collections.abc import Iterator, Sequence
from math import ceil

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces

ROWS_AT_ONCE = 4_000_000
"""Rows of a share, more or less, of the few columns that are asked for."""


def count_shares(*tables: Pieces) -> int:
    """How many shares the largest of some tables is dealt out into."""
    return max(1, *(ceil(table.height / ROWS_AT_ONCE) for table in tables))


def read_share(table: Pieces, by: Sequence[str], columns: Sequence[str], number: int, count: int) -> pl.DataFrame:
    """One share of a table, in the table's order.

    Args:
        table: to deal out.
        by: rows with the same values in these are in one share; with none, every row is in the first.
        columns: to be given, these among them.
        number: of the share, from 0.
        count: of all shares.
    """
    wanted = list(dict.fromkeys([*by, *columns]))
    pieces = (frame.select(wanted) for frame in table.only(wanted))
    if count == 1:
        return pl.concat(pieces, rechunk=False)
    dealt = pl.struct(by).hash() % count == number if by else pl.lit(number == 0)
    return pl.concat([frame.filter(dealt) for frame in pieces], rechunk=False)


def iterate_shares(table: Pieces, by: Sequence[str], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """All shares of a table, one after the other."""
    count = count_shares(table)
    return (read_share(table, by, columns, number, count) for number in range(count))
