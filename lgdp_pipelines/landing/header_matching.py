"""Which column of an extract holds which item.

A header matches to the letter, or else but for case and white space, or else by a declared pattern for the whole of it:
that loses nothing, and likeness is never enough. What no item takes is kept and told; nothing is dropped for its
spelling. Belongs here: matching. Belongs elsewhere: reading cells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.register.model.system_mapping import TableMapping
from lgdp_pipelines.register.model.table_model import Item, Spellings, Table
from lgdp_pipelines.vocabulary.councils import fold_spelling


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """The columns of an extract matched to the items of a table.

    Attributes:
        positions: by item name, the places of the columns that name it; more than one where headers repeat.
        missing: items that no header names, although the file should have them.
        repeated: items that more than one header names.
        extra: places of the headers that name no item and that nobody expects.
        ambiguous: places of the headers that could name one item or another, with those items.
        called: by item name, what its column should be called; items that the file need not have are not there.
    """

    positions: Mapping[str, tuple[int, ...]]
    missing: tuple[Item, ...]
    repeated: tuple[Item, ...]
    extra: tuple[int, ...]
    ambiguous: Mapping[int, tuple[Item, ...]]
    called: Mapping[str, str]


def match_headers(
    table: Table, headers: Sequence[str], mapped: TableMapping | None = None, file: str | None = None
) -> HeaderMatch:
    """Match headers, in the extract's order, to the items of a table.

    Args:
        table: of the contract.
        headers: of the extract.
        mapped: how the system's export fills the table; None: the extract is in the contract's own manner.
        file: which of several joined files the headers are of, as the mapping names them; None: there is but one.
    """
    spellings_by_name = _list_spellings(table, mapped, file)
    ignored = mapped.ignored if mapped else Spellings()
    fitting = _match_names({**spellings_by_name, _IGNORED: ignored}, headers)
    places_by_item: dict[str, list[int]] = {}
    for place, names in enumerate(fitting):
        if len(names) == 1 and names[0] != _IGNORED:
            places_by_item.setdefault(names[0], []).append(place)
    ambiguous = {
        place: tuple(table.by_name[name] for name in names if name != _IGNORED)
        for place, names in enumerate(fitting)
        if len(names) > 1
    }
    unclear = {item.name for items in ambiguous.values() for item in items}
    items = [item for item in table.items if item.name in spellings_by_name]
    return HeaderMatch(
        positions={name: tuple(places) for name, places in places_by_item.items()},
        missing=tuple(item for item in items if item.name not in places_by_item and item.name not in unclear),
        repeated=tuple(item for item in items if len(places_by_item.get(item.name, ())) > 1),
        extra=tuple(place for place, names in enumerate(fitting) if not names),
        ambiguous=ambiguous,
        called={name: _expected_header(spellings) for name, spellings in spellings_by_name.items()},
    )


_IGNORED = ""
"""Stands among the names of items for columns that are known and not asked for."""


def _list_spellings(table: Table, mapped: TableMapping | None, file: str | None) -> dict[str, Spellings]:
    """Return the header spellings of each item that the file should have."""
    if mapped is None:
        return {item.name: item.spellings for item in table.items}
    base = mapped.files[0].name if mapped.files else ""
    table_file = base if file is None else file
    columns = {name: column for name, column in mapped.columns.items() if (column.file or base) == table_file}
    return {item.name: columns[item.name].spellings for item in table.items if item.name in columns}


def _expected_header(spellings: Spellings) -> str:
    return spellings.headers[0] if spellings.headers else f"(of the form {spellings.patterns[0]})"


def _match_names(spellings_by_name: Mapping[str, Spellings], headers: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each header the matching names: exact, or else folded, or else by pattern."""
    exact = _group_names(
        (header, name) for name, spellings in spellings_by_name.items() for header in spellings.headers
    )
    folded = _group_names(
        (fold_spelling(header), name) for name, spellings in spellings_by_name.items() for header in spellings.headers
    )
    names_by_header = [exact.get(header) or folded.get(fold_spelling(header)) or () for header in headers]
    unmatched = [place for place, names in enumerate(names_by_header) if not names]
    for place, name in _match_patterns(spellings_by_name, headers, unmatched):
        names_by_header[place] = tuple(dict.fromkeys((*names_by_header[place], name)))
    return names_by_header


def _group_names(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for text, name in pairs:
        groups[text] = tuple(dict.fromkeys((*groups.get(text, ()), name)))
    return groups


def _match_patterns(
    spellings_by_name: Mapping[str, Spellings], headers: Sequence[str], places: Sequence[int]
) -> Iterator[tuple[int, str]]:
    # Polars' engine takes time that grows with the text alone, whatever the header and the pattern are.
    texts = pl.Series([" ".join(headers[place].split()) for place in places], dtype=pl.String)
    for name, spellings in spellings_by_name.items():
        for pattern in spellings.patterns:
            fits = texts.str.contains(f"^(?:{pattern})$")
            yield from ((places[number], name) for number in fits.arg_true())
