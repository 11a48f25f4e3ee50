"""Whether a table's key is unique, over all of its pieces.

What belongs here: which rows repeat the key of an earlier one, and which row that is. What does not: how a finding
reads (``telling``).
"""

from collections.abc import Sequence

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.validation.row_shares import iterate_shares
from lgdp_pipelines.validation.type_parsing import NO_ROWS, ROW


def find_repeated_keys(table: Pieces, names: Sequence[str]) -> pl.Series:
    """``_row`` of the rows whose key stands in an earlier row. A key that is not whole is no key."""
    found = [_repeating(one, names) for one in iterate_shares(table, names, [ROW])]
    return found[0] if len(found) == 1 else pl.concat([NO_ROWS, *found]).sort()


def _repeating(rows: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    key = pl.col(names[0]) if len(names) == 1 else pl.struct(names)
    # Keys whose hashes all differ all differ: most tables show it so, at a fraction of the cost.
    if rows.select(key.hash().n_unique()).item() == rows.height:
        return NO_ROWS
    repeats = ~key.is_first_distinct() & pl.all_horizontal(pl.col(names).is_not_null())
    return rows.select(pl.col(ROW).filter(repeats)).to_series()


def find_first_occurrences(table: Pieces, names: Sequence[str], rows: pl.Series) -> pl.Series:
    """For each of some rows, the first row that has the same key.

    Args:
        table: with the columns of the key, and ``_row``.
        names: of the key's columns.
        rows: ``_row`` of a few rows of the table.
    """
    asked = rows.to_frame(ROW)
    columns = [*names, ROW]
    doubled = pl.concat(
        [frame.select(columns).join(asked, on=ROW, how="semi") for frame in table.only(columns)], rechunk=False
    )
    candidates = pl.concat(
        [
            frame.select(columns).join(doubled, on=names, how="semi").group_by(names).agg(pl.col(ROW).min())
            for frame in table.only(columns)
        ]
    )
    first = candidates.group_by(names).agg(pl.col(ROW).min().alias("first"))
    return (
        asked.join(doubled, on=ROW, how="left", maintain_order="left")
        .join(first, on=names, how="left", maintain_order="left")
        .get_column("first")
    )
