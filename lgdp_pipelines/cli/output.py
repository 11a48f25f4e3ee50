"""Rendering of results: prose and progress to standard error, results to standard output.

Belongs here: the look of rows, tables and text. Belongs elsewhere: finding the results.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lgdp_pipelines.reporting.spreadsheet_safety import escape_formulas

_ERR = Console(stderr=True, highlight=False, soft_wrap=True)
_OUT = Console(highlight=False, soft_wrap=True)

_PIPE_WIDTH = 10_000
"""Columns of a page for a pipe or file, so that no line is folded or cut."""

Row = Mapping[str, object]

TableFormat = Literal["table", "csv", "json"]
"""A format of rows."""


def say(text: str) -> None:
    """Print a line of prose, with rich's markup, to standard error."""
    _ERR.print(text)


def print_failure(failure: str, remedy: str) -> None:
    """Print a failure to standard error, and its remedy below it."""
    say(f"  [red]✗[/red] {escape(failure)}\n    → {escape(remedy)}")


@contextmanager
def show_progress(task: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner on a terminal, then the task's name and duration.

    Yields:
        A function that takes the step being done now.
    """
    start = monotonic()
    if _ERR.is_terminal:
        with _ERR.status(task) as status:
            yield lambda step: status.update(f"{task}: {escape(step)}")
    else:
        yield lambda _step: None
    say(f"[green]✓[/green] {task} [dim]({monotonic() - start:.1f} s)[/dim]")


def print_text(text: str) -> None:
    """Print plain text to standard output."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def print_markup(text: str) -> None:
    """Print text with rich's markup to standard output."""
    _OUT.print(text)


def print_json(value: object, *, ensure_ascii: bool = True) -> None:
    """Print a value as indented JSON; dates and other types become text."""
    json.dump(value, sys.stdout, default=str, ensure_ascii=ensure_ascii, indent=1)
    sys.stdout.write("\n")


def print_csv(columns: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    """Print a header and rows as CSV."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def print_rows(
    rows: Sequence[Row], columns: Sequence[str], table_format: TableFormat, *, is_spreadsheet_safe: bool = False
) -> None:
    """Print rows as a table, as CSV or as a JSON list.

    Args:
        rows: values by column.
        columns: to print, in order.
        table_format: of the output.
        is_spreadsheet_safe: in CSV, no spreadsheet takes a text for a formula; for columns that people fill in.
    """
    match table_format:
        case "json":
            print_json([{name: row.get(name) for name in columns} for row in rows])
        case "csv":
            cells = ([row.get(name) for name in columns] for row in rows)
            print_csv(columns, (list(map(_escape_text, row)) if is_spreadsheet_safe else row for row in cells))
        case "table":
            _print_table_of_rows(rows, columns)


def new_table(title: str | None, left_columns: Sequence[str], right_columns: Sequence[str] = ()) -> Table:
    """Return an empty table: columns aligned left, then columns aligned right."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in left_columns:
        table.add_column(name, no_wrap=True)
    for name in right_columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    """Print a table to standard output."""
    (_OUT if _OUT.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)).print(table)


def _print_table_of_rows(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print rows as a table, or as blocks on a narrow terminal.

    A block has a line for each column of its row.
    """
    table = new_table(None, ())
    for name in columns:
        table.add_column(escape(name), justify="right" if _is_number_column(rows, name) else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_format_cell(row.get(name)) for name in columns))
    if not _OUT.is_terminal or _OUT.measure(table).maximum <= _OUT.width:
        print_table(table)
        return
    for number, row in enumerate(rows, 1):
        block = Table(title=f"row {number}", title_justify="left", box=None, pad_edge=False, show_header=False)
        block.add_column(style="dim", no_wrap=True)
        block.add_column(overflow="fold")
        for name in columns:
            block.add_row(escape(name), _format_cell(row.get(name)))
        _OUT.print(block)


def _is_number_column(rows: Sequence[Row], name: str) -> bool:
    """Return whether the first values of a column are all numbers."""
    values = [row[name] for row in rows[:50] if row.get(name) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _format_cell(value: object) -> str:
    """Return a value as text for a table."""
    return "" if value is None else escape(str(value))


def _escape_text(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    return escape_formulas(value) if isinstance(value, str) else value
