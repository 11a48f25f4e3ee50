"""Columns that read as they were sent, told of all cells at once and in one go over the table.

In most files most columns are spelt by the contract from the first row to the last. A column is given here only where
that is certain; where it is not, ``repairs`` looks at each cell, and ``typed`` reads it. What belongs here: tests that
are enough by themselves. What does not: what a value looks like (``typed``), and making one canonical.
"""

from collections.abc import Iterator, Mapping

import polars as pl

from lgdp_pipelines.register.model.table_model import Item, ItemType, Table
from lgdp_pipelines.validation.type_parsing import IDENTIFYING_ROLES, value_pattern


def read_canonical_columns(table: Table, text: pl.DataFrame) -> Mapping[str, pl.Series]:
    """The values of those columns, by item: every cell is empty or has the shape of a value of its type.

    Args:
        table: of the contract; items with a code list, and those that name council and period, are not looked at.
        text: a string column for each item; null where a cell is empty.
    """
    plain = [item for item in table.items if item.code_list is None and item.role not in IDENTIFYING_ROLES]
    return dict(_read(plain, text))


def _read(items: list[Item], text: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    looked_at = [item for item in items if item.type in _TESTS]
    if not looked_at:
        return
    made = text.lazy().select(
        *(_TESTS[item.type](item).all().alias(f"{_HOLDS}{item.name}") for item in looked_at),
        *(pl.col(item.name).cast(pl.Int64, strict=False) for item in looked_at if item.type is ItemType.INTEGER),
        *(
            pl.col(item.name).str.to_date(item.date_format, strict=False, cache=False)
            for item in looked_at
            if item.type is ItemType.DATE
        ),
    )
    found = made.collect()
    for item in looked_at:
        sent = text.get_column(item.name)
        read = sent if item.type is ItemType.TEXT else found.get_column(item.name)
        # A day of the right shape that is in no calendar is null, and that is all that can be read of it.
        is_read = item.type is ItemType.DATE or read.null_count() == sent.null_count()
        if is_read and found.get_column(f"{_HOLDS}{item.name}").first() is not False:
            yield item.name, read


_HOLDS = "_holds."


def _begins_visibly(item: Item) -> pl.Expr:
    """Whether a text begins with a character of ASCII that is to be seen, and so is not blank."""
    return (pl.col(item.name) >= "!") & (pl.col(item.name) < "\x7f")


def _begins_like_a_number(item: Item) -> pl.Expr:
    """Whether a text begins with no white space or plus sign: nothing else Polars takes for a whole number besides."""
    return pl.col(item.name) >= "-"


def _has_the_shape(item: Item) -> pl.Expr:
    return pl.col(item.name).str.contains(value_pattern(item))


_TESTS = {
    ItemType.TEXT: _begins_visibly,
    ItemType.INTEGER: _begins_like_a_number,
    ItemType.DATE: _has_the_shape,
}
"""By type, what a text has that Polars reads as a value of it, where a person would too."""
