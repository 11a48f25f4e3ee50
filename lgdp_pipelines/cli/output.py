"""How results look: prose and progress to standard error, results to standard output.

What belongs here: rendering. What does not: finding out what to render.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_ERR = Console(stderr=True, highlight=False, soft_wrap=True)
_OUT = Console(highlight=False, soft_wrap=True)

_WIDEST = 10_000
"""Columns of a page that nobody looks at as it is printed: into a pipe or file nothing is folded or cut."""

Row = Mapping[str, object]


class TableFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def say(text: str) -> None:
    """One line of prose for a person, with rich's markup."""
    _ERR.print(text)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Show that long work goes on: a spinner on a terminal, and one line with the time it took when it is done.

    Yields:
        A function that is told what is being done now.
    """
    begun = monotonic()
    if _ERR.is_terminal:
        with _ERR.status(what) as status:
            yield lambda text: status.update(f"{what}: {escape(text)}")
    else:
        yield lambda _text: None
    say(f"[green]✓[/green] {what} [dim]({monotonic() - begun:.1f} s)[/dim]")


def rows_out(rows: Sequence[Row], columns: Sequence[str], form: TableFormat) -> None:
    """Rows to standard output, as a table for eyes, CSV or a JSON list."""
    match form:
        case TableFormat.JSON:
            json.dump([{name: row.get(name) for name in columns} for row in rows], sys.stdout, default=str, indent=1)
            sys.stdout.write("\n")
        case TableFormat.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([row.get(name) for name in columns] for row in rows)
        case TableFormat.TABLE:
            _print_rows(rows, columns)


def _print_rows(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """A table; where a row is wider than the terminal, one block a row, with a line for each column."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(escape(name), justify="right" if _is_number_column(rows, name) else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    if not _OUT.is_terminal or _OUT.measure(table).maximum <= _OUT.width:
        print_table(table)
        return
    for number, row in enumerate(rows, 1):
        block = Table(title=f"row {number}", title_justify="left", box=None, pad_edge=False, show_header=False)
        block.add_column(style="dim", no_wrap=True)
        block.add_column(overflow="fold")
        for name in columns:
            block.add_row(escape(name), _cell(row.get(name)))
        _OUT.print(block)


def text_out(text: str) -> None:
    """Plain text to standard output."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def print_out(text: str) -> None:
    """Text with rich's markup to standard output."""
    _OUT.print(text)


def print_table(table: Table) -> None:
    """A table for eyes to standard output."""
    (_OUT if _OUT.is_terminal else Console(highlight=False, width=_WIDEST)).print(table)


def _is_number_column(rows: Sequence[Row], name: str) -> bool:
    present = [row[name] for row in rows[:50] if row.get(name) is not None]
    return bool(present) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)


def _cell(value: object) -> str:
    return "" if value is None else escape(str(value))
