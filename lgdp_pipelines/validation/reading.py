"""Columns that read as they were sent, told at a fraction of what a regular expression costs in each cell.

In most files most columns are spelt by the contract from the first row to the last. A column is given here only where
that is certain; where it is not, ``repairs`` looks at each cell, and ``typed`` reads it. What belongs here: cheap tests
that are enough by themselves. What does not: what a value looks like (``typed``), and making one canonical.
"""

from collections.abc import Iterator, Mapping

import polars as pl

from lgdp_pipelines.register.parts import Item, ItemType, Table
from lgdp_pipelines.validation.typed import NAMING, shape_of


def read_as_sent(table: Table, text: pl.DataFrame) -> Mapping[str, pl.Series]:
    """The values of those columns, by item: every cell is empty or has the shape of a value of its type.

    Args:
        table: of the contract; items with a code list, and those that name council and period, are not looked at.
        text: a string column for each item; null where a cell is empty.
    """
    plain = [item for item in table.items if item.code_list is None and item.role not in NAMING]
    return dict(_read(plain, text))


def _read(items: list[Item], text: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    texts = [item.name for item in items if item.type is ItemType.TEXT]
    whole = [item.name for item in items if item.type is ItemType.INTEGER]
    made = text.lazy().select(
        *(_begins_visibly(name).all().alias(f"{_HOLDS}{name}") for name in texts),
        *(pl.col(name).cast(pl.Int64, strict=False) for name in whole),
        *(_begins_like_a_number(name).all().alias(f"{_HOLDS}{name}") for name in whole),
    )
    found = made.collect() if texts or whole else pl.DataFrame()
    for name in (*texts, *whole):
        read = found.get_column(name) if name in whole else text.get_column(name)
        is_read = read.null_count() == text.get_column(name).null_count()
        if is_read and found.get_column(f"{_HOLDS}{name}").first() is not False:
            yield name, read
    for item in items:
        if item.type is ItemType.DATE and (days := _days(item, text.get_column(item.name))) is not None:
            yield item.name, days


_HOLDS = "_holds."


def _begins_visibly(name: str) -> pl.Expr:
    """Whether a text begins with a character of ASCII that is to be seen, and so is not blank."""
    return (pl.col(name) >= "!") & (pl.col(name) < "\x7f")


def _begins_like_a_number(name: str) -> pl.Expr:
    """Whether a text begins with no white space or plus sign: nothing else Polars takes for a whole number besides."""
    return pl.col(name) >= "-"


def _days(item: Item, text: pl.Series) -> pl.Series | None:
    """The days of a column, each spelling read once; None where it has many, or one without the shape of a day."""
    if text.head(_SAMPLE).n_unique() > _FEW:
        return None
    spelt = text.unique().drop_nulls()
    if spelt.is_empty() or not spelt.str.contains(shape_of(item)).all():
        return None
    return text.replace_strict(spelt, spelt.str.to_date(item.date_format, strict=False), return_dtype=pl.Date)


_SAMPLE, _FEW = 2_000, 800
"""Rows that are looked at, and the different spellings among them from which on reading each cell costs less."""
