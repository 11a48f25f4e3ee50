"""A table of a synthetic extract before it is written: good rows, and events planted in some of them.

Belongs here: the rows that get each defect, the text of a planted cell, and the truth: rule, table, row and column of
each defect, written down before anything is judged. Belongs elsewhere: the defects of a return (``hl1``, ``source``,
``lfr``), and judging.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

N = "_n"
"""Column with the position of a row in its table, from 0."""
FIRST_ROW = 2
"""The row of the file that holds the first one, below the header."""
TRUTH = pl.Schema(
    {"rule": pl.String(), "severity": pl.String(), "table": pl.String(), "row": pl.Int64(), "column": pl.String()}
)
"""One planted defect: the rule that must find it, and its location; ``column`` is null for a whole row."""


@dataclass(frozen=True)
class PlantedFinding:
    """A finding that a row with a defect must have.

    Attributes:
        rule: id of the rule.
        severity: of the finding.
        column: header of the cell; None for the row as a whole.
    """

    rule: str
    severity: str
    column: str | None


@dataclass(frozen=True)
class Event:
    """One way to make a row invalid, or to bring it to the border of being invalid.

    Attributes:
        findings: the findings that such a row must have; empty for a valid row at the border.
        changes: the text of a planted cell, by item name, computed from the good row.
        repeats: items whose text is taken from an earlier good row.
        is_ragged: whether the row gets a surplus cell.
    """

    findings: tuple[PlantedFinding, ...]
    changes: Mapping[str, pl.Expr] = field(default_factory=dict)
    repeats: tuple[str, ...] = ()
    is_ragged: bool = False


@dataclass(frozen=True)
class Draft:
    """A table with the events planted in it.

    Attributes:
        rows: text by item name, as it will be written; ``_n``.
        truth: frame of :data:`TRUTH`.
        ragged: ``_n`` of the rows that get a surplus cell.
    """

    rows: pl.DataFrame
    truth: pl.DataFrame
    ragged: tuple[int, ...] = ()


def plant_events(
    table: str, good_rows: pl.DataFrame, events: Sequence[Event], *, share: float, candidates: pl.Series, seed: int
) -> Draft:
    """Return a table with events distributed evenly over its rows.

    Args:
        table: its name.
        good_rows: rows of text by item name, and ``_n``.
        events: to be planted, each at least once.
        share: of the rows that get a defect; as many again are brought to the border.
        candidates: ``_n`` of the rows that may get one, in order; the first stays good, to be repeated.
        seed: of the random choice of rows.
    """
    defects = [event for event in events if event.findings]
    border_events = [event for event in events if not event.findings]
    defect_count = max(int(good_rows.height * share), len(defects))
    if candidates.len() <= defect_count + max(defect_count, len(border_events)):
        raise ValueError(f"{table} has too few rows for {len(events)} events")
    chosen_rows = candidates.slice(1).shuffle(seed).head(2 * defect_count)
    untouched_rows = candidates.filter(~candidates.is_in(chosen_rows.implode()))
    placements = [
        *_distribute(defects, chosen_rows.head(defect_count)),
        *_distribute(border_events, chosen_rows.slice(defect_count)),
    ]
    return place_events(table, good_rows, placements, untouched_rows)


def place_events(
    table: str, good_rows: pl.DataFrame, placements: Sequence[tuple[Event, pl.Series]], untouched_rows: pl.Series
) -> Draft:
    """Return a table with events planted in given rows.

    Args:
        table: its name.
        good_rows: rows of text by item name, and ``_n``.
        placements: each event with the ``_n`` of its rows, in order; no row has two.
        untouched_rows: ``_n`` of good rows that may be repeated, in order.
    """
    texts: dict[str, list[pl.Series]] = {}
    row_lists: dict[str, list[pl.Series]] = {}
    for event, positions in placements:
        for text in _build_texts(good_rows, event, positions, untouched_rows):
            texts.setdefault(text.name, []).append(text)
            row_lists.setdefault(text.name, []).append(positions)
    columns = [
        good_rows.get_column(name).clone().scatter(pl.concat(row_lists[name]), pl.concat(new_texts))
        for name, new_texts in texts.items()
    ]
    return Draft(
        rows=good_rows.with_columns(columns),
        truth=pl.concat(
            [
                TRUTH.to_frame(),
                *(
                    _build_truth(finding, table, positions)
                    for event, positions in placements
                    for finding in event.findings
                ),
            ]
        ),
        ragged=tuple(row for event, positions in placements if event.is_ragged for row in positions),
    )


def _distribute(events: Sequence[Event], rows: pl.Series) -> list[tuple[Event, pl.Series]]:
    """Return each event with the rows that it is planted in, in order."""
    turns = pl.int_range(rows.len(), eager=True) % max(len(events), 1)
    return [(event, rows.filter(turns == number).sort()) for number, event in enumerate(events)]


def _build_texts(
    good_rows: pl.DataFrame, event: Event, positions: pl.Series, untouched_rows: pl.Series
) -> list[pl.Series]:
    """Return the new text of the cells of some rows, named by item."""
    changed_rows = (
        good_rows[positions]
        .with_columns(expression.alias(name) for name, expression in event.changes.items())
        .select(*event.changes)
    )
    if not event.repeats:
        return changed_rows.get_columns()
    repeatable_rows = untouched_rows.filter(good_rows[untouched_rows].get_column(event.repeats[0]).is_not_null())
    earlier_rows = repeatable_rows.gather(repeatable_rows.search_sorted(positions) - 1)
    return [*good_rows[earlier_rows].select(event.repeats).get_columns(), *changed_rows.get_columns()]


def _build_truth(finding: PlantedFinding, table: str, positions: pl.Series) -> pl.DataFrame:
    return pl.select(
        rule=pl.lit(finding.rule),
        severity=pl.lit(finding.severity),
        table=pl.lit(table),
        row=positions.cast(pl.Int64) + FIRST_ROW,
        column=pl.lit(finding.column, dtype=pl.String),
    )


REMARKS = "Remarks"
"""A column that every file has and that the contract does not declare."""
_EXTRA = "\x1f"


def write_csv(draft: Draft, headers: Mapping[str, str]) -> bytes:
    """Return a table as comma-separated text; no cell holds a comma or a quote."""
    ragged_rows = pl.Series(draft.ragged, dtype=pl.Int64)
    remarks = pl.when(pl.col(N).is_in(ragged_rows.implode())).then(pl.lit(_EXTRA)).otherwise(pl.lit("none"))
    cells = [pl.col(name).alias(header) for name, header in headers.items()]
    text_ = draft.rows.select(*cells, remarks.alias(REMARKS)).write_csv(quote_style="never", null_value="")
    return text_.encode().replace(_EXTRA.encode(), b"one,more")
