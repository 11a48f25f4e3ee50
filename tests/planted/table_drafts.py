"""A table of a made-up extract before it is written: good rows, and what is planted in some of them.

Belongs here: which rows get which defect, the text that a planted cell gets, and the truth of it: rule, table, row and
column of each defect, written down before anything is judged. Belongs elsewhere: which defects a return has (``hl1``,
``source``, ``lfr``) and the judging, of which nothing here knows anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

N = "_n"
"""The place of a row in its table, from 0."""
FIRST_ROW = 2
"""The row of the file in which the first one stands, below the header."""
TRUTH = pl.Schema(
    {"rule": pl.String(), "severity": pl.String(), "table": pl.String(), "row": pl.Int64(), "column": pl.String()}
)
"""One planted defect: the rule that must find it, and where; ``column`` is null where a whole row is meant."""


@dataclass(frozen=True)
class PlantedFinding:
    """What must be found in a row with a defect.

    Attributes:
        rule: id of the rule.
        severity: of the finding.
        column: header of the cell; None where the row as a whole is meant.
    """

    rule: str
    severity: str
    column: str | None


@dataclass(frozen=True)
class Event:
    """One way in which a row can be made bad, or be brought to the very border of being bad.

    Attributes:
        finds: what must be found in such a row; nothing, where it lies at the border and is good.
        changes: the text that a planted cell gets, by item name, worked out from the good row.
        repeats: items whose text is taken from an earlier good row.
        is_ragged: the row gets a cell too many.
    """

    finds: tuple[PlantedFinding, ...]
    changes: Mapping[str, pl.Expr] = field(default_factory=dict)
    repeats: tuple[str, ...] = ()
    is_ragged: bool = False


@dataclass(frozen=True)
class Draft:
    """A table with what is planted in it.

    Attributes:
        rows: text by item name, as it will be written; ``_n``.
        truth: frame of :data:`TRUTH`.
        ragged: ``_n`` of the rows that get a cell too many.
    """

    rows: pl.DataFrame
    truth: pl.DataFrame
    ragged: tuple[int, ...] = ()


def planted(
    table: str, good: pl.DataFrame, events: Sequence[Event], *, share: float, among: pl.Series, seed: int
) -> Draft:
    """A table with events dealt out to its rows in turn, so that each comes about as often as any other.

    Args:
        table: its name.
        good: rows of text by item name, and ``_n``.
        events: to be planted, each at least once.
        share: of the rows that get a defect; as many again are brought to the border.
        among: ``_n`` of the rows that may get one, in order; the first of them stays good, to be repeated.
        seed: of the chance by which rows are chosen.
    """
    bad = [event for event in events if event.finds]
    border = [event for event in events if not event.finds]
    wanted = max(int(good.height * share), len(bad))
    if among.len() <= wanted + max(wanted, len(border)):
        raise ValueError(f"{table} has too few rows for {len(events)} events")
    chosen = among.slice(1).shuffle(seed).head(2 * wanted)
    untouched = among.filter(~among.is_in(chosen.implode()))
    dealt = [*_dealt(bad, chosen.head(wanted)), *_dealt(border, chosen.slice(wanted))]
    return with_events(table, good, dealt, untouched)


def with_events(
    table: str, good: pl.DataFrame, dealt: Sequence[tuple[Event, pl.Series]], untouched: pl.Series
) -> Draft:
    """A table with events planted where they are said to be.

    Args:
        table: its name.
        good: rows of text by item name, and ``_n``.
        dealt: each event with the ``_n`` of its rows, in order; no row has two.
        untouched: ``_n`` of good rows that may be repeated, in order.
    """
    texts: dict[str, list[pl.Series]] = {}
    places: dict[str, list[pl.Series]] = {}
    for event, at in dealt:
        for text in _texts(good, event, at, untouched):
            texts.setdefault(text.name, []).append(text)
            places.setdefault(text.name, []).append(at)
    columns = [
        good.get_column(name).clone().scatter(pl.concat(places[name]), pl.concat(new)) for name, new in texts.items()
    ]
    return Draft(
        rows=good.with_columns(columns),
        truth=pl.concat(
            [TRUTH.to_frame(), *(_truth(found, table, at) for event, at in dealt for found in event.finds)]
        ),
        ragged=tuple(row for event, at in dealt if event.is_ragged for row in at),
    )


def _dealt(events: Sequence[Event], rows: pl.Series) -> list[tuple[Event, pl.Series]]:
    """Each event with the rows that it is planted in, in order."""
    turn = pl.int_range(rows.len(), eager=True) % max(len(events), 1)
    return [(event, rows.filter(turn == number).sort()) for number, event in enumerate(events)]


def _texts(good: pl.DataFrame, event: Event, at: pl.Series, untouched: pl.Series) -> list[pl.Series]:
    """The new text of the cells of some rows, named by item."""
    changed = (
        good[at]
        .with_columns(expression.alias(name) for name, expression in event.changes.items())
        .select(*event.changes)
    )
    if not event.repeats:
        return changed.get_columns()
    repeatable = untouched.filter(good[untouched].get_column(event.repeats[0]).is_not_null())
    earlier = repeatable.gather(repeatable.search_sorted(at) - 1)
    return [*good[earlier].select(event.repeats).get_columns(), *changed.get_columns()]


def _truth(found: PlantedFinding, table: str, at: pl.Series) -> pl.DataFrame:
    return pl.select(
        rule=pl.lit(found.rule),
        severity=pl.lit(found.severity),
        table=pl.lit(table),
        row=at.cast(pl.Int64) + FIRST_ROW,
        column=pl.lit(found.column, dtype=pl.String),
    )


REMARKS = "Remarks"
"""A column that every file has and no contract knows."""
_EXTRA = "\x1f"


def csv_bytes(draft: Draft, headers: Mapping[str, str]) -> bytes:
    """A table as comma-separated text under its headers. No cell of a made-up table holds a comma or a quote."""
    marked = pl.Series(draft.ragged, dtype=pl.Int64)
    remark = pl.when(pl.col(N).is_in(marked.implode())).then(pl.lit(_EXTRA)).otherwise(pl.lit("none"))
    cells = [pl.col(name).alias(header) for name, header in headers.items()]
    written = draft.rows.select(*cells, remark.alias(REMARKS)).write_csv(quote_style="never", null_value="")
    return written.encode().replace(_EXTRA.encode(), b"one,more")
