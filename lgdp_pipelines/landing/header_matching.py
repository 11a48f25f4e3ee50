"""Matching the headers of an extract to the items of a table.

A header matches exactly, or else ignoring case and white space, or else by a declared pattern for the whole of it: no
match rests on likeness alone. A header without an item is kept and reported; nothing is dropped for its spelling.
Belongs here: matching. Belongs elsewhere: reading cells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl

from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import SystemMapping, TableMapping
from lgdp_pipelines.register.model.table_model import Item, Spellings, Table
from lgdp_pipelines.vocabulary.spellings import fold_spelling


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """The columns of an extract matched to the items of a table.

    Attributes:
        positions: by item name, the positions of its columns; more than one where headers repeat.
        missing: items without a column that the file should have.
        repeated: items with more than one column.
        extra: positions of the columns that neither an item nor the mapping names.
        ambiguous: positions of the columns that could be of several items, with those items.
        expected_headers: by item name, the header that its column should have; items of other files are left out.
    """

    positions: Mapping[str, Sequence[int]]
    missing: tuple[Item, ...]
    repeated: tuple[Item, ...]
    extra: tuple[int, ...]
    ambiguous: Mapping[int, tuple[Item, ...]]
    expected_headers: Mapping[str, str]


def match_headers(
    table: Table, headers: Sequence[str], table_mapping: TableMapping | None = None, file: str | None = None
) -> HeaderMatch:
    """Match headers, in the extract's order, to the items of a table.

    Args:
        table: of the contract.
        headers: of the extract.
        table_mapping: of the system's export to the table; None: the extract has the contract's own headers.
        file: name, in the mapping, of the joined file with the headers; None: the only or base file.
    """
    spellings_by_name = _list_spellings(table, table_mapping, file)
    ignored = table_mapping.ignored if table_mapping else Spellings()
    names_by_header = _match_names({**spellings_by_name, _IGNORED: ignored}, headers)
    positions: dict[str, list[int]] = {}
    for position, names in enumerate(names_by_header):
        if len(names) == 1 and names[0] != _IGNORED:
            positions.setdefault(names[0], []).append(position)
    ambiguous = {
        position: tuple(table.by_name[name] for name in names if name != _IGNORED)
        for position, names in enumerate(names_by_header)
        if len(names) > 1
    }
    present_names = positions.keys() | {item.name for items in ambiguous.values() for item in items}
    items = [item for item in table.items if item.name in spellings_by_name]
    return HeaderMatch(
        positions=positions,
        missing=tuple(item for item in items if item.name not in present_names),
        repeated=tuple(item for item in items if len(positions.get(item.name, ())) > 1),
        extra=tuple(position for position, names in enumerate(names_by_header) if not names),
        ambiguous=ambiguous,
        expected_headers={name: _expected_header(spellings) for name, spellings in spellings_by_name.items()},
    )


_IGNORED = ""
"""Name, among those of items, of the columns that a mapping ignores."""


def list_headers(contract: Contract, mapping: SystemMapping | None) -> list[str]:
    """Return the declared headers of items, by mapping or else by contract.

    Args:
        contract: that an extract answers.
        mapping: of the system's export to the contract; None: the extract is in the contract's own form.
    """
    if mapping is None:
        return [header for table in contract.tables for item in table.items for header in item.spellings.headers]
    columns = chain.from_iterable(table.columns.values() for table in mapping.tables.values())
    return [header for column in columns for header in column.spellings.headers]


def _list_spellings(table: Table, table_mapping: TableMapping | None, file: str | None) -> dict[str, Spellings]:
    """Return the header spellings of each item that the file should have."""
    if table_mapping is None:
        return {item.name: item.spellings for item in table.items}
    base = table_mapping.files[0].name if table_mapping.files else ""
    table_file = base if file is None else file
    columns = {name: column for name, column in table_mapping.columns.items() if (column.file or base) == table_file}
    return {item.name: columns[item.name].spellings for item in table.items if item.name in columns}


def _expected_header(spellings: Spellings) -> str:
    """Return the first declared header, or the pattern of headers."""
    return spellings.headers[0] if spellings.headers else f"(of the form {spellings.patterns[0]})"


def _match_names(spellings_by_name: Mapping[str, Spellings], headers: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the item names that match each header."""
    pairs = [(header, name) for name, spellings in spellings_by_name.items() for header in spellings.headers]
    exact = _group_names(pairs)
    folded = _group_names((fold_spelling(header), name) for header, name in pairs)
    names_by_header = [exact.get(header) or folded.get(fold_spelling(header)) or () for header in headers]
    unmatched = [position for position, names in enumerate(names_by_header) if not names]
    for position, name in _match_patterns(spellings_by_name, headers, unmatched):
        names_by_header[position] = tuple(dict.fromkeys((*names_by_header[position], name)))
    return names_by_header


def _group_names(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the names of each text, each name once."""
    groups: dict[str, tuple[str, ...]] = {}
    for text, name in pairs:
        groups[text] = tuple(dict.fromkeys((*groups.get(text, ()), name)))
    return groups


def _match_patterns(
    spellings_by_name: Mapping[str, Spellings], headers: Sequence[str], positions: Sequence[int]
) -> Iterator[tuple[int, str]]:
    """Yield position and name of each header that matches a pattern."""
    # Polars' engine takes time that grows with the text alone, for any header and any pattern.
    texts = pl.Series([" ".join(headers[position].split()) for position in positions], dtype=pl.String)
    for name, spellings in spellings_by_name.items():
        for pattern in spellings.patterns:
            matches = texts.str.contains(f"^(?:{pattern})$")
            yield from ((positions[index], name) for index in matches.arg_true())
